"""The worker process: loads the engine, receives commands, runs each job (see `job_run`), and reports.

It has no socket; the broker holds the other end of its pipe (see `worker_process`). A crash here never ends the broker.
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

from aan_engine.errors import AanError
from aan_engine.plates import decode_watchdog

from .cache import Cache
from .engine import load_engine
from .job_run import JobRun
from .worker_messages import JobFailed, KeepCached, RunJob, StopJob, WorkerExiting, WorkerReady, WorkerReport

FATAL_CODES = frozenset(
    {"out-of-memory", "engine-changed"}
)  # ways for a job to end after which the worker ends as well
YIELD_TIME = 0.001  # seconds given to the inbox thread, as a computing engine may hold the interpreter lock

log = logging.getLogger(__name__)


def run(pipe: Connection, watchdog_file: Path, engine_name: str, cache: Cache) -> None:
    """The worker's main function: runs until its pipe closes, or a new process is needed (see `FATAL_CODES`)."""
    decode_watchdog.start(watchdog_file)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C in a terminal is handled by the broker
    logging.basicConfig(level=logging.INFO, format="%(asctime)s worker %(message)s")
    inbox = Inbox(pipe)
    engine = load_engine(engine_name)
    identity = engine.identity()
    pipe.send(WorkerReady(identity))
    try:
        engine.warm("auto")
    except AanError as error:
        log.warning("the weights are not loaded ahead: %s", error)
    pipe_lock = threading.Lock()

    def send(report: WorkerReport) -> None:
        with pipe_lock:  # frames are reported by the thread that writes them
            pipe.send(report)

    while True:
        command = inbox.next()
        is_stopped = partial(inbox.is_stopped, command.job)
        end = JobRun(command, engine, identity, cache, inbox.keep, send=send, is_stopped=is_stopped).run()
        if isinstance(end, JobFailed) and end.code in FATAL_CODES:
            pipe.send(WorkerExiting(end.code, end.reason, end.hint))
            return
        pipe.send(end)


class Inbox:
    """Receives the broker's commands while the engine computes. The process exits when the broker is gone."""

    def __init__(self, pipe: Connection) -> None:
        self._pipe = pipe
        self._commands: SimpleQueue[RunJob] = SimpleQueue()
        self._stopped: set[str] = set()
        self._keep: tuple[str, ...] = ()
        threading.Thread(target=self._listen, daemon=True).start()

    def next(self) -> RunJob:
        """The next job to run; blocks until there is one."""
        command = self._commands.get()
        self._stopped &= {command.job}  # requests to stop earlier jobs came too late
        return command

    def keep(self) -> tuple[str, ...]:
        """The cache keys that must not be evicted, as of now."""
        return self._keep

    def is_stopped(self, job: str) -> bool:
        """Whether the broker asked to stop this job."""
        time.sleep(YIELD_TIME)
        return job in self._stopped

    def _listen(self) -> None:
        while True:
            try:
                message = self._pipe.recv()
            except (EOFError, OSError):
                os._exit(0)
            if isinstance(message, StopJob):
                self._stopped.add(message.job)
            elif isinstance(message, KeepCached):
                self._keep = message.keys
            else:
                self._commands.put(message)
