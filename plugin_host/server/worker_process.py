"""The worker process as the broker handles it: started, sent commands, read, and replaced when it dies.

One thread per process reads its pipe (see `process_monitor`) and passes every report on, `WorkerDied` last. So the
broker's loop waits in one place only, on every operating system. This module knows no engine.
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

WATCHDOG_FILE = "reading"  # in the runtime folder, as each user has one engine


class WorkerProcess:
    """One worker process at a time; the next one is started after the `WorkerDied` of the last."""

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
        """The id of the current process."""
        return self._process.pid if self._process is not None else None

    @property
    def is_killed(self) -> bool:
        """Whether the process was killed and its `WorkerDied` is still to come: commands would be lost."""
        return self._killed

    def start(self) -> None:
        """Start a new process."""
        ours, theirs = self._context.Pipe()
        self._watchdog_file.unlink(missing_ok=True)  # the last process's note says nothing about this one
        process = self._context.Process(
            target=run, args=(theirs, self._watchdog_file, self._engine, self._cache), daemon=True
        )
        process.start()
        theirs.close()
        self._pipe, self._process = ours, process
        threading.Thread(target=self._listen, args=(ours, process), daemon=True).start()

    def send(self, command: RunJob | StopJob | KeepCached) -> None:
        """Send a command. A dying process does not receive it; its `WorkerDied` follows."""
        if self._pipe is not None:
            try:
                self._pipe.send(command)
            except OSError:
                return

    def clear(self) -> None:
        """Forget a process whose `WorkerDied` was received."""
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = self._process = None
        self._killed = False

    def kill(self) -> None:
        """Kill the process; its `WorkerDied` follows."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._killed = True

    def _listen(self, pipe: Connection, process: BaseProcess) -> None:
        self._report(monitor(pipe, process, self._watchdog_file, on_message=self._report))
