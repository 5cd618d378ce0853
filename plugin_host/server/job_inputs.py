"""Resolves a job to its input files: patterns expanded, ranges applied, collisions refused.

Reads folders and file sizes, decodes no image (`movie_inputs` counts the frames of a movie), and knows no socket. The
result also defines the job's cache key: everything that decides pixels, and path, size and modification time of every
input file.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass, replace
from itertools import pairwise
from pathlib import Path

from ..controls import BY_NAME, validation_error
from ..errors import SequenceError
from ..protocol import JobSpec
from ..sequence import expand, frame_count_text, parse
from .movie_inputs import movie_frame_count


@dataclass(frozen=True)
class InputFile:
    """One input file, identified by its path, size in bytes and modification time in nanoseconds.

    A movie appears once for each of its frames.
    """

    frame: int
    path: Path
    size: int
    mtime_ns: int

    def unchanged(self) -> bool:
        """Whether the file on disk is still this one."""
        try:
            info = self.path.stat()
        except OSError:
            return False
        return (info.st_size, info.st_mtime_ns) == (self.size, self.mtime_ns)


FILE_FIELDS = ("plate", "matte", "holdout", "clean", "painted", "exclude")
"""The fields of a job that name files."""

_RANGE_FIELDS = ("first", "last")


@dataclass(frozen=True)
class JobInputs:
    """The files of one job, by the field that names them. `targets` are the frames to be filled, ascending.

    `notes` are sentences, without their stop, that say what was assumed when the files were found.
    """

    spec: JobSpec
    files: dict[str, tuple[InputFile, ...]]
    targets: tuple[int, ...]
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
            "options": options | {"aov": sorted(self.spec.aov)},
            "files": {name: [_fingerprint(file) for file in files] for name, files in self.files.items()},
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def resolve_inputs(spec: JobSpec, *, output: str | None) -> JobInputs:
    """Expand a job's patterns, and check that its result can be written without overwriting an input.

    Raises:
        SequenceError: when a pattern is no full path, cannot be read or names nothing, when no plate lies in the range,
            or when `output` names one file for many frames, or one of the inputs; or a control has a value that it
            cannot have.
    """
    for name in BY_NAME:
        if wrong := validation_error(name, getattr(spec, name)):
            raise SequenceError(wrong)
    patterns = {name: pattern for name in FILE_FIELDS if (pattern := getattr(spec, name)) is not None}
    for pattern in filter(None, (*patterns.values(), output)):
        if not Path(pattern).is_absolute():
            raise SequenceError(f"{pattern} is not a full path", hint="The engine does not know the host's folder.")
    inputs = _close_gaps(
        {name: _expand_pattern(pattern) for name, pattern in patterns.items()}, nearest=spec.missing == "nearest"
    )
    targets = _targets(spec, [file.frame for file in inputs["plate"]])
    if output is not None:
        _check_output(output, targets, inputs=tuple(file for files in inputs.values() for file in files))
    return JobInputs(spec, inputs, targets)


def _close_gaps(inputs: dict[str, tuple[InputFile, ...]], *, nearest: bool) -> dict[str, tuple[InputFile, ...]]:
    """Close every gap in the plates with the nearest frame and its matte, or raise an error that names the gaps.

    Plates that are numbered in even steps have no gaps.
    """
    there = {file.frame: file for file in inputs["plate"]}
    frames = sorted(there)
    step = min((b - a for a, b in pairwise(frames)), default=1)
    wanted = range(frames[0], frames[-1] + 1, step)
    wanted = wanted if set(frames) <= set(wanted) else range(frames[0], frames[-1] + 1)
    gaps = [frame for frame in wanted if frame not in there]
    if not gaps:
        return inputs
    if not nearest:
        named = ", ".join(map(str, gaps[:8])) + (" ..." if len(gaps) > 8 else "")
        hint = "Render them, or have the nearest frame stand in (--missing nearest)."
        raise SequenceError(f"the plates lack {frame_count_text(len(gaps))}: {named}", hint=hint)
    stand_in = {gap: min(frames, key=lambda frame: (abs(frame - gap), frame)) for gap in gaps}
    mattes = {file.frame: file for file in inputs["matte"]}
    if len({file.path for file in mattes.values()}) < len(mattes):
        hint = "Give the matte as a sequence of pictures, or render the missing plates."
        raise SequenceError("the frames of a matte movie cannot stand in for one another", hint=hint)
    found = dict(inputs)
    for name, known in (("plate", there), ("matte", mattes)):
        if len(known) > 1 or name == "plate":
            more = {gap: replace(known[other], frame=gap) for gap, other in stand_in.items() if other in known}
            found[name] = tuple(file for _, file in sorted((known | more).items()))
    return found


def _targets(spec: JobSpec, frames: list[int]) -> tuple[int, ...]:
    low = spec.first if spec.first is not None else frames[0]
    high = spec.last if spec.last is not None else frames[-1]
    targets = tuple(frame for frame in frames if low <= frame <= high)
    if not targets:
        held = f"The plates run from {frames[0]} to {frames[-1]}."
        raise SequenceError(f"no plate lies in the range {low} - {high}", hint=held)
    return targets


def _of_frame(files: tuple[InputFile, ...], frame: int | None) -> tuple[InputFile, ...]:
    """The files that belong to a frame: a single file belongs to all."""
    return files if frame is None or len(files) == 1 else tuple(file for file in files if file.frame == frame)


def _expand_pattern(pattern: str) -> tuple[InputFile, ...]:
    found = [(frame, Path(name)) for frame, name in expand(pattern)]
    # A movie stands for a sequence by itself; among the files of one it is refused where it is read.
    if len(found) == 1 and (count := movie_frame_count(found[0][1])) is not None:
        only = _input_file(1, found[0][1])
        return tuple(replace(only, frame=frame) for frame in range(1, count + 1))
    return tuple(_input_file(frame, path) for frame, path in found)


def _input_file(frame: int, path: Path) -> InputFile:
    try:
        info = path.stat()
    except OSError as error:
        raise SequenceError(f"{path} cannot be read ({error.strerror})", hint="Check the file.") from None
    return InputFile(frame, path, info.st_size, info.st_mtime_ns)


def _check_output(output: str, targets: tuple[int, ...], *, inputs: tuple[InputFile, ...]) -> None:
    pattern = parse(output)
    if pattern.width is None and len(targets) > 1:
        raise SequenceError(
            f"{output} names one file for {len(targets)} frames", hint="Put #### where the frame number belongs."
        )
    read = {os.path.realpath(path) for path in {file.path for file in inputs}}
    for frame in targets:
        if os.path.realpath(pattern.path(frame)) in read:
            raise SequenceError(
                f"the result would overwrite the input {pattern.path(frame)}", hint="Choose another output name."
            )
    if not output.lower().endswith(".exr"):
        raise SequenceError(f"{output} is no name of an EXR file", hint="Results are EXR: let the name end in .exr.")


def _fingerprint(file: InputFile) -> list[object]:
    return [file.frame, os.fsencode(file.path).hex(), file.size, file.mtime_ns]
