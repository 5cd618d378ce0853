"""The process that computes: it takes orders, runs the engine, keeps the cache, and reports.

The one room that knows both the protocol's jobs and the engine's shots, and translates the engine's errors. It has no
socket; the broker holds the other end of its pipe (see `crew`), and a crash in here never takes the broker down.

Between frames, and whenever the engine reports a step, it looks whether the job was stopped. The engine is a module
or object with `fill`, `warm` and `identity`, named as `module` or `module:factory`.
"""

from __future__ import annotations

import importlib
import logging
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass, fields
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path
from queue import SimpleQueue
from typing import Any, Protocol, cast

from aan_engine import breadcrumb
from aan_engine.shot import AanError, Controls, FrameFile, Known, Shot

from ..errors import HostError
from ..sequence import frame_path
from .behind import Behind
from .cache import Cache, Shelf, deliver
from .intake import Intake, take_in
from .orders import Broken, Completed, End, Framed, Keep, Order, Perishing, Ready, Report, Stepped, Stop, Stopped
from .reports import NOTHING, Told, picture_of, report_of, told

ENGINE = "aan_engine.pipeline"
FATAL = frozenset({"out-of-memory", "engine-changed"})  # ways for a job to end after which the worker ends as well
TURN = 0.001  # seconds for the inbox to listen, as an engine that computes may hold the interpreter all the time
ROOM_EVERY = 20  # frames between two looks at how large the cache has grown

log = logging.getLogger(__name__)


class Step(Protocol):
    """What the engine tells while it works: `done` of `total` steps of a `stage`."""

    @property
    def stage(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...


class Filled(Protocol):
    """A frame that is ready to be written, verified on the way, whole or not at all."""

    @property
    def frame(self) -> int: ...
    def write(self, path: Path) -> int:
        """Returns how many bits were found changed outside the matte."""
        ...


class JobReport(Protocol):
    """What is told of each frame once it is written, and leaves a page for the artist."""

    def add(self, filled: Any, *, changed: int) -> None: ...
    def finish(self) -> None: ...


class Engine(Protocol):
    """What a worker needs of an engine."""

    def fill(
        self, shot: Shot, *, progress: Callable[[Step], None] | None = None, skip: Collection[int] = ()
    ) -> Iterator[Filled]: ...
    def report(self, path: Path, *, keep: Collection[int] = ()) -> JobReport: ...
    def warm(self, device: str) -> None: ...
    def identity(self) -> str: ...


class StopAsked(Exception):
    """Thrown to leave a job, through the engine where need be."""


class JobError(HostError):
    """A job that cannot go on for a reason that is not the engine's."""

    def __init__(self, reason: str, *, hint: str, code: str) -> None:
        self.code = code
        super().__init__(reason, hint=hint)


def load(name: str) -> Engine:
    """The engine called `module`, or what `module:factory` returns."""
    module, _, factory = name.partition(":")
    found = importlib.import_module(module)
    return cast(Engine, getattr(found, factory)() if factory else found)


def shot_of(intake: Intake) -> Shot:
    """The job in the engine's terms.

    Raises:
        AanError: when it cannot be done as described.
    """
    spec = intake.spec
    files = {name: tuple(FrameFile(f.frame, f.path) for f in found) for name, found in intake.inputs.items()}
    return Shot(
        plates=files["plate"],
        mattes=files["matte"],
        first=spec.first,
        last=spec.last,
        matte_channel=spec.matte_channel,
        aovs=spec.aov,
        device=spec.device,
        known=Known(**{name: files.get(name, ()) for name in ("clean", "painted", "holdout", "exclude")}),
        controls=Controls(**{field.name: getattr(spec, field.name) for field in fields(Controls)}),
    )


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


@dataclass(frozen=True)
class Task:
    """One order being carried out: reports go to `say`, and `is_stopped` tells whether to go on.

    `identity` is the engine's as it was loaded: on disk it may be another by now. `keep` names the keys that others
    count on while this job makes room in the cache.
    """

    order: Order
    engine: Engine
    identity: str
    cache: Cache
    keep: Callable[[], Collection[str]]
    say: Callable[[Report], None]
    is_stopped: Callable[[], bool]

    def perform(self) -> End:
        """Do the job, from the cache as far as it reaches; returns how it ended."""
        order = self.order
        try:
            if self.engine.identity() != self.identity:
                raise _outdated()
            intake = take_in(order.spec, output=order.output)
            if intake.key(self.identity) != order.key:
                raise _changed()
            shelf = self.cache.shelf(order.key)
            done = hand_out(order, intake, shelf, say=self.say, is_stopped=self.is_stopped)
            if len(done) < len(intake.targets):
                done |= self._make(intake, shelf, done)
            if missing := len(intake.targets) - len(done):
                raise JobError(f"{missing} frames were not made", hint="Submit the job again.", code="incomplete")
            return Completed(order.job, hand_over(order, shelf))
        except StopAsked:
            return Stopped(order.job)
        except Exception as error:
            broken = Broken(order.job, *explain(error))
            log.info("job %s: %s", order.job, broken.reason, exc_info=broken.code == "internal")
            return broken

    def _make(self, intake: Intake, shelf: Shelf, done: set[int]) -> set[int]:
        """Have the engine make the frames that are not `done`; into the cache, then to their place, then reported.

        A frame may be filled from any plate, but to look at them all after each would take a long shot's square. So
        each frame's own files are looked at as it comes, everything once at the end: if anything changed by then, the
        cache lets go of what was made here.
        """
        made = set[int]()
        shelf.prepare()
        report = self.engine.report(shelf.report, keep=frozenset(done))

        def write(filled: Filled) -> None:
            if not intake.unchanged(filled.frame):
                raise _changed()
            if len(made) % ROOM_EVERY == 0:
                self.cache.make_room(keep={self.order.key, *self.keep()})
            changed = filled.write(shelf.path(filled.frame))
            made.add(filled.frame)
            path = shelf.record(filled.frame)
            report.add(filled, changed=changed)
            self.say(Framed(self.order.job, filled.frame, _place(self.order, filled.frame, path)))

        try:
            try:
                with Behind(write) as behind:
                    for filled in self.engine.fill(shot_of(intake), progress=self._step, skip=frozenset(done)):
                        behind.put(filled)
                        if self.is_stopped():
                            raise StopAsked
            except StopAsked:
                if len(done | made) < len(intake.targets):
                    raise  # else it came too late: everything is there
            report.finish()
        finally:
            whole = intake.unchanged()
            if not whole:
                shelf.withdraw(made)
        if not whole:
            raise _changed()
        return made

    def _step(self, now: Step) -> None:
        if self.is_stopped():
            raise StopAsked
        self.say(Stepped(self.order.job, now.stage, now.done, now.total))


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
        say(Framed(order.job, frame, _place(order, frame, path)))
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


def explain(error: Exception) -> tuple[str, str, str]:
    """Code, reason and hint of anything that can end a job."""
    if isinstance(error, AanError):
        where = [f"frame {error.frame}"] if error.frame is not None else []
        where += [str(error.file)] if error.file is not None else []
        code = re.sub("(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()
        return code, error.reason + (f" ({', '.join(where)})" if where else ""), error.hint
    if isinstance(error, HostError):
        return getattr(error, "code", "sequence"), error.reason, error.hint
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        hint = "Close other programs, fill fewer pixels at once, or choose --device cpu."
        return "out-of-memory", f"memory ran out ({error})", hint
    if isinstance(error, OSError):
        return "output", f"{error.strerror or error} ({error.filename})", "Check free space and permissions."
    return "internal", f"{type(error).__name__}: {error}", "This is a fault of the engine's: its log has the details."


def _place(order: Order, frame: int, path: Path) -> str:
    """Where the host finds a frame of the cache: brought to the output it asked for, or where it lies."""
    if order.output is None:
        return str(path)
    target = frame_path(order.output, frame)
    deliver(path, Path(target))
    return target


def _changed() -> JobError:
    hint = "Submit the job again: it will see the new files."
    return JobError(
        "plates, mattes or the engine itself changed since the job was submitted", hint=hint, code="inputs-changed"
    )


def _outdated() -> JobError:
    hint = "The engine loads itself anew. Submit the job again in a moment."
    return JobError("the engine or its weights changed on disk since it was loaded", hint=hint, code="engine-changed")
