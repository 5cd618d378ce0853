"""The worker's process as the broker sees it: started, given orders, heard, found dead, replaced. It knows no engine.

A thread per process hears it (see `watch`) and hands each report over with `tell`, its `Death` last: so that the
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
from .process_monitor import hear
from .worker import run
from .worker_messages import Keep, Order, Report, Stop

TRAIL = "reading"  # in the runtime folder: there is one engine to a user


class Crew:
    """One worker process at a time; a new one is started when the last one's `Death` was heard."""

    def __init__(self, engine: str, cache: Cache, *, tell: Callable[[Report], None]) -> None:
        self._engine = engine
        self._cache = cache
        self._tell = tell
        self._trail = connection_file.runtime_folder() / TRAIL
        self._context = multiprocessing.get_context("spawn")
        self._pipe: Connection | None = None
        self._process: BaseProcess | None = None
        self._doomed = False

    @property
    def pid(self) -> int | None:
        """The process in service."""
        return self._process.pid if self._process is not None else None

    @property
    def doomed(self) -> bool:
        """Whether the process was killed and its `Death` is on its way: no order would be heard any more."""
        return self._doomed

    def start(self) -> None:
        """Put a fresh process in service."""
        ours, theirs = self._context.Pipe()
        self._trail.unlink(missing_ok=True)  # what the last process died of must not be laid at this one's door
        process = self._context.Process(target=run, args=(theirs, self._trail, self._engine, self._cache), daemon=True)
        process.start()
        theirs.close()
        self._pipe, self._process = ours, process
        threading.Thread(target=self._hear, args=(ours, process), daemon=True).start()

    def give(self, said: Order | Stop | Keep) -> None:
        """Send an order; to a process that is just dying it goes unheard, and the `Death` is on its way."""
        if self._pipe is not None:
            try:
                self._pipe.send(said)
            except OSError:
                return

    def dismiss(self) -> None:
        """Forget a process whose `Death` was heard."""
        if self._pipe is not None:
            self._pipe.close()
        self._pipe = self._process = None
        self._doomed = False

    def kill(self) -> None:
        """End the process at once; its `Death` follows."""
        if self._process is not None and self._process.is_alive():
            self._process.kill()
            self._doomed = True

    def _hear(self, pipe: Connection, process: BaseProcess) -> None:
        self._tell(hear(pipe, process, self._trail, tell=self._tell))
