"""What was understood of a job's inputs before anything is computed; the artist reads it at the start and the end."""

from __future__ import annotations

from dataclasses import dataclass

from aan_engine.core.frame import spans


@dataclass(frozen=True)
class InputSummary:
    """What was understood of a job's inputs.

    Args:
        frames: the numbers of the frames that are filled, ascending.
        shape: (height, width) of the display window, as the picture is shown.
        precision: how the result stores the picture: "half" or "float".
        colour: the encoding of the plates' values: "scene-linear" or its name.
        picture: the layer or part that is filled, for people; empty for plain channels that have no rival.
        matte: the channels that are read as the matte, for people, as in "A" or "Object_0.Y + Object_1.Y".
        hidden: share of the pixels that the matte hides, 0 .. 1, over those frames that were looked at.
        device: "CPU" or "GPU".
        notes: what else was read from the files or assumed, as in "turned by 90 degrees" or "interlaced".
        warnings: what seems wrong, each a sentence without its stop.
    """

    frames: tuple[int, ...]
    shape: tuple[int, int]
    precision: str
    colour: str
    picture: str
    matte: str
    hidden: float
    device: str
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()

    @property
    def text(self) -> str:
        """One line: `41 frames 1020-1060, 640 x 360 half, scene-linear; matte A hides 5 %; on the CPU`."""
        count = len(self.frames)
        height, width = self.shape
        plates = [f"{count} frame{'s' if count != 1 else ''} {spans(self.frames)}"]
        plates += [f"{width} x {height} {self.precision}", self.colour]
        plates += [f"layer {self.picture}"] if self.picture else []
        matte = f"matte {self.matte} hides {percent(self.hidden)}"
        return "; ".join([", ".join(plates), *self.notes, matte, f"on the {self.device}"])


def percent(share: float) -> str:
    """A share, 0 .. 1, for people: `0 %`, `0.3 %`, `5 %`."""
    return f"{100 * share:.1f} %" if 0 < share < 0.01 else f"{100 * share:.0f} %"
