"""The loop: hears hosts, keeps the ledger, orders the worker about, passes its reports on. It runs no job.

Nothing in the loop waits for anything but messages, so a host is answered at once whatever is being computed. What
takes time happens elsewhere, computing in the worker's process (see `crew`) and looking at files on the `desk`; both
leave their reports in a queue and ring the switchboard's bell.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import signal
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from .. import protocol
from ..errors import ProtocolError
from ..protocol import Envelope, Event, Refused, Reply
from .cache import Cache
from .crew import Crew
from .desk import Declined, Desk, Inquiry, Offer
from .jobs import Job, Ledger, Move, State
from .orders import Broken, Completed, Death, Framed, Keep, Order, Perishing, Ready, Report, Stepped, Stop, Stopped
from .switchboard import Switchboard

log = logging.getLogger(__name__)


class Broker:
    """One life of the engine. `session` and `token` are drawn afresh, `endpoint` is a random port of the loopback.

    Args:
        engine: the name of the engine that the worker loads (see `worker`).
        cache: where finished frames are kept.
        release: the engine's version, for hosts to show.
    """

    def __init__(self, engine: str, cache: Cache, *, release: str) -> None:
        self.session = secrets.token_hex(8)
        self.token = secrets.token_hex(32)
        self._release = release
        self._switchboard = Switchboard()
        self.endpoint = self._switchboard.endpoint
        self._news: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._crew = Crew(engine, cache, tell=self._report)
        self._desk = Desk(cache, tell=self._report)
        self._ledger = Ledger(self.session)
        self._orders: dict[str, Order] = {}
        self._watchers: dict[str, set[bytes]] = {}
        self._working: Job | None = None
        self._identity = ""
        self._crew_ready = False
        self._last_words: tuple[str, str, str] | None = None
        self._leaving = False
        self._failure: str | None = None
        self._answers: dict[type, Callable[[bytes, Any], Reply | None]] = {
            protocol.Hello: self._hello,
            protocol.Cancel: self._cancel,
            protocol.Watch: self._watch,
            protocol.Status: self._status,
            protocol.Shutdown: self._shutdown,
        }
        self._reports: dict[type, Callable[[Any], None]] = {
            Offer: self._accept,
            Declined: self._decline,
            Ready: self._ready,
            Stepped: self._stepped,
            Framed: self._framed,
            Completed: self._completed,
            Stopped: lambda report: self._end(report.job, Move.STOP),
            Broken: lambda report: self._end(report.job, Move.FAIL, (report.code, report.reason, report.hint)),
            Perishing: self._perishing,
            Death: self._dead,
        }

    def run(self, *, announce: Callable[[], None]) -> str | None:
        """Serve until told to leave; returns why the engine could not work, if so. `announce` is called once it can."""
        self._announce = announce
        self._crew.start()
        try:
            while not (self._leaving and all(job.ended for job in self._ledger)):
                for host, frames in self._switchboard.listen():
                    self._hear(host, frames)
                while not self._news.empty():
                    self._news.get()()
                self._switchboard.flush()
        finally:
            self._crew.kill()
            self._desk.close()
            self._switchboard.close()
        return self._failure

    def leave(self) -> None:
        """Make `run` cancel what is there and return. From any thread."""
        self._hand_over(self._leave)

    def leave_on(self, *signals: signal.Signals) -> None:
        """Leave when the process gets one of these; the bell rings by itself, however deep the loop sleeps."""
        signal.set_wakeup_fd(self._switchboard.rope, warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, lambda *_: self.leave())

    # What hosts say

    def _hear(self, host: bytes, frames: list[bytes]) -> None:
        try:
            envelope = protocol.decode(frames)
        except ProtocolError as error:
            refused = Refused(error.code, error.reason, error.hint)
            self._switchboard.post(host, refused, protocol.request_of(frames))
            return
        reply = self._reply(host, envelope)
        if reply is not None:
            self._switchboard.post(host, reply, envelope.request)

    def _reply(self, host: bytes, envelope: Envelope) -> Reply | None:
        message = envelope.message
        if not isinstance(message, protocol.Hello) and not self._switchboard.is_admitted(host):
            return Refused(
                "no-hello", "the host has not said hello", "Say Hello with the token of the connection file."
            )
        if isinstance(message, protocol.Submit):
            return self._submit(Inquiry(host, envelope.request, message))
        answer = self._answers.get(type(message))
        if answer is None:
            return Refused("unknown-type", f"{type(message).__name__} is not a request")
        return answer(host, message)

    def _hello(self, host: bytes, hello: protocol.Hello) -> Reply:
        if not hmac.compare_digest(hello.token.encode("utf-8", "replace"), self.token.encode()):
            return Refused("token", "the token is not this engine's", "Read the connection file again.")
        try:
            version = protocol.agree(hello.lowest, hello.highest)
        except ProtocolError as error:
            return Refused(error.code, error.reason, error.hint)
        if not self._switchboard.is_admitted(host):
            log.info("host %s connected", hello.client or "without a name")
        self._switchboard.admit(host)
        return protocol.Welcome(version, self.session, self._release)

    def _submit(self, inquiry: Inquiry) -> Reply | None:
        if self._leaving:
            return _STOPPING
        self._desk.examine(inquiry, identity=self._identity)
        return None  # the desk's offer is the answer

    def _cancel(self, host: bytes, cancel: protocol.Cancel) -> Reply:
        job = self._ledger.get(cancel.job)
        if job is None:
            return _unknown(cancel.job)
        if job.ended:
            return Refused("ended", f"job {job.name} is {job.state.value} already")
        insists = job.state is State.CANCELLING
        self._stop(job)
        if insists and job is self._working:
            self._crew.kill()
        return protocol.Done()

    def _watch(self, host: bytes, watch: protocol.Watch) -> Reply:
        job = self._ledger.get(watch.job)
        if job is None:
            return _unknown(watch.job)
        if not job.ended:
            self._watchers[job.name].add(host)
        return protocol.Snapshot(job.described(), tuple(sorted(job.frames)))

    def _status(self, host: bytes, status: protocol.Status) -> Reply:
        return protocol.State(tuple(job.described() for job in self._ledger))

    def _shutdown(self, host: bytes, shutdown: protocol.Shutdown) -> Reply:
        self.leave()
        return protocol.Done()

    # What the worker and the desk report

    def _report(self, report: Report | Offer | Declined) -> None:
        """Hand a report to the loop, from any thread."""
        self._hand_over(lambda: self._reports[type(report)](report))

    def _hand_over(self, news: Callable[[], None]) -> None:
        self._news.put(news)
        self._switchboard.ring()

    def _accept(self, offer: Offer) -> None:
        host, request, submit = offer.inquiry.host, offer.inquiry.request, offer.inquiry.submit
        if self._leaving:
            self._switchboard.post(host, _STOPPING, request)
            return
        total = len(offer.intake.targets)
        job = self._ledger.add(submit.spec, output=offer.output, key=offer.key, total=total)
        self._watchers[job.name] = {host}
        self._switchboard.post(host, protocol.Accepted(job.name, job.output, total, offer.held), request)
        log.info("job %s accepted: %s, %d frames, %d of them cached", job.name, submit.spec.plate, total, offer.held)
        order = Order(job.name, submit.spec, submit.output, job.key)
        if offer.held == total:
            job.move(Move.START)
            self._desk.serve(order, offer.intake)
        else:
            self._orders[job.name] = order
        self._crew.give(self._keep())
        self._start_next()

    def _decline(self, declined: Declined) -> None:
        self._switchboard.post(declined.inquiry.host, declined.refused, declined.inquiry.request)

    def _ready(self, ready: Ready) -> None:
        self._crew_ready = True
        first, self._identity = not self._identity, ready.identity
        log.info("worker %s is ready", self._crew.pid)
        if first:
            self._announce()

    def _stepped(self, step: Stepped) -> None:
        job = self._known(step.job)
        job.stage = (step.stage, step.done, step.total)
        self._publish(job, protocol.Progress(job.name, step.stage, step.done, step.total))

    def _framed(self, framed: Framed) -> None:
        job = self._known(framed.job)
        job.frames.add(framed.frame)
        self._publish(job, protocol.FrameReady(job.name, framed.frame, framed.path))

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
        if self._leaving:
            log.info("the worker is gone")
        elif not self._identity:
            self._failure = f"the worker does not start: {death.how}"
            self._leaving = True
        else:
            log.error("the worker is gone: %s", death.how)
        if was_ready and not self._leaving:
            self._crew.start()
        words, self._last_words = self._last_words, None
        if self._working is not None:
            lost = (death.code, death.reason, death.hint)
            self._end(self._working.name, Move.FAIL, words or lost)
        self._start_next()

    # What follows

    def _start_next(self) -> None:
        job = self._ledger.next()
        if self._working is not None or job is None or self._leaving or self._crew.doomed:
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

    def _leave(self) -> None:
        self._leaving = True
        for job in list(self._ledger):
            if not job.ended:
                self._stop(job)
        self._crew.kill()

    def _publish(self, job: Job, event: Event) -> None:
        for host in self._watchers[job.name]:
            self._switchboard.post(host, event)

    def _publish_end(self, job: Job) -> None:
        log.info("job %s is %s", job.name, ": ".join(filter(None, (job.state.value, job.failure[1]))))
        ends: dict[State, Event] = {
            State.FINISHED: protocol.Finished(job.name, job.total, job.told.unseen, job.told.worst, job.told.report),
            State.CANCELLED: protocol.Cancelled(job.name),
            State.FAILED: protocol.Failed(job.name, *job.failure),
        }
        self._publish(job, ends[job.state])
        del self._watchers[job.name]

    def _known(self, name: str) -> Job:
        job = self._ledger.get(name)
        assert job is not None, f"a report on job {name}, which was never ordered"
        return job


_STOPPING = Refused("stopping", "the engine is about to leave", "Start it again.")


def _unknown(job: str) -> Refused:
    return Refused("unknown-job", f"there is no job {job}", "`aan jobs` lists those that are remembered.")
