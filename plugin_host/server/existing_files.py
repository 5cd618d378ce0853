"""Files that lie already where a job's result is to go: which may be replaced, which need not be made again.

A result says in its header whose it is (`aan_engine.plates.result_marks`). One of the same plates and mattes may be
replaced: that is an artist who refines her settings. Whatever else lies there, another job's or another program's, is
left alone unless the job says otherwise. Only headers are read.
"""

from __future__ import annotations

import json
import os
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from pathlib import Path

from aan_engine._version import __version__
from aan_engine.provenance import PATTERNS, Provenance, settings_digest, shot_digest

from ..errors import SequenceError
from ..frame_numbers import spans
from ..sequence import parse
from .engine import to_shot
from .job_inputs import JobInputs
from .report_files import FORMAT, picture_path, report_path

EXISTING = "existing"
"""The stage of the one step that says how many of a job's frames exist already."""


@dataclass(frozen=True)
class ExistingPolicy:
    """What becomes of files that lie where a result is to go.

    Args:
        overwrite: whether files of other jobs and programs are overwritten.
        skip: whether frames are left out that this job, with these settings, has written before.
    """

    overwrite: bool = False
    skip: bool = False


REFUSE = ExistingPolicy()
"""Only results of the same plates and mattes are replaced."""


def refuse_foreign_files(inputs: JobInputs, output: str, *, cached: Mapping[int, Path] | None = None) -> None:
    """Refuse a job whose result would overwrite what is not its own; nothing is changed.

    Args:
        output: the result's pattern.
        cached: frames that the cache holds: a file that is one of these is the result already.

    Raises:
        SequenceError: it names the first such file.
        AanError: when the job cannot be done as described.
    """
    there = {frame: path for frame, path in _paths(inputs, output).items() if os.path.lexists(path)}
    held = cached or {}
    doubtful = [path for frame, path in there.items() if not _is_same(path, held.get(frame))]
    if doubtful:
        shot = shot_digest(to_shot(inputs))
        foreign = [(path, why) for path in doubtful if (why := _why_foreign(path, shot))]
        if foreign:
            raise _would_overwrite(*foreign[0], others=len(foreign) - 1)
    _check_report(report_path(output))


def existing_frames(inputs: JobInputs, output: str) -> frozenset[int]:
    """The frames whose file is what this job would write: whole, of the same settings, newer than all it is made from.

    Raises:
        AanError: when the job cannot be done as described.
    """
    wanted = settings_digest(to_shot(inputs)), __version__
    newest = max(file.mtime_ns for files in inputs.files.values() for file in files)

    def is_made(path: Path) -> bool:
        found = _provenance(path) if path.is_file() and path.stat().st_mtime_ns >= newest else None
        return found is not None and (found.settings, found.engine) == wanted

    return frozenset(frame for frame, path in _paths(inputs, output).items() if is_made(path))


def refuse_mixture(
    inputs: JobInputs, output: str, frames: Collection[int], *, cached: Mapping[int, Path] | None = None
) -> None:
    """Refuse a finished result of which another job replaced frames while this one ran; nothing is changed.

    The engine lets no two of its own jobs write the same files, but it cannot know of an `aan fill`, here or elsewhere.

    Args:
        frames: the numbers of those that this job wrote.
        cached: the same frames in the cache, where they were delivered from there.

    Raises:
        SequenceError: it names them.
    """
    paths = {frame: path for frame, path in _paths(inputs, output).items() if frame in frames}
    wanted = settings_digest(to_shot(inputs)) if cached is None else ""

    def is_replaced(frame: int) -> bool:
        if cached is not None and _is_same(paths[frame], cached[frame]):
            return False
        found = _provenance(paths[frame])
        if found is None:
            return False
        return found.settings != wanted if cached is None else found != _provenance(cached[frame])

    if replaced := [frame for frame in paths if is_replaced(frame)]:
        raise SequenceError(
            f"another job wrote {spans(replaced)} of {output} while this one ran",
            hint="Give each job a name of its own for its result, and fill both again.",
        )


class WrittenFrames:
    """The frames of a result whose file is there at the moment."""

    def __init__(self, output: str) -> None:
        self._pattern = parse(output)

    def __contains__(self, frame: object) -> bool:
        return isinstance(frame, int) and Path(self._pattern.path(frame)).is_file()


def output_files(inputs: JobInputs, output: str | None) -> frozenset[str]:
    """The full paths of a result's files, whatever links lead to their folder; none without an output."""
    if output is None:
        return frozenset()
    folder = Path(os.path.realpath(parse(output).folder))
    return frozenset(str(folder / path.name) for path in _paths(inputs, output).values())


def _paths(inputs: JobInputs, output: str) -> dict[int, Path]:
    pattern = parse(output)
    return {frame: Path(pattern.path(frame)) for frame in inputs.targets}


def _is_same(path: Path, other: Path | None) -> bool:
    try:
        return other is not None and path.samefile(other)
    except OSError:
        return False


def _why_foreign(path: Path, shot: str) -> str:
    """Why a file must not be replaced, in words; empty where it may be."""
    if path.is_dir():
        return "it is a folder"
    found = _provenance(path)
    if found is None:
        return "it was not written by this engine, or was changed since"
    return "" if found.shot == shot else f"it is another job's: {_plates_of(found)}"


def _provenance(path: Path) -> Provenance | None:
    """As `read_provenance`; numpy, which it needs, is only loaded once there is a file."""
    from aan_engine.plates.result_marks import read_provenance

    return read_provenance(path)


def _plates_of(found: Provenance) -> str:
    try:
        job = json.loads(found.job)
        return " and ".join(str(job[name]) for name in PATTERNS if job.get(name))
    except (ValueError, AttributeError, TypeError):
        return f"shot {found.shot}"


def _check_report(report: Path) -> None:
    """Refuse to overwrite a report that is none. The picture has no mark of its own: it belongs to its report."""
    if not _is_report(report):
        for path in (report, picture_path(report)):
            if os.path.lexists(path):
                raise _would_overwrite(path, "it is no report of this engine's", others=0)


def _is_report(path: Path) -> bool:
    try:
        document = json.loads(path.read_text("ascii"))
        return isinstance(document, dict) and document.get("format") == FORMAT
    except (OSError, ValueError):
        return False


def _would_overwrite(path: Path, why: str, *, others: int) -> SequenceError:
    more = f" (and {others} more like it)" if others else ""
    hint = "Choose another name for the result, or have it overwritten (--overwrite)."
    return SequenceError(f"{path}{more} would be overwritten: {why}", hint=hint)
