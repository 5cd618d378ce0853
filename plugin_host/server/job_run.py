"""One order carried out: from the cache as far as it reaches, the rest by the engine, and how it ended.

Between frames, and whenever the engine reports a step, it looks whether the job was stopped. It has neither pipe nor
socket (see `worker`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass

from .async_writer import Behind
from .cache import Cache, Shelf
from .delivery import hand_out, hand_over, make_ready, placed
from .engine import Engine, Filled, Step, shot_of
from .failures import JobError, StopAsked, explain
from .job_inputs import Intake, take_in
from .worker_messages import Broken, Completed, End, Framed, Order, Report, Stepped, Stopped

ROOM_EVERY = 20  # frames between two looks at how large the cache has grown

log = logging.getLogger(__name__)


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
            if order.output is not None:
                make_ready(order.output, intake.targets[0])
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
            self.say(Framed(self.order.job, filled.frame, placed(self.order, filled.frame, path)))

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


def _changed() -> JobError:
    hint = "Submit the job again: it will see the new files."
    return JobError(
        "plates, mattes or the engine itself changed since the job was submitted", hint=hint, code="inputs-changed"
    )


def _outdated() -> JobError:
    hint = "The engine loads itself anew. Submit the job again in a moment."
    return JobError("the engine or its weights changed on disk since it was loaded", hint=hint, code="engine-changed")
