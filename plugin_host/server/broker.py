"""The loop: hears hosts and answers them, keeps the ledger, tells of a job whoever watches it. It runs no job.

Nothing in the loop waits for anything but messages, so a host is answered at once whatever is being computed. What
takes time happens elsewhere, computing in the worker's process (see `crew`) and looking at files on the `desk`; both
leave their reports in a queue and ring the switchboard's bell. Who does which job is the `dispatcher`'s concern.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import signal
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from .. import protocol, wire
from ..errors import ProtocolError
from ..protocol import Event, Refused, Reply
from ..wire import Envelope
from .cache import Cache
from .file_service import Declined, Desk, Inquiry, Offer
from .jobs import Job, Ledger
from .router import Switchboard
from .scheduler import Dispatcher
from .worker_messages import Report
from .worker_process import Crew

log = logging.getLogger(__name__)


class Broker:
    """One life of the engine. `session` and `token` are drawn afresh, `endpoint` is a random port of the loopback.

    Args:
        engine: the name of the engine that the worker loads (see `engine`).
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
        self._dispatcher = Dispatcher(self._ledger, crew=self._crew, desk=self._desk, publish=self._publish)
        self._watchers: dict[str, set[bytes]] = {}
        self._answers: dict[type, Callable[[bytes, Any], Reply | None]] = {
            protocol.Hello: self._hello,
            protocol.Cancel: self._cancel,
            protocol.Watch: self._watch,
            protocol.Status: self._status,
            protocol.Shutdown: self._shutdown,
        }

    def run(self, *, announce: Callable[[], None]) -> str | None:
        """Serve until told to leave; returns why the engine could not work, if so. `announce` is called once it can."""
        self._dispatcher.start(announce=announce)
        try:
            while not self._dispatcher.gone:
                for host, frames in self._switchboard.listen():
                    self._hear(host, frames)
                while not self._news.empty():
                    self._news.get()()
                self._switchboard.flush()
        finally:
            self._crew.kill()
            self._desk.close()
            self._switchboard.close()
        return self._dispatcher.failure

    def leave(self) -> None:
        """Make `run` cancel what is there and return. From any thread."""
        self._hand_over(self._dispatcher.leave)

    def leave_on(self, *signals: signal.Signals) -> None:
        """Leave when the process gets one of these; the bell rings by itself, however deep the loop sleeps."""
        signal.set_wakeup_fd(self._switchboard.rope, warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, lambda *_: self.leave())

    # What hosts say

    def _hear(self, host: bytes, frames: list[bytes]) -> None:
        try:
            envelope = wire.decode(frames)
        except ProtocolError as error:
            refused = Refused(error.code, error.reason, error.hint)
            self._switchboard.post(host, refused, wire.request_of(frames))
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
            version = wire.agree(hello.lowest, hello.highest)
        except ProtocolError as error:
            return Refused(error.code, error.reason, error.hint)
        if not self._switchboard.is_admitted(host):
            log.info("host %s connected", hello.client or "without a name")
        self._switchboard.admit(host)
        return protocol.Welcome(version, self.session, self._release)

    def _submit(self, inquiry: Inquiry) -> Reply | None:
        if self._dispatcher.leaving:
            return _STOPPING
        self._desk.examine(inquiry, identity=self._dispatcher.identity)
        return None  # the desk's offer is the answer

    def _cancel(self, host: bytes, cancel: protocol.Cancel) -> Reply:
        job = self._ledger.get(cancel.job)
        if job is None:
            return _unknown(cancel.job)
        if job.ended:
            return Refused("ended", f"job {job.name} is {job.state.value} already")
        self._dispatcher.cancel(job)
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
        self._hand_over(lambda: self._take_note(report))

    def _take_note(self, report: Report | Offer | Declined) -> None:
        if isinstance(report, Offer):
            self._accept(report)
        elif isinstance(report, Declined):
            self._decline(report)
        else:
            self._dispatcher.hear(report)

    def _hand_over(self, news: Callable[[], None]) -> None:
        self._news.put(news)
        self._switchboard.ring()

    def _accept(self, offer: Offer) -> None:
        host, request, submit = offer.inquiry.host, offer.inquiry.request, offer.inquiry.submit
        if self._dispatcher.leaving:
            self._switchboard.post(host, _STOPPING, request)
            return
        total = len(offer.intake.targets)
        job = self._ledger.add(submit.spec, output=offer.output, key=offer.key, total=total)
        self._watchers[job.name] = {host}
        self._switchboard.post(host, protocol.Accepted(job.name, job.output, total, offer.held), request)
        log.info("job %s accepted: %s, %d frames, %d of them cached", job.name, submit.spec.plate, total, offer.held)
        self._dispatcher.take(job, offer)

    def _decline(self, declined: Declined) -> None:
        self._switchboard.post(declined.inquiry.host, declined.refused, declined.inquiry.request)

    def _publish(self, job: Job, event: Event) -> None:
        for host in self._watchers[job.name]:
            self._switchboard.post(host, event)
        if job.ended:
            del self._watchers[job.name]


_STOPPING = Refused("stopping", "the engine is about to leave", "Start it again.")


def _unknown(job: str) -> Refused:
    return Refused("unknown-job", f"there is no job {job}", "`aan jobs` lists those that are remembered.")
