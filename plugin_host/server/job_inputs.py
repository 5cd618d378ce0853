"""Resolves a job to its input files: patterns expanded, ranges applied, collisions refused.

`input_files` finds the files, `plate_frames` tells steps from gaps and what is filled, `matte_frames` gives each plate
its matte. Folders and file sizes are read, no image is decoded, and there is no socket. The result also defines the
job's cache key: everything that decides pixels, and path, size and modification time of every input file.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

from ..controls import BY_NAME, validation_error
from ..errors import SequenceError
from ..file_pattern import number_of_file, split_range
from ..protocol import JobSpec
from ..sequence import parse
from . import matte_frames, plate_frames
from .input_files import Input, InputFile, InputKind, find_input

FILE_FIELDS = ("plate", "matte", "holdout", "clean", "painted", "exclude")
"""The fields of a job that name files."""

_RANGE_FIELDS = ("first", "last", "frames")

_IN_FRONT = ("holdout", "exclude")
"""Mattes whose missing frames hide nothing."""


@dataclass(frozen=True)
class JobInputs:
    """What a job's words stand for.

    Args:
        files: the files by the field that names them; of plates and mattes those alone that decide pixels.
        targets: numbers of the frames to be filled, ascending.
        without_matte: numbers of the plates without a matte, in which nothing is hidden.
        numbered: those of "matte", "holdout" and "exclude" whose only file belongs to its own number.
        patterns: by field, what its words were taken for, the placeholder spelled with `#`.
        notes: sentences, without their stop, that say what was assumed.
    """

    spec: JobSpec
    files: dict[str, tuple[InputFile, ...]]
    targets: tuple[int, ...]
    without_matte: tuple[int, ...] = ()
    numbered: tuple[str, ...] = ()
    patterns: dict[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    def unchanged(self, frame: int | None = None) -> bool:
        """Whether the files of one frame, or without a frame all inputs, are still as they were resolved."""
        wanted = (file for files in self.files.values() for file in _of_frame(files, frame))
        return all(file.unchanged() for file in {file.path: file for file in wanted}.values())

    def key(self, engine: str) -> str:
        """The cache key of this job's result: equal keys mean equal pixels.

        `engine` is the engine's identity: its version, weights, libraries, and whether CUDA is present, which decides
        what the device `auto` means.
        """
        options = {k: v for k, v in asdict(self.spec).items() if k not in (*FILE_FIELDS, *_RANGE_FIELDS)}
        decides = {
            "engine": engine,
            "range": self.targets,
            "without_matte": self.without_matte,
            "numbered": self.numbered,
            "options": options | {"aov": sorted(self.spec.aov)},
            "files": {name: [_fingerprint(file) for file in files] for name, files in self.files.items()},
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def resolve_inputs(spec: JobSpec, *, output: str | None) -> JobInputs:
    """Expand a job's patterns, and check that its result can be written without overwriting an input.

    Raises:
        SequenceError: when a pattern is no full path, cannot be read or names nothing, when a frame that was asked for
            has no plate or no matte, or when `output` names one file for many frames, or one of the inputs; or a
            control has a value that it cannot have.
    """
    _check_words(spec, output)
    asked = plate_frames.frames_asked_for(spec)
    inputs = _find_inputs(spec)
    plates = plate_frames.close_gaps(inputs["plate"], inputs["matte"], spec=spec, asked=asked)
    inputs["plate"] = plates.plates
    targets = plate_frames.targets(plates.plates, spec=spec, asked=asked)
    painted = set(inputs["painted"].frames) if "painted" in inputs else set[int]()
    matted = matte_frames.match(plates, inputs["matte"], spec=spec, targets=targets, painted=painted)
    files = {name: found.files for name, found in inputs.items()}
    found = JobInputs(
        spec,
        files | {"plate": matted.plates, "matte": matted.mattes},
        matted.targets,
        matted.without_matte,
        tuple(n for n in ("matte", *_IN_FRONT) if n in inputs and inputs[n].kind is not InputKind.STILL),
        {name: each.pattern for name, each in inputs.items()},
        (*(each.note for each in inputs.values() if each.note), *plates.notes, *matted.notes, *_held_in_front(inputs)),
    )
    if output is not None:
        _check_output(output, found, inputs)
    return found


def _check_words(spec: JobSpec, output: str | None) -> None:
    """Refuse values that no control has, and paths that are not absolute."""
    for name in BY_NAME:
        if wrong := validation_error(name, getattr(spec, name)):
            raise SequenceError(wrong)
    for pattern in filter(None, (*(getattr(spec, name) for name in FILE_FIELDS), output)):
        if not Path(pattern).is_absolute():
            raise SequenceError(f"{pattern} is not a full path", hint="The engine does not know the host's folder.")


def _find_inputs(spec: JobSpec) -> dict[str, Input]:
    """Every input of a job, numbered as its plates are."""
    plates = find_input(spec.plate, whole=True)
    if plates.kind is not InputKind.MOVIE and spec.plate_first is not None:
        reason = f"{plates.name} is no movie, and its frames have numbers of their own"
        raise SequenceError(reason, hint="Leave out --plate-first; --matte-offset renumbers the mattes.")
    movie_shift = spec.plate_first - 1 if spec.plate_first is not None else 0
    inputs = {"plate": plates}
    for name in FILE_FIELDS[1:]:
        if (pattern := getattr(spec, name)) is not None:
            # One clean plate or one painted frame is what it says.
            whole = name in ("matte", *_IN_FRONT) and len(plates.files) > 1
            inputs[name] = find_input(pattern, whole=whole)
    inputs = {
        name: each.shifted(movie_shift) if each.kind is InputKind.MOVIE else each for name, each in inputs.items()
    }
    inputs["matte"] = _renumbered_matte(inputs["matte"], plates, offset=spec.matte_offset)
    for name in _IN_FRONT:
        if name in inputs and inputs[name].kind is not InputKind.STILL:
            _check_meets(inputs[name], inputs["plate"])
    return inputs


def _renumbered_matte(matte: Input, plates: Input, *, offset: int) -> Input:
    """The matte with its offset. The one matte of a plate without a number is a still, whatever its own number."""
    if plates.kind is InputKind.STILL and number_of_file(plates.name) is None and len(matte.files) == 1:
        return replace(matte, kind=InputKind.STILL)
    return matte.shifted(offset) if matte.kind is not InputKind.STILL else matte


def _check_meets(front: Input, plates: Input) -> None:
    """Refuse a holdout or do-not-use matte that belongs to no plate: nothing would be held out."""
    if not set(front.frames) & set(plates.frames):
        raise SequenceError(
            f"{front.pattern} belongs to no plate: it {front.runs}, the plate {plates.runs}",
            hint="Number it as the plates are, or give one picture without a number for all.",
        )


def _held_in_front(inputs: dict[str, Input]) -> list[str]:
    count = len(inputs["plate"].files)
    stills = [inputs[name] for name in _IN_FRONT if name in inputs and inputs[name].kind is InputKind.STILL]
    return [matte_frames.held_note(still, count) for still in stills if count > 1]


def _of_frame(files: tuple[InputFile, ...], frame: int | None) -> tuple[InputFile, ...]:
    """The files that belong to a frame: a single file belongs to all."""
    return files if frame is None or len(files) == 1 else tuple(file for file in files if file.frame == frame)


def _check_output(output: str, found: JobInputs, inputs: dict[str, Input]) -> None:
    if Path(output).is_dir():
        hint = f"Write the name of its frames too, such as {Path(output) / 'fill.####.exr'}."
        raise SequenceError(f"{output} is a folder", hint=hint)
    pattern, targets = parse(output), found.targets
    if (ranged := split_range(output)) is not None:
        hint = f"Write {parse(ranged[0]).text}; --frames says what is filled."
        raise SequenceError(f"{output} names a range, which a result has from its plates", hint=hint)
    if pattern.width is None and len(targets) > 1:
        hint = "Put #### where the frame number belongs."
        if note := inputs["plate"].note:
            hint += f" {note[:1].upper()}{note[1:]}: --frames fills some of them."
        raise SequenceError(f"{output} names one file for {len(targets)} frames", hint=hint)
    read = {os.path.realpath(path) for path in {file.path for each in inputs.values() for file in each.files}}
    for frame in targets:
        if os.path.realpath(pattern.path(frame)) in read:
            raise SequenceError(
                f"the result would overwrite the input {pattern.path(frame)}", hint="Choose another output name."
            )
    if not output.lower().endswith(".exr"):
        raise SequenceError(f"{output} is no name of an EXR file", hint="Results are EXR: let the name end in .exr.")


def _fingerprint(file: InputFile) -> list[object]:
    return [file.frame, os.fsencode(file.path).hex(), file.size, file.mtime_ns, file.index]
