"""The job as frozen values: a shot, its files and what the artist wants. Nothing here reads a file.

Every value checks itself when it is made, so whatever can be refused without opening a file is refused then. See
`errors` for the error tree.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from aan_engine.core.frame import spans
from aan_engine.errors import MatteError, ShotError

AOVS = ("confidence", "source", "unseen")
DEVICES = ("auto", "cpu", "cuda")
LIGHTS = ("off", "global", "local")
UNSEEN_FILLS = ("texture", "smooth")
CLEAN_USES = ("also", "only")
WRITES = ("auto", "full", "patch", "overlay")

CHOICES = {"light": LIGHTS, "unseen": UNSEEN_FILLS, "clean_use": CLEAN_USES, "write": WRITES}
"""The controls with a fixed set of values."""

NUMBERS = {
    "grow": (-100, 100),
    "feather": (0, 100),
    "smoothing": (0, 1),
    "matte_low": (-1_000_000, 1_000_000),
    "matte_high": (-1_000_000, 1_000_000),
    "matte_floor": (0, 1),
}
"""The controls that take any number, with their bounds, both included."""

COUNTS = {"reference_step": (1, 1000), "seed": (0, 1_000_000)}
"""The controls that take whole numbers, with their bounds, both included."""


@dataclass(frozen=True)
class FrameFile:
    """One frame of a sequence: its number on the timeline, and its file.

    Args:
        index: of a movie, which of its frames it is, counted from 1; None where that is its number.

    Raises:
        ShotError: a number is not an int, or the path not a `pathlib.Path`.
    """

    frame: int
    path: Path
    index: int | None = None

    def __post_init__(self) -> None:
        if not _is_int(self.frame):
            raise ShotError(f"the frame number of a file is {self.frame!r}", hint="Give a whole number.")
        if not isinstance(self.path, Path):
            raise ShotError(f"the path of frame {self.frame} is {self.path!r}", hint="Give a pathlib.Path.")
        if self.index is not None and not _is_int(self.index):
            raise ShotError(f"the index of frame {self.frame} is {self.index!r}", hint="Give a whole number, or None.")


@dataclass(frozen=True)
class Known:
    """What the artist knows beyond plates and mattes; each may be empty.

    Args:
        clean: a clean plate, one frame or a sequence: further sources.
        painted: frames painted by hand, numbered as the plates that they show: they win over everything.
        holdout: mattes of what passes in front: never filled, never a source. One file holds over the whole shot;
            frames that a sequence lacks have nothing in front.
        exclude: mattes of what must not serve as a source; frames as in `holdout`.

    Raises:
        ShotError: one of them is not a tuple of `FrameFile`.
    """

    clean: tuple[FrameFile, ...] = ()
    painted: tuple[FrameFile, ...] = ()
    holdout: tuple[FrameFile, ...] = ()
    exclude: tuple[FrameFile, ...] = ()

    def __post_init__(self) -> None:
        for name in ("clean", "painted", "holdout", "exclude"):
            _check_files(name, getattr(self, name))


@dataclass(frozen=True)
class Controls:
    """How the artist wants it.

    Args:
        grow: pixels of the plate by which the matte grows, or shrinks where negative; -100 .. 100.
        grow_auto: whether it grows further by as much as the object is found to reach beyond it.
        feather: pixels of the plate over which the grown matte fades outwards; 0 .. 100.
        light: how a source's light is matched to the target, one of `LIGHTS`.
        grain: whether blended, resampled and synthesised pixels get the grain around them; `seed` draws it.
        unseen: how what no frame shows is synthesised, one of `UNSEEN_FILLS`: texture copied from what looks like it
            in the shot, or the inpainter's smooth guess.
        smoothing: how strongly a frame leans on what was chosen for the one before; 0 .. 1.
        clean_use: "also" or "only": whether the shot's own frames serve as sources beside the clean plate.
        reference_first, reference_last: first and last frame number that may serve as a source; None for no limit.
        reference_step: only every so many frames serve as a source; 1 .. 1000.
        colorspace: the plates' space by its OpenColorIO name. None: EXR is scene-linear, others as their format says.
        view: the eye of stereo files that is filled; None is the first.
        write: "full" frames; a "patch" of the matte's box with alpha; an "overlay", the same in a whole frame; or
            "auto": full frames, and overlays where the plate is a movie.
        seed: another number, another grain; 0 .. 1,000,000.
        plate_layer: the layer or part that is filled; None for the picture's own, see `plates.picture_layer`.
        fill_layers: further layers that are filled from the same places, comma-separated names; None for none.
        matte_invert: whether the matte is white where the plate stays.
        matte_low, matte_high: the matte's values that count as 0 and 1; what lies between is scaled linearly.
        matte_floor: values of the matte, scaled so, that are invisible up to this one: unless it lies beside one
            that is well covered, such a pixel stays as it is and may serve as a source.

    Raises:
        ShotError: a value of the wrong type or out of its range; it names the field, the value and what is allowed.
    """

    grow: float = 0.0
    feather: float = 0.0
    light: str = "local"
    grain: bool = True
    unseen: str = "texture"
    smoothing: float = 0.0
    clean_use: str = "also"
    reference_first: int | None = None
    reference_last: int | None = None
    reference_step: int = 1
    colorspace: str | None = None
    view: str | None = None
    write: str = "auto"
    seed: int = 0
    grow_auto: bool = False
    plate_layer: str | None = None
    fill_layers: str | None = None
    matte_invert: bool = False
    matte_low: float = 0.0
    matte_high: float = 1.0
    matte_floor: float = 1 / 255

    def __post_init__(self) -> None:
        for name, choices in CHOICES.items():
            _check_choice(name, getattr(self, name), choices)
        for name, (low, high) in NUMBERS.items():
            value = getattr(self, name)
            if not (_is_int(value) or isinstance(value, float)) or not low <= value <= high:
                raise ShotError(f"{name} is {value!r}", hint=f"Choose a number from {low} to {high}.")
        for name, (low, high) in COUNTS.items():
            value = getattr(self, name)
            if not _is_int(value) or not low <= value <= high:
                raise ShotError(f"{name} is {value!r}", hint=f"Choose a whole number from {low} to {high}.")
        for name in ("grain", "grow_auto", "matte_invert"):
            if not isinstance(value := getattr(self, name), bool):
                raise ShotError(f"{name} is {value!r}", hint="Choose True or False.")
        for name in ("reference_first", "reference_last"):
            _check_frame_number(name, getattr(self, name))
        for name in ("colorspace", "view", "plate_layer", "fill_layers"):
            _check_name(name, getattr(self, name))
        if self.matte_low >= self.matte_high:
            hint = "Choose a low value below the high one; --matte-invert swaps black and white."
            raise ShotError(f"matte_low is {self.matte_low}, matte_high {self.matte_high}", hint=hint)

    def serves(self, frame: int, *, first: int) -> bool:
        """Whether the plate of this number may serve as a source.

        Args:
            first: the shot's first frame: steps are counted from it, or from `reference_first` where that is given.
        """
        low = self.reference_first if self.reference_first is not None else first
        high = self.reference_last if self.reference_last is not None else frame
        return low <= frame <= high and (frame - low) % self.reference_step == 0


@dataclass(frozen=True)
class Shot:
    """Everything that decides the pixels of one job, and what its results say of it.

    Args:
        plates: every frame that may serve as a source or lie on the way to one, in ascending order.
        mattes: the roto for the same frames; a single file is held over the whole shot, see `numbered`.
        first, last: inclusive range of frame numbers to fill; None means the plates' own ends.
        matte_channel: channels, layers or parts, comma-separated, whose union is the matte; None means that it is
            found, see `plates.matte_channels`.
        aovs: diagnostic layers to write, of `AOVS`.
        device: one of `DEVICES`.
        known, controls: see there.
        job: the job as its caller describes it, a JSON object; empty to have the engine describe it. It goes into the
            results' headers and the report, and decides no pixel.
        frames: numbers of the plates to fill, as far as they lie inside `first` .. `last`; None means all.
        without_matte: numbers of the plates that have no matte: nothing is hidden there.
        numbered: those of "matte", "holdout" and "exclude" whose only file belongs to its own number, as a sequence
            of one file, and is not held over the whole shot.

    Raises:
        ShotError: an empty shot, frames doubled or out of order, an empty or reversed range, a frame to fill without
            a plate, no frame that may serve as a source, or a value of the wrong type or out of its range.
        MatteError: a plate has no matte.
    """

    plates: tuple[FrameFile, ...]
    mattes: tuple[FrameFile, ...]
    first: int | None = None
    last: int | None = None
    matte_channel: str | None = None
    aovs: tuple[str, ...] = ()
    device: str = "auto"
    known: Known = field(default_factory=Known)
    controls: Controls = field(default_factory=Controls)
    job: str = ""
    frames: tuple[int, ...] | None = None
    without_matte: tuple[int, ...] = ()
    numbered: tuple[str, ...] = ()
    _matte_of: dict[int, FrameFile] = field(init=False, repr=False, compare=False, default_factory=dict)

    def __post_init__(self) -> None:
        self._check_options()
        self._check_sequences()
        self._check_sources()
        self._check_targets()

    def _check_targets(self) -> None:
        if self.first is not None and self.last is not None and self.first > self.last:
            hint = f"Choose --first {self.last} --last {self.first}."
            raise ShotError(f"the range {self.first}-{self.last} is reversed", hint=hint)
        if unknown := sorted(set(self.frames or ()) - {plate.frame for plate in self.plates}):
            raise ShotError(f"no plate has the number {spans(unknown)}", hint="Fill frames that have a plate.")
        if not self.targets:
            low, high = self.plates[0].frame, self.plates[-1].frame
            raise ShotError(
                f"no plate lies in the range {self.first} - {self.last}",
                hint=f"The plates run from {low} to {high}; choose --first and --last inside.",
            )

    def _check_options(self) -> None:
        for name in ("first", "last"):
            _check_frame_number(name, getattr(self, name))
        _check_name("matte_channel", self.matte_channel)
        for name, numbers in (("frames", self.frames), ("without_matte", self.without_matte)):
            if numbers is not None and not (isinstance(numbers, tuple) and all(map(_is_int, numbers))):
                raise ShotError(f"{name} is {numbers!r}", hint="Give a tuple of frame numbers.")
        if not isinstance(self.aovs, tuple) or not all(isinstance(name, str) for name in self.aovs):
            raise ShotError(f"aovs is {self.aovs!r}", hint=f"Give a tuple of {', '.join(AOVS)}.")
        if unknown := sorted(set(self.aovs) - set(AOVS)):
            raise ShotError(f"unknown AOV {', '.join(unknown)}", hint=f"Choose among {', '.join(AOVS)}.")
        _check_choice("device", self.device, DEVICES)
        _check_description(self.job)
        for name, kind in (("known", Known), ("controls", Controls)):
            if not isinstance(value := getattr(self, name), kind):
                raise ShotError(f"{name} is {value!r}", hint=f"Give a value of {kind.__name__}.")

    def _check_sequences(self) -> None:
        if not self.plates:
            raise ShotError("the shot has no plates", hint="Check the plate's file pattern.")
        if not self.mattes:
            raise MatteError("the shot has no matte", hint="Check the matte's file pattern.")
        for kind, files in (("plate", self.plates), ("matte", self.mattes)):
            _check_files(f"{kind}s", files)
            if any(a.frame >= b.frame for a, b in pairwise(files)):
                raise ShotError(f"the {kind}'s frames are not in ascending order", hint="Give each frame once.")
        if len(self.mattes) == 1 and "matte" not in self.numbered:
            self._matte_of.update({p.frame: self.mattes[0] for p in self.plates})
        else:
            self._matte_of.update({m.frame: m for m in self.mattes})
        for frame in self.without_matte:
            self._matte_of.pop(frame, None)
        bare = set(self.without_matte)
        if missing := [p.frame for p in self.plates if p.frame not in self._matte_of and p.frame not in bare]:
            raise MatteError(
                f"the matte lacks {len(missing)} of the plate's frames: {spans(missing)}",
                hint="Render the matte over the whole range (black where nothing is hidden), or give one still.",
                frame=missing[0],
            )

    def _check_sources(self) -> None:
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
        """The plates to be filled: those of `frames` inside `first` .. `last`, both included."""
        low = self.first if self.first is not None else self.plates[0].frame
        high = self.last if self.last is not None else self.plates[-1].frame
        inside = (p for p in self.plates if low <= p.frame <= high)
        wanted = None if self.frames is None else set(self.frames)
        return tuple(p for p in inside if wanted is None or p.frame in wanted)

    def matte_of(self, frame: int) -> FrameFile | None:
        """The matte file that belongs to the plate at `frame`; None where it has none, and nothing is hidden."""
        return self._matte_of.get(frame)

    def known_of(self, name: str, frame: int) -> FrameFile | None:
        """The "holdout" or "exclude" matte that belongs to the plate at `frame`; None where it has none."""
        files: tuple[FrameFile, ...] = getattr(self.known, name)
        if len(files) == 1 and name not in self.numbered:
            return files[0]
        return next((file for file in files if file.frame == frame), None)


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _check_choice(name: str, value: object, choices: tuple[str, ...]) -> None:
    if not isinstance(value, str) or value not in choices:
        raise ShotError(f"{name} is {value!r}", hint=f"Choose {', '.join(choices[:-1])} or {choices[-1]}.")


def _check_frame_number(name: str, value: object) -> None:
    if value is not None and not _is_int(value):
        raise ShotError(f"{name} is {value!r}", hint="Give a frame number, a whole one, or None.")


def _check_name(name: str, value: object) -> None:
    if value is not None and not isinstance(value, str):
        raise ShotError(f"{name} is {value!r}", hint="Give a name in a str, or None.")


def _check_description(job: object) -> None:
    try:
        valid = job == "" or (isinstance(job, str) and isinstance(json.loads(job), dict))
    except ValueError:
        valid = False
    if not valid:
        raise ShotError(f"job is {job!r}", hint="Give a JSON object in a str, or none.")


def _check_files(name: str, value: object) -> None:
    if not isinstance(value, tuple) or not all(isinstance(file, FrameFile) for file in value):
        raise ShotError(f"{name} is {value!r}", hint="Give a tuple of FrameFile.")
