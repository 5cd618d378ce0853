"""What the cache holds of a job brought to where its host wants it: frames one by one, the report at the end.

Worker and desk both do it. A file is linked where the disk can, and is never seen half.
"""

from __future__ import annotations

import logging
import os
import secrets
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from ..sequence import frame_path
from .cache import CacheEntry
from .failures import StopRequested
from .job_inputs import JobInputs
from .report_files import NO_REPORT, ReportSummary, picture_path, read_summary, report_path
from .worker_messages import FrameWritten, RunJob, WorkerReport

log = logging.getLogger(__name__)


def prepare_output(output: str, frame: int) -> None:
    """Have the folder of a result and try to write there: hours of work would find it out too late.

    Raises:
        OSError: when it cannot be.
    """
    folder = Path(frame_path(output, frame)).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"EXR")


def deliver_cached(
    command: RunJob,
    inputs: JobInputs,
    entry: CacheEntry,
    *,
    send: Callable[[WorkerReport], None],
    is_stopped: Callable[[], bool],
) -> set[int]:
    """Deliver and report the frames that the cache holds already; returns their numbers.

    Raises:
        StopAsked: before the next frame, once `is_stopped` says so.
    """
    held = {frame: path for frame, path in entry.frames().items() if frame in inputs.targets}
    for frame, path in held.items():
        if is_stopped():
            raise StopRequested
        send(FrameWritten(command.job, frame, deliver_frame(command, frame, path)))
    return set(held)


def deliver_report(command: RunJob, entry: CacheEntry) -> ReportSummary:
    """Bring the report of a finished job to its result, if it has one; no job fails for its report's sake."""
    if command.output is None or not entry.report.exists():
        return read_summary(entry.report)
    report = report_path(command.output)
    try:
        link_or_copy(entry.report, report)
        link_or_copy(picture_path(entry.report), picture_path(report))
    except OSError as error:
        log.warning("the report of job %s could not be delivered: %s", command.job, error)
        return NO_REPORT
    return read_summary(report)


def deliver_frame(command: RunJob, frame: int, path: Path) -> str:
    """Where the host finds a frame of the cache: brought to the output it asked for, or where it lies."""
    if command.output is None:
        return str(path)
    target = frame_path(command.output, frame)
    link_or_copy(path, Path(target))
    return target


def link_or_copy(source: Path, target: Path) -> None:
    """Put a finished frame under another name as well: linked where the disk can, else copied; whole or not at all."""
    if target.exists() and target.samefile(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(f".{target.name}.{secrets.token_hex(4)}")
    try:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copy2(source, temporary)
        temporary.replace(target)
    finally:
        temporary.unlink(missing_ok=True)
