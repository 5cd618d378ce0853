"""A process at work as seen from outside: heard to its end, ended when a file holds it too long, and what it died of.

The process notes the file in work as a breadcrumb (`aan_engine.breadcrumb`), so that a reader that crashes or hangs
can be named although nobody is left to tell. It knows neither jobs nor the engine.
"""

from __future__ import annotations

import signal
import time
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Any

from aan_engine import breadcrumb
from aan_engine.breadcrumb import Crumb

from .worker_messages import Death

GRACE = 5.0  # seconds that an ended process has to be gone
LOOK = 0.5  # seconds between two looks at the breadcrumb

_RENDER = "Render or copy this frame again."
_AGAIN = "The engine goes on with a fresh worker. Submit the job again: finished frames are kept."


def hear(pipe: Connection, process: BaseProcess, trail: Path, *, tell: Callable[[Any], None]) -> Death:
    """Hand over all that comes out of the pipe with `tell`, until the process is gone; returns how it died.

    Args:
        trail: where the process lays its breadcrumbs.
    """
    hung: Crumb | None = None
    before: Crumb | None = None
    try:
        while True:
            if pipe.poll(LOOK):
                tell(pipe.recv())
                continue
            # Twice the same, as the note is not read in one step.
            now = breadcrumb.find(trail)
            if now is not None and now == before and now.is_overdue(time.monotonic()):
                hung = now
                process.kill()
            before = now
    except (EOFError, OSError):
        process.join(GRACE)
    return _death(process.exitcode, breadcrumb.find(trail), hung=hung)


def _death(exitcode: int | None, crumb: Crumb | None, *, hung: Crumb | None) -> Death:
    how = _in_words(exitcode)
    if hung is not None:
        reason = f"reading {_place(hung)} takes for ever: the reader was ended after {hung.patience:.0f} s"
        return Death(how, "reader-lost", reason, f"{_RENDER} If it is sound, its disk may be at fault.")
    if crumb is not None:
        memory = " The file may be sound and larger than this machine's memory." if "memory" in how else ""
        reason = f"the reader crashed on {_place(crumb)}: {how}"
        return Death(how, "reader-lost", reason, _RENDER + memory)
    return Death(how, "worker-lost", f"the worker is gone: {how}", _AGAIN)


def _place(crumb: Crumb) -> str:
    return f"{crumb.file}, frame {crumb.frame}"


def _in_words(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:
            name = f"signal {-exitcode}"
        return f"it was killed by {name}" + (": often a sign that memory ran out" if name == "SIGKILL" else "")
    return f"it ended with code {exitcode}"
