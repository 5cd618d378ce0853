"""The process that computes: it loads the engine, takes orders, has each carried out as a `task`, and reports.

It has no socket; the broker holds the other end of its pipe (see `crew`), and a crash in here never takes the broker
down.
"""

from __future__ import annotations

import logging
import os
import signal
import threading
import time
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue

from aan_engine import breadcrumb
from aan_engine.shot import AanError

from .cache import Cache
from .engine import load
from .job_run import Task
from .worker_messages import Broken, Keep, Order, Perishing, Ready, Report, Stop

FATAL = frozenset({"out-of-memory", "engine-changed"})  # ways for a job to end after which the worker ends as well
TURN = 0.001  # seconds for the inbox to listen, as an engine that computes may hold the interpreter all the time

log = logging.getLogger(__name__)


def run(pipe: Connection, trail: Path, engine_name: str, cache: Cache) -> None:
    """The worker's life: until its pipe closes, or a fresh process is the better one (see `FATAL`)."""
    breadcrumb.lay(trail)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is for the broker to hear
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(message)s")
    inbox = Inbox(pipe)
    engine = load(engine_name)
    identity = engine.identity()
    pipe.send(Ready(identity))
    try:
        engine.warm("auto")
    except AanError as error:
        log.warning("the weights are not loaded ahead: %s", error)
    turn = threading.Lock()

    def say(report: Report) -> None:
        with turn:  # frames are reported by the thread that writes them
            pipe.send(report)

    while True:
        order = inbox.next()
        is_stopped = partial(inbox.is_stopped, order.job)
        end = Task(order, engine, identity, cache, inbox.keep, say=say, is_stopped=is_stopped).perform()
        if isinstance(end, Broken) and end.code in FATAL:
            pipe.send(Perishing(end.code, end.reason, end.hint))
            return
        pipe.send(end)


class Inbox:
    """What the broker says while the engine computes; without a broker there is nothing left to do."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._orders: SimpleQueue[Order] = SimpleQueue()
        self._stopped: set[str] = set()
        self._keep: tuple[str, ...] = ()
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> Order:
        """The next order; blocks until there is one."""
        order = self._orders.get()
        self._stopped &= {order.job}  # what was said of jobs before this one came too late
        return order

    def keep(self) -> tuple[str, ...]:
        """Keys that are not to be dropped from the cache, as of now."""
        return self._keep

    def is_stopped(self, job: str) -> bool:
        """Whether it was said to stop this job."""
        time.sleep(TURN)
        return job in self._stopped

    def _listen(self) -> None:
        while True:
            try:
                said = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(0)
            if isinstance(said, Stop):
                self._stopped.add(said.job)
            elif isinstance(said, Keep):
                self._keep = said.keys
            else:
                self._orders.put(said)
