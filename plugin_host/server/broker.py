"""The engine's main loop: receives the requests of hosts, answers them, and sends job events to the hosts that watch.

The loop waits for messages only, so a host is answered at once whatever is being computed. Slow work happens elsewhere:
computing in the worker process (see `worker_process`), file access in the `file_service` thread. Both put their reports
into a queue and wake the router. The `scheduler` decides which job runs where.
"""

from __future__ import annotations

import hmac
import logging
import secrets
import signal
import time
from collections.abc import Callable
from queue import SimpleQueue
from typing import Any

from .. import protocol, wire
from ..errors import ProtocolError
from ..protocol import Event, Refused, Reply
from ..wire import Envelope
from .cache import Cache
from .file_service import Acceptable, FileService, PendingSubmit, Rejected
from .jobs import Job, JobTable
from .router import Router
from .scheduler import Scheduler
from .worker_messages import WorkerReport
from .worker_process import WorkerProcess

log = logging.getLogger(__name__)


class Broker:
    """One run of the engine. `session` and `token` are random; `endpoint` is a random port of the loopback interface.

    Args:
        engine: the name of the engine that the worker loads (see `engine`).
        cache: where finished frames are kept.
        version: the engine's version, for hosts to show.
    """

    def __init__(self, engine: str, cache: Cache, *, version: str) -> None:
        self.session = secrets.token_hex(8)
        self.token = secrets.token_hex(32)
        self._version = version
        self._router = Router()
        self.endpoint = self._router.endpoint
        self._callbacks: SimpleQueue[Callable[[], None]] = SimpleQueue()
        self._worker = WorkerProcess(engine, cache, report=self._report)
        self._file_service = FileService(cache, report=self._report)
        self._jobs = JobTable(self.session)
        self._scheduler = Scheduler(
            self._jobs, worker=self._worker, file_service=self._file_service, publish=self._publish
        )
        self._watchers: dict[str, set[bytes]] = {}
        self._handlers: dict[type, Callable[[bytes, Any], Reply | None]] = {
            protocol.Hello: self._hello,
            protocol.Cancel: self._cancel,
            protocol.Watch: self._watch,
            protocol.Status: self._status,
            protocol.Shutdown: self._shutdown,
        }

    def run(self, *, announce: Callable[[], None]) -> str | None:
        """Serve until shutdown; returns the reason if the engine could not work. `announce` is called once it can."""
        self._scheduler.start(announce=announce)
        try:
            while not self._scheduler.is_done:
                for host, frames in self._router.receive():
                    self._handle_message(host, frames)
                while not self._callbacks.empty():
                    self._callbacks.get()()
                self._router.flush()
        finally:
            self._worker.kill()
            self._file_service.close()
            self._router.close()
        return self._scheduler.failure

    def shut_down(self) -> None:
        """Make `run` cancel all jobs and return. From any thread."""
        self._run_in_loop(self._scheduler.shut_down)

    def shut_down_on(self, *signals: signal.Signals) -> None:
        """Shut down on any of these signals; a signal writes to the wakeup descriptor, which wakes a blocked loop."""
        signal.set_wakeup_fd(self._router.wakeup_fd, warn_on_full_buffer=False)
        for number in signals:
            signal.signal(number, lambda *_: self.shut_down())

    # Requests of hosts

    def _handle_message(self, host: bytes, frames: list[bytes]) -> None:
        try:
            envelope = wire.decode(frames)
        except ProtocolError as error:
            refused = Refused(error.code, error.reason, error.hint)
            self._router.post(host, refused, wire.request_number(frames))
            return
        reply = self._reply(host, envelope)
        if reply is not None:
            self._router.post(host, reply, envelope.request)

    def _reply(self, host: bytes, envelope: Envelope) -> Reply | None:
        message = envelope.message
        if not isinstance(message, protocol.Hello) and not self._router.is_admitted(host):
            return Refused(
                "no-hello", "the host has not said hello", "Say Hello with the token of the connection file."
            )
        if isinstance(message, protocol.Submit):
            return self._submit(PendingSubmit(host, envelope.request, message))
        answer = self._handlers.get(type(message))
        if answer is None:
            return Refused("unknown-type", f"{type(message).__name__} is not a request")
        return answer(host, message)

    def _hello(self, host: bytes, hello: protocol.Hello) -> Reply:
        if not hmac.compare_digest(hello.token.encode("utf-8", "replace"), self.token.encode()):
            return Refused("token", "the token is not this engine's", "Read the connection file again.")
        try:
            version = wire.negotiate_version(hello.lowest, hello.highest)
        except ProtocolError as error:
            return Refused(error.code, error.reason, error.hint)
        if not self._router.is_admitted(host):
            log.info("host %s connected", hello.client or "without a name")
        self._router.admit(host)
        return protocol.Welcome(version, self.session, self._version)

    def _submit(self, pending: PendingSubmit) -> Reply | None:
        if self._scheduler.shutting_down:
            return _STOPPING
        self._file_service.check(pending, identity=self._scheduler.identity)
        return None  # the file service's result is the answer

    def _cancel(self, host: bytes, cancel: protocol.Cancel) -> Reply:
        job = self._jobs.get(cancel.job)
        if job is None:
            return _unknown_job(cancel.job)
        if job.ended:
            return Refused("ended", f"job {job.name} is {job.state.value} already")
        self._scheduler.cancel(job)
        return protocol.Done()

    def _watch(self, host: bytes, watch: protocol.Watch) -> Reply:
        job = self._jobs.get(watch.job)
        if job is None:
            return _unknown_job(watch.job)
        if not job.ended:
            self._watchers[job.name].add(host)
        return protocol.Snapshot(job.to_job_state(), tuple(sorted(job.frames)))

    def _status(self, host: bytes, status: protocol.Status) -> Reply:
        return protocol.State(tuple(job.to_job_state() for job in self._jobs))

    def _shutdown(self, host: bytes, shutdown: protocol.Shutdown) -> Reply:
        self.shut_down()
        return protocol.Done()

    # Reports of the worker and the file service

    def _report(self, report: WorkerReport | Acceptable | Rejected) -> None:
        """Pass a report to the loop, from any thread."""
        self._run_in_loop(lambda: self._handle_report(report))

    def _handle_report(self, report: WorkerReport | Acceptable | Rejected) -> None:
        if isinstance(report, Acceptable):
            self._accept(report)
        elif isinstance(report, Rejected):
            self._reject(report)
        else:
            self._scheduler.handle(report)

    def _run_in_loop(self, callback: Callable[[], None]) -> None:
        self._callbacks.put(callback)
        self._router.wake()

    def _accept(self, acceptable: Acceptable) -> None:
        host, request, submit = acceptable.pending.host, acceptable.pending.request, acceptable.pending.submit
        if self._scheduler.shutting_down:
            self._router.post(host, _STOPPING, request)
            return
        if (other := self._jobs.writer_of(acceptable.writes, key=acceptable.key)) is not None:
            self._router.post(host, _taken(other), request)
            return
        job = self._jobs.add(
            submit.spec,
            output=acceptable.output,
            key=acceptable.key,
            total=(total := len(acceptable.inputs.targets)),
            now=time.time(),
            writes=acceptable.writes,
        )
        self._watchers[job.name] = {host}
        self._router.post(host, protocol.Accepted(job.name, job.output, total, acceptable.cached), request)
        log.info(
            "job %s accepted: %s, %d frames, %d of them cached", job.name, submit.spec.plate, total, acceptable.cached
        )
        self._scheduler.enqueue(job, acceptable)

    def _reject(self, rejected: Rejected) -> None:
        self._router.post(rejected.pending.host, rejected.refused, rejected.pending.request)

    def _publish(self, job: Job, event: Event) -> None:
        for host in self._watchers[job.name]:
            self._router.post(host, event)
        if job.ended:
            del self._watchers[job.name]


_STOPPING = Refused("stopping", "the engine is about to leave", "Start it again.")


def _taken(job: Job) -> Refused:
    reason = f"job {job.name} is {job.state.value} and writes the same files: {job.output}"
    hint = f"Wait for it, stop it (aan cancel {job.name}), or choose another name for the result."
    return Refused("sequence", reason, hint)


def _unknown_job(job: str) -> Refused:
    return Refused("unknown-job", f"there is no job {job}", "`aan jobs` lists those that are remembered.")
