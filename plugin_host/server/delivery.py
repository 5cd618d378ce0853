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
from .cache import Shelf
from .failures import StopAsked
from .job_inputs import Intake
from .report_files import NOTHING, Told, picture_of, report_of, told
from .worker_messages import Framed, Order, Report

log = logging.getLogger(__name__)


def make_ready(output: str, frame: int) -> None:
    """Have the folder of a result and try to write there: hours of work would find it out too late.

    Raises:
        OSError: when it cannot be.
    """
    folder = Path(frame_path(output, frame)).parent
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryFile(dir=folder) as file:
        file.write(b"EXR")


def hand_out(
    order: Order, intake: Intake, shelf: Shelf, *, say: Callable[[Report], None], is_stopped: Callable[[], bool]
) -> set[int]:
    """Deliver and report the frames that the cache holds already; returns their numbers.

    Raises:
        StopAsked: before the next frame, once `is_stopped` says so.
    """
    held = {frame: path for frame, path in shelf.frames().items() if frame in intake.targets}
    for frame, path in held.items():
        if is_stopped():
            raise StopAsked
        say(Framed(order.job, frame, placed(order, frame, path)))
    return set(held)


def hand_over(order: Order, shelf: Shelf) -> Told:
    """Bring the report of a finished job to its result, if it has one; no job fails for its report's sake."""
    if order.output is None or not shelf.report.exists():
        return told(shelf.report)
    report = report_of(order.output)
    try:
        deliver(shelf.report, report)
        deliver(picture_of(shelf.report), picture_of(report))
    except OSError as error:
        log.warning("the report of job %s could not be delivered: %s", order.job, error)
        return NOTHING
    return told(report)


def placed(order: Order, frame: int, path: Path) -> str:
    """Where the host finds a frame of the cache: brought to the output it asked for, or where it lies."""
    if order.output is None:
        return str(path)
    target = frame_path(order.output, frame)
    deliver(path, Path(target))
    return target


def deliver(source: Path, target: Path) -> None:
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
