"""Follows a child process until it ends, kills it when a file blocks it for too long, and says what it died of.

The process notes the file it is reading (`aan_engine.plates.decode_watchdog`), so that a file that crashes or hangs the
reader can be named afterwards. This module knows neither jobs nor the engine.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from aan_engine.plates import decode_watchdog
from aan_engine.plates.decode_watchdog import FileInProgress

from ..connection_file import log_file
from .worker_messages import WorkerDied

GRACE = 5.0  # seconds that a process has to exit
WATCHDOG_INTERVAL = 0.5  # seconds between two checks of the watchdog file

_RENDER_HINT = "Render or copy this frame again."
_RESUBMIT_HINT = "The engine goes on with a fresh worker. Submit the job again: finished frames are kept. Its log: "


def monitor(
    pipe: Connection, process: BaseProcess, watchdog_file: Path, *, on_message: Callable[[Any], None]
) -> WorkerDied:
    """Pass everything that comes out of the pipe to `on_message`, until the process has ended; returns how it ended.

    Args:
        watchdog_file: where the process notes the file that it is reading.
    """
    overdue: FileInProgress | None = None
    previous: FileInProgress | None = None
    try:
        while True:
            if pipe.poll(WATCHDOG_INTERVAL):
                on_message(pipe.recv())
                continue
            # Two equal readings in a row, as reading the note is not atomic.
            now = decode_watchdog.current(watchdog_file)
            if now is not None and now == previous and now.is_overdue(time.monotonic()):
                overdue = now
                process.kill()
            previous = now
    except (EOFError, OSError):
        process.join(GRACE)
    return _worker_died(process.exitcode, decode_watchdog.current(watchdog_file), overdue=overdue)


def _worker_died(
    exitcode: int | None, in_progress: FileInProgress | None, *, overdue: FileInProgress | None
) -> WorkerDied:
    exit_text = _exit_text(exitcode)
    if overdue is not None:
        reason = (
            f"reading {_file_and_frame(overdue)} takes for ever: the reader was ended after {overdue.patience:.0f} s"
        )
        return WorkerDied(exit_text, "reader-lost", reason, f"{_RENDER_HINT} If it is sound, its disk may be at fault.")
    if in_progress is not None:
        memory = " The file may be sound and larger than this machine's memory." if "memory" in exit_text else ""
        reason = f"the reader crashed on {_file_and_frame(in_progress)}: {exit_text}"
        return WorkerDied(exit_text, "reader-lost", reason, _RENDER_HINT + memory)
    return WorkerDied(exit_text, "worker-lost", f"the worker is gone: {exit_text}", f"{_RESUBMIT_HINT}{log_file()}")


def _file_and_frame(in_progress: FileInProgress) -> str:
    return f"{in_progress.file}, frame {in_progress.frame}"


def _exit_text(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:
            name = f"signal {-exitcode}"
        return f"it was killed by {name}" + (": often a sign that memory ran out" if name == "SIGKILL" else "")
    return f"it ended with code {exitcode}"
