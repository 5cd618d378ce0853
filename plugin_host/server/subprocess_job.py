"""One job in a process of its own, started for it: what `aan fill` does, so that a crash becomes words.

A hostile file may take the process that reads it down. Here that is a child, which this process hears to its end.
"""

from __future__ import annotations

import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from aan_engine import breadcrumb

from ..protocol import JobSpec
from ..sequence import parse
from . import in_process
from .engine import ENGINE, Step
from .failures import JobError, explain
from .process_monitor import GRACE, hear
from .worker_messages import Broken, Stepped


@dataclass(frozen=True)
class Written:
    """How many frames were filled."""

    frames: int


def fill(spec: JobSpec, output: str, *, progress: Callable[[Step], None], engine: str = ENGINE) -> int:
    """As `local.fill`, in another process; returns the number of frames.

    Ctrl-C here ends the job there, after what it has half-written is cleared away.

    Raises:
        JobError: whatever went wrong there, under its code; `reader-lost` names the file that took the process down.
    """
    ends: list[Written | Broken] = []

    def tell(said: Any) -> None:
        if isinstance(said, Stepped):
            progress(said)
        else:
            ends.append(said)

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="aan-reading-", ignore_cleanup_errors=True) as folder:
        trail = Path(folder) / "reading"
        process = context.Process(target=_live, args=(theirs, trail, spec, output, engine), daemon=True)
        process.start()
        theirs.close()
        try:
            death = hear(ours, process, trail, tell=tell)
        finally:
            process.terminate()
            process.join(GRACE)
            process.kill()
            ours.close()
    if not ends:
        _clear_away(output)
        raise JobError(death.reason, hint=death.hint, code=death.code)
    end = ends[-1]
    if isinstance(end, Broken):
        raise JobError(end.reason, hint=end.hint, code=end.code)
    return end.frames


def _clear_away(output: str) -> None:
    """Remove what a child that died left half-written beside the result: `.NAME.*.part`, as the engine calls it."""
    pattern = parse(output)
    for file in Path(pattern.folder).glob(".*.part"):
        name = file.name[1:].rsplit(".", 2)[0]
        if name == pattern.head or pattern.frame_of(name) is not None:
            with suppress(OSError):
                file.unlink(missing_ok=True)


def _live(pipe: Connection, trail: Path, spec: JobSpec, output: str, engine: str) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the parent to hear, which says SIGTERM
    signal.signal(signal.SIGTERM, _leave)
    threading.Thread(target=_end_with_parent, args=(trail,), daemon=True).start()
    breadcrumb.lay(trail)
    try:
        count = in_process.fill(spec, output, engine=engine, progress=lambda step: pipe.send(_passed(step)))
    except Exception as error:
        broken = Broken("", *explain(error))
        if broken.code == "internal":
            traceback.print_exc()
        _send(pipe, broken)
    else:
        _send(pipe, Written(count))


def _send(pipe: Connection, end: Written | Broken) -> None:
    with suppress(OSError):  # nobody listens any more: the parent is gone
        pipe.send(end)


def _leave(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _end_with_parent(trail: Path) -> None:
    """Whoever kills `aan fill` wants the job ended: nobody is left to hear of it, and memory and threads are taken.

    Nor is anybody left to follow the trail, or to tidy up its folder.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is the child
    parent.join()
    shutil.rmtree(trail.parent, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def _passed(step: Step) -> Stepped:
    return Stepped("", step.stage, step.done, step.total)
