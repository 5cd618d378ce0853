"""From a job as a host describes it to the files that it means: patterns expanded, ranges applied, collisions refused.

Looks at folders and file sizes, opens no image, and knows neither engine nor socket. What it returns also says how
the job is known to the cache: by everything that decides pixels, and by path, size and modification time of every
file that is read.
"""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path

from ..errors import SequenceError
from ..protocol import JobSpec
from ..sequence import expand, parse


@dataclass(frozen=True)
class InputFile:
    """One file that is read: known by its path, size in bytes and modification time in nanoseconds."""

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


@dataclass(frozen=True)
class Intake:
    """The files of one job. `targets` are the frames to be filled, in ascending order."""

    spec: JobSpec
    plates: tuple[InputFile, ...]
    mattes: tuple[InputFile, ...]
    targets: tuple[int, ...]

    def unchanged(self, frame: int | None = None) -> bool:
        """Whether the plate and matte of one frame, or without a frame every input, are still what was taken in."""
        files = (*self.plates, *self.mattes)
        if frame is not None:
            held = self.mattes if len(self.mattes) == 1 else ()
            files = (*(file for file in files if file.frame == frame and file not in held), *held)
        return all(file.unchanged() for file in files)

    def key(self, engine: str) -> str:
        """The name of this job's result: equal keys mean equal pixels.

        `engine` is the engine's identity: its version, weights, libraries, and whether CUDA is there, which settles
        what the device `auto` stands for.
        """
        spec = self.spec
        decides = {
            "engine": engine,
            "range": self.targets,
            "options": [spec.matte_channel, sorted(spec.aov), spec.device],
            "plates": [_fingerprint(file) for file in self.plates],
            "mattes": [_fingerprint(file) for file in self.mattes],
        }
        return hashlib.sha256(json.dumps(decides, sort_keys=True).encode()).hexdigest()


def take_in(spec: JobSpec, *, output: str | None) -> Intake:
    """Expand a job's patterns and check that its result can be written without touching what it reads.

    Raises:
        SequenceError: when a pattern is no full path, cannot be read or names nothing, when no plate lies in the range,
            or when `output` names one file for many frames, or one of the inputs.
    """
    for pattern in filter(None, (spec.plate, spec.matte, output)):
        if not Path(pattern).is_absolute():
            raise SequenceError(f"{pattern} is not a full path", hint="The engine does not know the host's folder.")
    plates, mattes = _inputs(spec.plate), _inputs(spec.matte)
    low = spec.first if spec.first is not None else plates[0].frame
    high = spec.last if spec.last is not None else plates[-1].frame
    targets = tuple(file.frame for file in plates if low <= file.frame <= high)
    if not targets:
        held = f"The plates run from {plates[0].frame} to {plates[-1].frame}."
        raise SequenceError(f"no plate lies in the range {low} - {high}", hint=held)
    if output is not None:
        _check_output(output, targets, inputs=(*plates, *mattes))
    return Intake(spec, plates, mattes, targets)


def _inputs(pattern: str) -> tuple[InputFile, ...]:
    files = []
    for frame, name in expand(pattern):
        path = Path(name)
        try:
            info = path.stat()
        except OSError as error:
            raise SequenceError(f"{name} cannot be read ({error.strerror})", hint="Check the file.") from None
        files.append(InputFile(frame, path, info.st_size, info.st_mtime_ns))
    return tuple(files)


def _check_output(output: str, targets: tuple[int, ...], *, inputs: tuple[InputFile, ...]) -> None:
    pattern = parse(output)
    if pattern.width is None and len(targets) > 1:
        raise SequenceError(
            f"{output} names one file for {len(targets)} frames", hint="Put #### where the frame number belongs."
        )
    read = {os.path.realpath(file.path) for file in inputs}
    for frame in targets:
        if os.path.realpath(pattern.path(frame)) in read:
            raise SequenceError(
                f"the result would overwrite the input {pattern.path(frame)}", hint="Choose another output name."
            )


def _fingerprint(file: InputFile) -> list[object]:
    return [file.frame, os.fsencode(file.path).hex(), file.size, file.mtime_ns]
