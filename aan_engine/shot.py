"""The shot: one clean-up job as frozen values, and every way in which it can go wrong.

This room knows what a job *is*; it reads no file and imports nothing of the engine.

The error tree, complete:

    AanError                  every failure of the engine that an artist may meet
    +-- ShotError             the job as described cannot be done (no plates, a range outside the shot)
    +-- PlateError            something about one image file
    |   +-- PlateMissing      the file is not there
    |   +-- PlateUnreadable   it is there, but broken or not an EXR
    |   +-- PlateUnsupported  a sound EXR of a kind that the engine does not fill (deep, luminance-chroma)
    |   +-- PlateUnwritable   the result could not be written; nothing half-written is left
    +-- MatteError            the matte is missing, of another size, or without the named channel
    +-- WeightsError          the network's weights are missing, altered, or of another network
    +-- TouchedError          a bit outside the matte would have changed: the frame is refused
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from aan_engine.errors import MatteError, ShotError

AOVS = ("confidence", "source", "unseen")
DEVICES = ("auto", "cpu", "cuda")
LIGHTS = ("off", "global", "local")


@dataclass(frozen=True)
class FrameFile:
    """One frame of a sequence: its number on the timeline, and its file."""

    frame: int
    path: Path


@dataclass(frozen=True)
class Known:
    """What the artist knows beyond plates and mattes; each may be empty.

    Args:
        clean: a clean plate, one frame or a sequence: further sources.
        painted: frames painted by hand, by the number of the plate that they show: they win over everything.
        holdout: mattes of what passes in front: never painted, never a source. One file holds over the whole shot;
            frames that a sequence lacks have nothing in front.
        exclude: mattes of what must not serve as a source; frames as in `holdout`.
    """

    clean: tuple[FrameFile, ...] = ()
    painted: tuple[FrameFile, ...] = ()
    holdout: tuple[FrameFile, ...] = ()
    exclude: tuple[FrameFile, ...] = ()


@dataclass(frozen=True)
class Controls:
    """How the artist wants it.

    Args:
        grow, feather: pixels by which the matte grows (negative: shrinks), and over which it then fades outwards.
        light: how a source's light is matched to the target: one of `LIGHTS`.
        grain: whether blended, resampled and painted pixels get the grain around them; `seed` draws it.
        smoothing: 0 .. 1, how strongly a frame leans on what was decided for the one before.
        clean_use: "also" or "only": whether the shot's own frames serve as sources beside the clean plate.
        reference_first, reference_last, reference_step: which frames may serve as sources, by their numbers.
        colorspace: the plates' space by its OpenColorIO name; None is scene-linear.
        view: the eye of stereo files that is filled; None is the first.
        write: "full" frames, or a "patch" of the matte's box with alpha.
    """

    grow: float = 0.0
    feather: float = 0.0
    light: str = "local"
    grain: bool = True
    smoothing: float = 0.0
    clean_use: str = "also"
    reference_first: int | None = None
    reference_last: int | None = None
    reference_step: int = 1
    colorspace: str | None = None
    view: str | None = None
    write: str = "full"
    seed: int = 0

    def serves(self, frame: int, *, first: int) -> bool:
        """Whether the plate of this number may serve as a source; steps are counted from `first` or the range's own."""
        low = self.reference_first if self.reference_first is not None else first
        high = self.reference_last if self.reference_last is not None else frame
        return low <= frame <= high and (frame - low) % self.reference_step == 0


@dataclass(frozen=True)
class Shot:
    """Everything that decides the pixels of one job, and nothing else.

    Args:
        plates: every frame that may be looked at, in ascending order.
        mattes: the roto for the same frames; a single file is held over the whole shot.
        first, last: inclusive range of frames to fill; None means the plates' own ends.
        matte_channel: the channel to read the matte from; None means `A`, else the only or first one.
        aovs: diagnostic layers to write, of `AOVS`.
        device: one of `DEVICES`.
        known, controls: see there.

    Raises:
        ShotError: on an empty shot, doubled frames, an unknown AOV or device, or an empty range.
        MatteError: when a plate has no matte.
    """

    plates: tuple[FrameFile, ...]
    mattes: tuple[FrameFile, ...]
    first: int | None = None
    last: int | None = None
    matte_channel: str | None = None
    aovs: tuple[str, ...] = ()
    device: str = "auto"
    known: Known = Known()
    controls: Controls = Controls()
    _matte_of: dict[int, FrameFile] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._check_sequences()
        self._check_options()
        if not self.targets:
            low, high = self.plates[0].frame, self.plates[-1].frame
            raise ShotError(
                f"no plate lies in the range {self.first} - {self.last}",
                hint=f"The plates run from {low} to {high}; choose --first and --last inside.",
            )

    def _check_sequences(self) -> None:
        if not self.plates:
            raise ShotError("the shot has no plates", hint="Check the plate's file pattern.")
        if not self.mattes:
            raise MatteError("the shot has no matte", hint="Check the matte's file pattern.")
        for kind, frames in (("plate", self.plates), ("matte", self.mattes)):
            numbers = [f.frame for f in frames]
            if any(a >= b for a, b in pairwise(numbers)):
                raise ShotError(f"the {kind}'s frames are not in ascending order", hint="Give each frame once.")
        if len(self.mattes) == 1:
            self._matte_of.update({p.frame: self.mattes[0] for p in self.plates})
            return
        self._matte_of.update({m.frame: m for m in self.mattes})
        if missing := [p.frame for p in self.plates if p.frame not in self._matte_of]:
            raise MatteError(
                f"the matte lacks {len(missing)} of the plate's frames: {_spans(missing)}",
                hint="Render the matte over the whole range (black where nothing is hidden), or give one still.",
                frame=missing[0],
            )

    def _check_options(self) -> None:
        if unknown := sorted(set(self.aovs) - set(AOVS)):
            raise ShotError(f"unknown AOV {', '.join(unknown)}", hint=f"Choose among {', '.join(AOVS)}.")
        if self.device not in DEVICES:
            raise ShotError(f"unknown device {self.device!r}", hint=f"Choose one of {', '.join(DEVICES)}.")
        if self.controls.light not in LIGHTS:
            raise ShotError(f"unknown light {self.controls.light!r}", hint=f"Choose one of {', '.join(LIGHTS)}.")
        if self.known.clean == () and self.controls.clean_use == "only":
            raise ShotError("only the clean plate is to be used, and there is none", hint="Name it, or choose also.")
        first, last = self.plates[0].frame, self.plates[-1].frame
        own = any(self.controls.serves(plate.frame, first=first) for plate in self.plates)
        if not (own or self.known.clean or self.known.painted):
            raise ShotError(
                "no plate may serve as a source: none lies in the range and on the step of the sources",
                hint=f"The plates run from {first} to {last}; choose --reference-first, -last and -step inside.",
            )

    @property
    def targets(self) -> tuple[FrameFile, ...]:
        """The plates to be filled: those inside `first` .. `last`, both included."""
        low = self.first if self.first is not None else self.plates[0].frame
        high = self.last if self.last is not None else self.plates[-1].frame
        return tuple(p for p in self.plates if low <= p.frame <= high)

    def matte_of(self, frame: int) -> FrameFile:
        """The matte file that belongs to the plate at `frame`."""
        return self._matte_of[frame]


def _spans(numbers: Iterable[int]) -> str:
    """Frame numbers as artists write them: `1001-1004, 1010`."""
    spans: list[list[int]] = []
    for n in numbers:
        if spans and n == spans[-1][1] + 1:
            spans[-1][1] = n
        else:
            spans.append([n, n])
    return ", ".join(f"{a}-{b}" if a != b else f"{a}" for a, b in spans)
