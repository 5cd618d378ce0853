"""The worker's process as the broker sees it: started, given orders, heard, found dead, replaced. It knows no engine.

A thread per process hears it (see `watch`) and hands each report over with `report`, its `Death` last: so that the
broker's loop waits in one place only, on every system.
"""

from __future__ import annotations

import multiprocessing
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from multiprocessing.process import BaseProcess

from .. import connection_file
from .cache import Cache
from .process_monitor import monitor
from .worker import run
from .worker_messages import KeepCached, RunJob, StopJob, WorkerReport

WATCHDOG_FILE = "reading"  # in the runtime folder: there is one engine to a user


class WorkerProcess:
    """One worker process at a time; a new one is started when the last one's `Death` was heard."""

    def __init__(self, engine: str, cache: Cache, *, report: Callable[[WorkerReport], None]) -> None:
        self._engine = engine
        self._cache = cache
        self._report = report
        self._watchdog_file = connection_file.runtime_folder() / WATCHDOG_FILE
        self._context = multiprocessing.get_context("spawn")
        self._pipe: Connection | None = None
        self._process: BaseProcess | None = None
        self._killed = False

    @property
    def pid(self) -> int | None:
        """The process in service."""
        return self._process.pid if self._process is not None else None

    @property
    def is_killed(self) -> bool:
        """Whether the process was killed and its `Death` is on its way: no command would be heard any more."""
        return self._killed

    def start(self) -> None:
        """Put a fresh process in service."""
        ours, theirs = self._context.Pipe()
        self._watchdog_file.unlink(missing_ok=True)  # what the last process died of must not be laid at this one's door
        process = self._context.Process(
            target=run, args=(theirs, self._watchdog_file, self._engine, self._cache), daemon=True
        )
        process.start()
        theirs.close()
        self._pipe, self._process = ours, process
        threading.Thread(target=self._listen, args=(ours, process), daemon=True).start()

    def send(self, command: RunJob | StopJob | KeepCached) -> None:
        """Send an command; to a process that is just dying it goes unheard, and the `Death` is on its way."""
        if self._pipe is not None:
            try:
                self._pipe.send(command)
            except OSError:
                return

    def clear(self) -> None:
        """Forget a process whose `Death` was heard."""
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = self._process = None
        self._killed = False

    def kill(self) -> None:
        """End the process at once; its `Death` follows."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._killed = True

    def _listen(self, pipe: Connection, process: BaseProcess) -> None:
        self._report(monitor(pipe, process, self._watchdog_file, on_message=self._report))
