"""One job as a host runs it: from the artist's click to the last frame, including lost and restarted engines.

A host makes a `HostJob` on its `EngineMonitor`, calls `start()` (or `reconnect()` after its file was opened again), and
then calls `tick()` from its own timer. `tick()` never blocks and returns what is new. `status` is one frozen value to
draw from. A job has no thread, and no clock except to estimate the time left. It uses no GUI toolkit.

When the engine is lost during a job, the job waits. If the same engine comes back, the job is watched again. If a new
one does, the job is submitted again, which resumes from the cached frames. Only `start()` starts an engine, so opening
a file starts no work.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from typing import Callable, List, Optional, Set, Tuple

from .client_events import ENGINE_LOST, EngineBack, EngineLost, EngineMessage
from .engine_monitor import EngineMonitor, Presence
from .errors import HostError
from .eta import EtaEstimator
from .job_handle import JobHandle
from .job_status import JobPhase, JobStatus
from .protocol import Accepted, FrameReady, JobSpec, Refused, Snapshot

_RESUME_HINT = "Start the engine and clean again: finished frames are kept."


@dataclass(frozen=True)
class JobUpdate:
    """What one tick found: whether the job's or the engine's state changed, and which frames arrived."""

    changed: bool = False
    frames: Tuple[int, ...] = ()


class HostJob:
    """A job that a host has the engine do. After it has ended, the next one may be started."""

    def __init__(self, monitor: EngineMonitor, *, clock: Callable[[], float] = time.monotonic) -> None:
        self.monitor = monitor
        self.status = JobStatus()
        self.handle: Optional[JobHandle] = None
        self._clock = clock
        self._eta = EtaEstimator()
        self._pending_action: Optional[Callable[[], None]] = None  # to be called once the engine is ready
        self._pending_request: Optional[int] = None
        self._started_here = False
        self._cancel_when_possible = False  # cancelled while no request could be sent
        self._frames: Set[int] = set()
        self._last_shown = (self.status, monitor.state)
        self._new_frames: List[int] = []
        monitor.attach(self)

    def start(self, spec: JobSpec, output: str) -> None:
        """Submit a job whose result goes to the pattern `output`; starts the engine if none runs.

        The folder of `output` is the host's own: what lies there is overwritten.

        Raises:
            HostError: when a job is under way already.
        """
        if self.status.active:
            raise HostError("this shot is being cleaned already", hint="Cancel it first.")
        self._reset(JobHandle(spec, output), JobPhase.STARTING, self._submit)
        self._started_here = True
        self.monitor.start()
        self._run_pending_action()

    def reconnect(self, handle: JobHandle) -> None:
        """Resume a job of an earlier session of the host; one that no engine knows any more shows as `LOST`."""
        self._reset(handle, JobPhase.LOST, self._watch if handle.job else None)
        self._set_phase(
            JobPhase.LOST, "the job was not finished when the file was closed", _RESUME_HINT, job=handle.job
        )
        self._run_pending_action()

    def cancel(self) -> None:
        """Stop after the current frame; a second call stops at once. Finished frames are kept."""
        phase = self.status.phase
        if phase is JobPhase.SUBMITTING:
            self._cancel_when_possible = True  # the engine has not named the job yet
        elif phase in (JobPhase.STARTING, JobPhase.LOST):
            self._cancel_locally()
        elif phase in (JobPhase.QUEUED, JobPhase.RUNNING, JobPhase.CANCELLING):
            self._send_cancel()
            self._set_phase(JobPhase.CANCELLING)

    def close(self) -> None:
        """Stop following the job; the job itself goes on."""
        self.monitor.detach(self)
        self._pending_action = None

    def tick(self) -> JobUpdate:
        """Do what is due; returns what changed since the last tick, the engine's state (`monitor.state`) included."""
        self.monitor.tick()
        self._run_pending_action()
        if len(self._frames) != self.status.done:
            self.status = replace(self.status, frames=tuple(sorted(self._frames)))
        self.status = replace(self.status, seconds_left=self._seconds_left())
        frames, self._new_frames = tuple(self._new_frames), []
        before, self._last_shown = self._last_shown, (self.status, self.monitor.state)
        return JobUpdate(before != self._last_shown, frames)

    def on_message(self, message: EngineMessage, request: Optional[int]) -> None:
        """Receive a message from the monitor."""
        if isinstance(message, EngineLost):
            self._on_engine_lost(message)
        elif isinstance(message, EngineBack):
            self._on_engine_back(message)
        elif request is not None:
            if request == self._pending_request:
                self._pending_request = None
                self._on_reply(message)
        elif self._has_open_job and getattr(message, "job", None) == self.status.job:
            self._on_event(message)

    # Requests

    def _reset(self, handle: JobHandle, phase: JobPhase, action: Optional[Callable[[], None]]) -> None:
        self.handle, self._pending_action, self._pending_request, self._cancel_when_possible = (
            handle,
            action,
            None,
            False,
        )
        self._eta, self._new_frames, self._frames, self._started_here = EtaEstimator(), [], set(), False
        self.status = JobStatus(phase, output=handle.output)

    def _run_pending_action(self) -> None:
        """Send what is waiting, once the engine is ready; or show why there is no engine."""
        if self._pending_action is None:
            return
        engine = self.monitor.state
        if self.monitor.ready:
            action, self._pending_action = self._pending_action, None
            self.status = replace(self.status, release=engine.release)
            action()
        elif self.status.phase is JobPhase.STARTING and engine.presence is not Presence.STARTING:
            self._pending_action = None
            self._set_phase(
                JobPhase.ABSENT if engine.presence is Presence.ABSENT else JobPhase.FAILED, engine.reason, engine.hint
            )

    def _submit(self) -> None:
        handle = self.handle
        assert handle is not None
        self._pending_request = self.monitor.send_request(
            self, lambda client: client.submit(handle.spec, output=handle.output, overwrite=True)
        )
        self._set_phase(JobPhase.SUBMITTING)

    def _watch(self) -> None:
        job = self.handle.job if self.handle is not None else ""
        self._pending_request = self.monitor.send_request(self, lambda client: client.watch(job))

    def _send_cancel(self) -> None:
        self.monitor.send_request(self, lambda client: client.cancel(self.status.job))

    # Messages

    @property
    def _has_open_job(self) -> bool:
        """Whether the engine has a job of this host that is not over."""
        return bool(self.status.job) and (self.status.active or self.status.phase is JobPhase.LOST)

    def _on_reply(self, reply: EngineMessage) -> None:
        if isinstance(reply, Accepted):
            self._on_accepted(reply)
        elif isinstance(reply, Snapshot):
            self._on_snapshot(reply)
        elif isinstance(reply, Refused) and reply.code == "unknown-job":
            self._set_phase(JobPhase.LOST, "the engine was restarted and does not know the job any more", _RESUME_HINT)
        elif isinstance(reply, Refused) and reply.code != ENGINE_LOST:  # a lost engine is handled as EngineLost
            self._set_phase(JobPhase.FAILED, reply.reason, reply.hint)

    def _on_accepted(self, accepted: Accepted) -> None:
        assert self.handle is not None
        self.handle = replace(self.handle, job=accepted.job)
        self._eta, self._frames = EtaEstimator(cached=accepted.cached), set()
        self._set_phase(JobPhase.QUEUED, job=accepted.job, output=accepted.output, total=accepted.total)
        if self._cancel_when_possible:
            self._cancel_when_possible = False
            self.cancel()

    def _on_snapshot(self, snapshot: Snapshot) -> None:
        """Take over a job in its current state; frames that were reported before are not new."""
        self._new_frames += sorted(set(snapshot.frames) - self._frames)
        self._frames = set(snapshot.frames)
        self._eta = EtaEstimator()
        self.status = self.status.with_state(snapshot.state)

    def _on_event(self, event: EngineMessage) -> None:
        if isinstance(event, FrameReady):
            self._eta.add_frame(self._clock())
            self._new_frames.append(event.frame)
            self._frames.add(event.frame)
        self.status = self.status.with_event(event)

    def _on_engine_lost(self, lost: EngineLost) -> None:
        if self._cancel_when_possible or self.status.phase is JobPhase.CANCELLING:
            self._cancel_locally()
        elif self.status.active and self.status.phase is not JobPhase.STARTING:
            self._set_phase(JobPhase.LOST, lost.reason, _RESUME_HINT)

    def _cancel_locally(self) -> None:
        """Mark the job as cancelled; if its engine comes back, it is told to cancel."""
        self._pending_action = self._pending_request = None
        self._cancel_when_possible = bool(self.status.job)
        self._set_phase(JobPhase.CANCELLED, "cancelled while no engine was at it")

    def _on_engine_back(self, back: EngineBack) -> None:
        """Resume where the engine was lost, or cancel what was cancelled meanwhile."""
        if self._cancel_when_possible and not back.restarted:
            self._send_cancel()
        elif self.status.phase is JobPhase.LOST or self.status.active:
            forgotten = back.restarted and self._started_here
            self._pending_action = self._watch if self.status.job and not forgotten else self._submit
        self._cancel_when_possible = False

    def _seconds_left(self) -> Optional[int]:
        if self.status.phase is not JobPhase.RUNNING:
            return None
        return self._eta.seconds_left(self.status.total - self.status.done, self._clock())

    def _set_phase(self, phase: JobPhase, reason: str = "", hint: str = "", **more: object) -> None:
        self.status = self.status.with_phase(phase, reason, hint, **more)
