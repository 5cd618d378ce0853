"""Assigns jobs: cached ones to the file service, all others to the worker, one at a time and in order.

It tracks which job runs where, applies reports to the jobs, and decides what follows when a worker dies. It knows no
host: events for hosts go to `publish`. It never blocks, as the broker's loop calls it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

from ..protocol import Cancelled, Event, Failed, Finished, FrameReady, Progress
from .file_service import Acceptable, FileService
from .jobs import Job, JobTable, RunState, Transition
from .worker_messages import (
    FrameWritten,
    JobCompleted,
    JobFailed,
    JobStopped,
    KeepCached,
    RunJob,
    StepDone,
    StopJob,
    WorkerDied,
    WorkerExiting,
    WorkerReady,
    WorkerReport,
)
from .worker_process import WorkerProcess

log = logging.getLogger(__name__)


class Scheduler:
    """Schedules the jobs of the job table.

    `identity` is the engine's, once a worker has loaded it. Once it is `shutting_down`, no further job is started;
    `failure` is the reason, if nobody asked for the shutdown.
    """

    def __init__(
        self, jobs: JobTable, *, worker: WorkerProcess, file_service: FileService, publish: Callable[[Job, Event], None]
    ) -> None:
        self.identity = ""
        self.shutting_down = False
        self.failure: str | None = None
        self._jobs = jobs
        self._worker = worker
        self._file_service = file_service
        self._publish = publish
        self._queued: dict[str, RunJob] = {}
        self._running: Job | None = None
        self._worker_is_ready = False
        self._exit_reason: tuple[str, str, str] | None = None
        self._handlers: dict[type, Callable[[Any], None]] = {
            WorkerReady: self._on_ready,
            StepDone: self._on_step,
            FrameWritten: self._on_frame,
            JobCompleted: self._on_completed,
            JobStopped: lambda report: self._end(report.job, Transition.STOP),
            JobFailed: lambda report: self._end(report.job, Transition.FAIL, (report.code, report.reason, report.hint)),
            WorkerExiting: self._on_exiting,
            WorkerDied: self._on_died,
        }

    # Requests of the broker

    def start(self, *, announce: Callable[[], None]) -> None:
        """Start a worker; `announce` is called once it is ready."""
        self._announce = announce
        self._worker.start()

    def enqueue(self, job: Job, acceptable: Acceptable) -> None:
        """Run an accepted job."""
        command = RunJob(job.name, job.spec, acceptable.pending.submit.output, job.key)
        if acceptable.cached == job.total:
            job.apply(Transition.START)
            self._file_service.deliver_cached(command, acceptable.inputs)
        else:
            self._queued[job.name] = command
        self._worker.send(self._keep_cached())
        self._start_next()

    def cancel(self, job: Job) -> None:
        """Cancel a job that is not over; a second call kills the worker at once."""
        insists = job.state is RunState.CANCELLING
        self._stop(job)
        if insists and job is self._running:
            self._worker.kill()

    def shut_down(self) -> None:
        """Cancel all jobs, and start no more."""
        self.shutting_down = True
        for job in list(self._jobs):
            if not job.ended:
                self._stop(job)
        self._worker.kill()

    @property
    def is_done(self) -> bool:
        """Whether the shutdown is complete."""
        return self.shutting_down and all(job.ended for job in self._jobs)

    # Reports of the worker and the file service

    def handle(self, report: WorkerReport) -> None:
        """Apply a report of the worker or the file service."""
        self._handlers[type(report)](report)

    def _on_ready(self, ready: WorkerReady) -> None:
        self._worker_is_ready = True
        first, self.identity = not self.identity, ready.identity
        log.info("worker %s is ready", self._worker.pid)
        if first:
            self._announce()

    def _on_step(self, step: StepDone) -> None:
        job = self._job(step.job)
        job.stage = (step.stage, step.done, step.total)
        self._publish(job, Progress(job.name, step.stage, step.done, step.total))

    def _on_frame(self, framed: FrameWritten) -> None:
        job = self._job(framed.job)
        job.frames.add(framed.frame)
        self._publish(job, FrameReady(job.name, framed.frame, framed.path))

    def _on_completed(self, report: JobCompleted) -> None:
        self._job(report.job).summary = report.summary
        self._end(report.job, Transition.FINISH)

    def _end(self, name: str, transition: Transition, failure: tuple[str, str, str] = ("", "", "")) -> None:
        """The worker or the file service has ended a job."""
        job = self._job(name)
        job.apply(transition)
        if job.state is RunState.FAILED:
            job.failure = failure
        if job is self._running:
            self._running = None
        self._publish_end(job)
        self._start_next()

    def _on_exiting(self, exiting: WorkerExiting) -> None:
        self._exit_reason = (exiting.code, exiting.reason, exiting.hint)

    def _on_died(self, died: WorkerDied) -> None:
        """Fail the worker's job, and start a new worker.

        A worker that died before it was ready is not replaced until the next job comes. If that happens at the engine's
        own start, the engine shuts down.
        """
        was_ready, self._worker_is_ready = self._worker_is_ready, False
        self._worker.clear()
        if self.shutting_down:
            log.info("the worker is gone")
        elif not self.identity:
            self.failure = f"the worker does not start: {died.exit_text}"
            self.shutting_down = True
        else:
            log.error("the worker is gone: %s", died.exit_text)
        if was_ready and not self.shutting_down:
            self._worker.start()
        reason, self._exit_reason = self._exit_reason, None
        if self._running is not None:
            lost = (died.code, died.reason, died.hint)
            self._end(self._running.name, Transition.FAIL, reason or lost)
        self._start_next()

    # Starting and ending jobs

    def _start_next(self) -> None:
        job = self._jobs.next()
        if self._running is not None or job is None or self.shutting_down or self._worker.is_killed:
            return
        if self._worker.pid is None:
            self._worker.start()
        job.apply(Transition.START)
        self._running = job
        self._worker.send(self._keep_cached())
        self._worker.send(self._queued.pop(job.name))

    def _keep_cached(self) -> KeepCached:
        return KeepCached(tuple(job.key for job in self._jobs if not job.ended))

    def _stop(self, job: Job) -> None:
        if job.apply(Transition.CANCEL) is RunState.CANCELLED:
            self._queued.pop(job.name, None)
            self._publish_end(job)
        elif job is self._running:
            self._worker.send(StopJob(job.name))
        else:
            self._file_service.stop(job.name)

    def _publish_end(self, job: Job) -> None:
        log.info("job %s is %s", job.name, ": ".join(filter(None, (job.state.value, job.failure[1]))))
        told = job.summary
        ends: dict[RunState, Event] = {
            RunState.FINISHED: Finished(
                job.name,
                job.total,
                told.unseen,
                told.worst,
                told.report,
                told.keys,
                told.residue,
                told.grow,
                told.inputs,
                told.warnings,
            ),
            RunState.CANCELLED: Cancelled(job.name),
            RunState.FAILED: Failed(job.name, *job.failure),
        }
        self._publish(job, ends[job.state])

    def _job(self, name: str) -> Job:
        job = self._jobs.get(name)
        assert job is not None, f"a report on job {name}, which was never submitted"
        return job
