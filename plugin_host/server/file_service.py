"""A thread for file work that would block the broker's loop: checking a job's files, and delivering cached frames.

So the loop never waits for a disk, and a job that is cached completely does not queue behind those to be computed. It
sends the same reports as the worker. It knows neither sockets nor the job table.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from ..protocol import Refused, Submit
from .cache import Cache
from .delivery import deliver_cached, deliver_report
from .existing_files import output_files, refuse_foreign_files
from .failures import StopRequested, explain
from .job_inputs import JobInputs, resolve_inputs
from .worker_messages import JobCompleted, JobEnd, JobFailed, JobStopped, RunJob, WorkerReport


@dataclass(frozen=True)
class PendingSubmit:
    """A submitted job that is not answered yet, and where the answer goes."""

    host: bytes
    request: int | None
    submit: Submit


@dataclass(frozen=True)
class Acceptable:
    """A job that can be done: its files, its key, its output pattern, and how many frames the cache holds.

    `writes` are the full paths of the files that it writes, none where its result stays in the cache.
    """

    pending: PendingSubmit
    inputs: JobInputs
    key: str
    output: str
    cached: int
    writes: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Rejected:
    """A job that cannot be done, and why."""

    pending: PendingSubmit
    refused: Refused


class FileService:
    """Works on one task after the other, in its own thread."""

    def __init__(self, cache: Cache, *, report: Callable[[Acceptable | Rejected | WorkerReport], None]) -> None:
        self._cache = cache
        self._report = report
        self._stops: dict[str, Event] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="file_service")

    def check(self, pending: PendingSubmit, *, identity: str) -> None:
        """Resolve a submitted job for an engine of this `identity`; reports `Acceptable` or `Rejected`."""
        self._thread.submit(lambda: self._report(self._check(pending, identity)))

    def deliver_cached(self, command: RunJob, inputs: JobInputs) -> None:
        """Deliver a job that the cache holds completely; sends the same reports as a worker."""
        self._stops[command.job] = Event()
        self._thread.submit(lambda: self._report(self._deliver(command, inputs)))

    def stop(self, job: str) -> None:
        """Stop delivering a job after the current frame; no effect if it is done."""
        if (stop := self._stops.get(job)) is not None:
            stop.set()

    def close(self) -> None:
        """Finish the current task and drop the others."""
        self._thread.shutdown(cancel_futures=True)

    def _check(self, pending: PendingSubmit, identity: str) -> Acceptable | Rejected:
        submit = pending.submit
        try:
            inputs = resolve_inputs(submit.spec, output=submit.output)
            key = inputs.key(identity)
            self._cache.check()
            entry = self._cache.entry(key)
            entry.touch()
            held = entry.frames()
            if submit.output is not None and not submit.overwrite:
                refuse_foreign_files(inputs, submit.output, cached=held)
            writes = output_files(inputs, submit.output)
        except Exception as error:
            return Rejected(pending, Refused(*explain(error)))
        cached = len(held.keys() & set(inputs.targets))
        return Acceptable(pending, inputs, key, submit.output or entry.pattern, cached, writes)

    def _deliver(self, command: RunJob, inputs: JobInputs) -> JobEnd:
        entry, is_stopped = self._cache.entry(command.key), self._stops[command.job].is_set
        try:
            done = deliver_cached(command, inputs, entry, send=self._report, is_stopped=is_stopped)
            summary = deliver_report(command, entry)
        except StopRequested:
            return JobStopped(command.job)
        except Exception as error:
            return JobFailed(command.job, *explain(error))
        finally:
            del self._stops[command.job]
        if len(done) < len(inputs.targets):
            return JobFailed(command.job, "incomplete", "the cache was emptied meanwhile", "Submit the job again.")
        return JobCompleted(command.job, summary)
