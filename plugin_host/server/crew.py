"""The worker's process as the broker sees it: started, given orders, heard, found dead, replaced. It knows no engine.

A thread per process waits on its pipe and hands each report over with `tell`, the end of the pipe as a `Death`: so
that the broker's loop waits in one place only, on every system.
"""

from __future__ import annotations

import multiprocessing
import signal
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

from .cache import Cache
from .orders import Death, Keep, Order, Report, Stop
from .worker import run

GRACE = 5.0  # seconds that an ended process has to be gone


class Crew:
    """One worker process at a time; a new one is started when the last one's `Death` was heard."""

    def __init__(self, engine: str, cache: Cache, *, tell: Callable[[Report], None]) -> None:
        self._engine = engine
        self._cache = cache
        self._tell = tell
        self._context = multiprocessing.get_context("spawn")
        self._pipe: Connection | None = None
        self._process: multiprocessing.process.BaseProcess | None = None
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
        process = self._context.Process(target=run, args=(theirs, self._engine, self._cache), daemon=True)
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

    def _hear(self, pipe: Connection, process: multiprocessing.process.BaseProcess) -> None:
        try:
            while True:
                self._tell(pipe.recv())
        except (EOFError, OSError):
            process.join(GRACE)
            self._tell(Death(_in_words(process.exitcode)))


def _in_words(exitcode: int | None) -> str:
    if exitcode is not None and exitcode < 0:
        try:
            name = signal.Signals(-exitcode).name
        except ValueError:
            name = f"signal {-exitcode}"
        return f"it was killed by {name}" + (": often a sign that memory ran out" if name == "SIGKILL" else "")
    return f"it ended with code {exitcode}"
