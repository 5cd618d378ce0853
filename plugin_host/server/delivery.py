"""Delivers cached results to where the host wants them: frames one by one, the report at the end.

Used by the worker and by the file service. A file is hard-linked where the disk supports it, and appears atomically.
"""

from __future__ import annotations

import logging
import os
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path

from aan_engine.core.temporary_name import temporary_path
from aan_engine.reporting.stored import merge_into

from ..sequence import frame_path
from .cache import CacheEntry
from .existing_files import WrittenFrames
from .failures import StopRequested
from .job_inputs import JobInputs
from .report_files import NO_REPORT, ReportSummary, picture_path, read_summary, report_path
from .worker_messages import FrameWritten, RunJob, WorkerReport

log = logging.getLogger(__name__)


def prepare_output(output: str, frame: int) -> None:
    """Make the folder of a result and test that it is writable, before hours of work.

    Raises:
        OSError: when it is not.
    """
    folder = Path(frame_path(output, frame)).parent
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(b"EXR")
    except OSError as error:  # it names the temporary file
        raise OSError(error.errno, error.strerror, str(folder)) from error


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
        StopRequested: before the next frame, once `is_stopped` says so.
    """
    held = {frame: path for frame, path in entry.frames().items() if frame in inputs.targets}
    for frame, path in held.items():
        if is_stopped():
            raise StopRequested
        send(FrameWritten(command.job, frame, deliver_frame(command, frame, path)))
    return set(held)


def deliver_report(command: RunJob, entry: CacheEntry) -> ReportSummary:
    """Deliver the report of a finished job, if there is one. A failure here does not fail the job.

    A report of other frames of the shot that lies there is kept, as one with this.
    """
    if command.output is None or not entry.report.exists():
        return read_summary(entry.report)
    report = report_path(command.output)
    try:
        if not merge_into(report, entry.report, keep=WrittenFrames(command.output)):
            link_or_copy(entry.report, report)
        link_or_copy(picture_path(entry.report), picture_path(report))
    except OSError as error:
        log.warning("the report of job %s could not be delivered: %s", command.job, error)
        return NO_REPORT
    return read_summary(report)


def deliver_frame(command: RunJob, frame: int, path: Path) -> str:
    """The path at which the host finds a cached frame: delivered to the output it asked for, or in the cache."""
    if command.output is None:
        return str(path)
    target = frame_path(command.output, frame)
    link_or_copy(path, Path(target))
    return target


def link_or_copy(source: Path, target: Path) -> None:
    """Put a finished file under another name as well: linked where possible, else copied; atomically.

    Raises:
        OSError: it names the target.
    """
    if target.exists() and target.samefile(source):
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_path(target)
    try:
        try:
            os.link(source, temporary)
        except OSError:
            shutil.copy2(source, temporary)
        temporary.replace(target)
    except OSError as error:
        raise OSError(error.errno, error.strerror, str(target)) from error
    finally:
        temporary.unlink(missing_ok=True)
