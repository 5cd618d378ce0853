"""Jobs given to those who do them: the worker, one after the other; the desk, what the cache holds completely.

It knows who is at which job, what a report makes of it, and what follows when a worker dies. It knows no host: what
they are to hear goes to `publish`. Like the broker, whose loop calls it, it waits for nothing.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ..protocol import Cancelled, Event, Failed, Finished, FrameReady, Progress
from .file_service import Desk, Offer
from .jobs import Job, Ledger, Move, State
from .worker_messages import (
    Broken,
    Completed,
    Death,
    Framed,
    Keep,
    Order,
    Perishing,
    Ready,
    Report,
    Stepped,
    Stop,
    Stopped,
)
from .worker_process import Crew

log = logging.getLogger(__name__)


class Dispatcher:
    """Sees to the jobs of the ledger.

    `identity` is the engine's, once a worker has loaded it. When `leaving`, no job is begun any more; `failure` says
    why, if it is not what anybody asked for.
    """

    def __init__(self, ledger: Ledger, *, crew: Crew, desk: Desk, publish: Callable[[Job, Event], None]) -> None:
        self.identity = ""
        self.leaving = False
        self.failure: str | None = None
        self._ledger = ledger
        self._crew = crew
        self._desk = desk
        self._publish = publish
        self._orders: dict[str, Order] = {}
        self._working: Job | None = None
        self._crew_ready = False
        self._last_words: tuple[str, str, str] | None = None
        self._reports: dict[type, Callable[[Any], None]] = {
            Ready: self._ready,
            Stepped: self._stepped,
            Framed: self._framed,
            Completed: self._completed,
            Stopped: lambda report: self._end(report.job, Move.STOP),
            Broken: lambda report: self._end(report.job, Move.FAIL, (report.code, report.reason, report.hint)),
            Perishing: self._perishing,
            Death: self._dead,
        }

    # What is asked of it

    def start(self, *, announce: Callable[[], None]) -> None:
        """Put a worker in service; `announce` is called once it can work."""
        self._announce = announce
        self._crew.start()

    def take(self, job: Job, offer: Offer) -> None:
        """Have a job of the ledger done, as it was offered."""
        order = Order(job.name, job.spec, offer.inquiry.submit.output, job.key)
        if offer.held == job.total:
            job.move(Move.START)
            self._desk.serve(order, offer.intake)
        else:
            self._orders[job.name] = order
        self._crew.give(self._keep())
        self._start_next()

    def cancel(self, job: Job) -> None:
        """Stop a job that is not over; the second time, at once."""
        insists = job.state is State.CANCELLING
        self._stop(job)
        if insists and job is self._working:
            self._crew.kill()

    def leave(self) -> None:
        """Cancel what is there, and begin no more."""
        self.leaving = True
        for job in list(self._ledger):
            if not job.ended:
                self._stop(job)
        self._crew.kill()

    @property
    def gone(self) -> bool:
        """Whether it is leaving, and all is over."""
        return self.leaving and all(job.ended for job in self._ledger)

    # What the worker and the desk report

    def hear(self, report: Report) -> None:
        """Take note of a report, and do what follows."""
        self._reports[type(report)](report)

    def _ready(self, ready: Ready) -> None:
        self._crew_ready = True
        first, self.identity = not self.identity, ready.identity
        log.info("worker %s is ready", self._crew.pid)
        if first:
            self._announce()

    def _stepped(self, step: Stepped) -> None:
        job = self._known(step.job)
        job.stage = (step.stage, step.done, step.total)
        self._publish(job, Progress(job.name, step.stage, step.done, step.total))

    def _framed(self, framed: Framed) -> None:
        job = self._known(framed.job)
        job.frames.add(framed.frame)
        self._publish(job, FrameReady(job.name, framed.frame, framed.path))

    def _completed(self, report: Completed) -> None:
        self._known(report.job).told = report.told
        self._end(report.job, Move.FINISH)

    def _end(self, name: str, move: Move, failure: tuple[str, str, str] = ("", "", "")) -> None:
        """The worker or the desk is through with a job."""
        job = self._known(name)
        job.move(move)
        if job.state is State.FAILED:
            job.failure = failure
        if job is self._working:
            self._working = None
        self._publish_end(job)
        self._start_next()

    def _perishing(self, perishing: Perishing) -> None:
        self._last_words = (perishing.code, perishing.reason, perishing.hint)

    def _dead(self, death: Death) -> None:
        """Its job fails, and a fresh worker takes over.

        One that could not even start is not tried again until the next job comes; at the engine's own start, never.
        """
        was_ready, self._crew_ready = self._crew_ready, False
        self._crew.dismiss()
        if self.leaving:
            log.info("the worker is gone")
        elif not self.identity:
            self.failure = f"the worker does not start: {death.how}"
            self.leaving = True
        else:
            log.error("the worker is gone: %s", death.how)
        if was_ready and not self.leaving:
            self._crew.start()
        words, self._last_words = self._last_words, None
        if self._working is not None:
            lost = (death.code, death.reason, death.hint)
            self._end(self._working.name, Move.FAIL, words or lost)
        self._start_next()

    # What follows

    def _start_next(self) -> None:
        job = self._ledger.next()
        if self._working is not None or job is None or self.leaving or self._crew.doomed:
            return
        if self._crew.pid is None:
            self._crew.start()
        job.move(Move.START)
        self._working = job
        self._crew.give(self._keep())
        self._crew.give(self._orders.pop(job.name))

    def _keep(self) -> Keep:
        return Keep(tuple(job.key for job in self._ledger if not job.ended))

    def _stop(self, job: Job) -> None:
        if job.move(Move.CANCEL) is State.CANCELLED:
            self._orders.pop(job.name, None)
            self._publish_end(job)
        elif job is self._working:
            self._crew.give(Stop(job.name))
        else:
            self._desk.stop(job.name)

    def _publish_end(self, job: Job) -> None:
        log.info("job %s is %s", job.name, ": ".join(filter(None, (job.state.value, job.failure[1]))))
        ends: dict[State, Event] = {
            State.FINISHED: Finished(job.name, job.total, job.told.unseen, job.told.worst, job.told.report),
            State.CANCELLED: Cancelled(job.name),
            State.FAILED: Failed(job.name, *job.failure),
        }
        self._publish(job, ends[job.state])

    def _known(self, name: str) -> Job:
        job = self._ledger.get(name)
        assert job is not None, f"a report on job {name}, which was never ordered"
        return job
