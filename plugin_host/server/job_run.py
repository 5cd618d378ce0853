"""Runs one job in the worker: cached frames are delivered, the engine renders the rest.

Between frames, and at every step of the engine, it checks whether the job was stopped. It uses neither pipe nor socket
(see `worker`).
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from ..connection_file import log_file
from .async_writer import AsyncWriter
from .cache import Cache, CacheEntry
from .delivery import deliver_cached, deliver_frame, deliver_report, prepare_output
from .engine import Engine, EngineStep, WritableFrame, inspect, to_shot
from .existing_files import refuse_mixture
from .failures import JobError, StopRequested, explain
from .job_inputs import JobInputs, resolve_inputs
from .overall_progress import OverallProgress
from .worker_messages import (
    FrameWritten,
    InputsRead,
    JobCompleted,
    JobEnd,
    JobFailed,
    JobStopped,
    RunJob,
    StepDone,
    WorkerReport,
)

EVICT_EVERY = 20  # frames between two checks of the cache's size

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class JobRun:
    """A job being run: reports go to `send`, and `is_stopped` tells whether to stop.

    `identity` is the engine's as it was loaded; on disk it may have changed since. `keep` returns the cache keys that
    must not be evicted while this job makes room.
    """

    command: RunJob
    engine: Engine
    identity: str
    cache: Cache
    keep: Callable[[], Collection[str]]
    send: Callable[[WorkerReport], None]
    is_stopped: Callable[[], bool]
    overall: OverallProgress = field(default_factory=OverallProgress)

    def run(self) -> JobEnd:
        """Run the job; returns how it ended."""
        command = self.command
        try:
            if self.engine.identity() != self.identity:
                raise _engine_changed()
            inputs = resolve_inputs(command.spec, output=command.output)
            if inputs.key(self.identity) != command.key:
                raise _inputs_changed()
            entry = self.cache.entry(command.key)
            if command.output is not None:
                prepare_output(command.output, inputs.targets[0])
            done = deliver_cached(command, inputs, entry, send=self.send, is_stopped=self.is_stopped)
            if len(done) < len(inputs.targets):
                done |= self._render(inputs, entry, done)
            if missing := len(inputs.targets) - len(done):
                raise JobError(f"{missing} frames were not rendered", hint="Submit the job again.", code="incomplete")
            summary = deliver_report(command, entry)
            if command.output is not None:
                refuse_mixture(inputs, command.output, done, cached=entry.frames())
            return JobCompleted(command.job, summary)
        except StopRequested:
            return JobStopped(command.job)
        except Exception as error:
            code, reason, hint = explain(error)
            hint += f" The engine's log, {log_file()}, has the details." if code == "internal" else ""
            failed = JobFailed(command.job, code, reason, hint)
            log.info("job %s: %s", command.job, failed.reason, exc_info=failed.code == "internal")
            return failed

    def _render(self, inputs: JobInputs, entry: CacheEntry, done: set[int]) -> set[int]:
        """Render the frames that are not `done`, into the cache; deliver and report each.

        A frame may be filled from any plate, but checking all files after each frame would take quadratic time. So a
        frame's own files are checked when it is written, and all files once at the end. If any changed, the frames
        rendered here are removed from the cache.
        """
        rendered, shot = set[int](), to_shot(inputs)
        understood = inspect(self.engine, shot, inputs)
        self.send(InputsRead(self.command.job, understood.text, understood.warnings))
        entry.prepare()
        report = self.engine.report(entry.report, keep=frozenset(done), inputs=understood)

        def write(filled: WritableFrame) -> None:
            if not inputs.unchanged(filled.frame):
                raise _inputs_changed()
            if len(rendered) % EVICT_EVERY == 0:
                self.cache.evict(keep={self.command.key, *self.keep()})
            changed = filled.write(entry.path(filled.frame))
            rendered.add(filled.frame)
            path = entry.record(filled.frame)
            report.add(filled, changed=changed)
            self.send(FrameWritten(self.command.job, filled.frame, deliver_frame(self.command, filled.frame, path)))

        try:
            try:
                with AsyncWriter(write) as writer:
                    for filled in self.engine.fill(shot, progress=self._step, skip=frozenset(done)):
                        writer.put(filled)
                        if self.is_stopped():
                            raise StopRequested
            except StopRequested:
                if len(done | rendered) < len(inputs.targets):
                    raise  # else the stop came too late: all frames are done
            report.finish()
        finally:
            unchanged = inputs.unchanged()
            if not unchanged:
                entry.remove(rendered)
        if not unchanged:
            raise _inputs_changed()
        return rendered

    def _step(self, step: EngineStep) -> None:
        if self.is_stopped():
            raise StopRequested
        share = self.overall.add(step.stage, step.done, step.total)
        self.send(StepDone(self.command.job, step.stage, step.done, step.total, share))


def _inputs_changed() -> JobError:
    hint = "Submit the job again: it will see the new files."
    return JobError(
        "plates, mattes or the engine itself changed since the job was submitted", hint=hint, code="inputs-changed"
    )


def _engine_changed() -> JobError:
    hint = "The engine loads itself anew. Submit the job again in a moment."
    return JobError("the engine or its weights changed on disk since it was loaded", hint=hint, code="engine-changed")
