"""A thread for what may keep one waiting but computes nothing: looking at a job's files, handing out finished frames.

So the broker's loop never waits for a disk, and a job that the cache holds completely passes by those that must be
computed. It reports like the worker does, with `report`, and knows neither hosts' sockets nor the jobs.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from ..protocol import Refused, Submit
from .cache import Cache
from .delivery import deliver_cached, deliver_report
from .failures import StopRequested, explain
from .job_inputs import JobInputs, resolve_inputs
from .worker_messages import JobCompleted, JobEnd, JobFailed, JobStopped, RunJob, WorkerReport


@dataclass(frozen=True)
class PendingSubmit:
    """What a host submitted, and where the answer goes."""

    host: bytes
    request: int | None
    submit: Submit


@dataclass(frozen=True)
class Acceptable:
    """A job that can be done: its files, its key, where its result will lie, and how many frames the cache holds."""

    pending: PendingSubmit
    inputs: JobInputs
    key: str
    output: str
    cached: int


@dataclass(frozen=True)
class Rejected:
    """A job that cannot be done, and why."""

    pending: PendingSubmit
    refused: Refused


class FileService:
    """Does one thing after the other."""

    def __init__(self, cache: Cache, *, report: Callable[[Acceptable | Rejected | WorkerReport], None]) -> None:
        self._cache = cache
        self._report = report
        self._stops: dict[str, Event] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="file_service")

    def check(self, pending: PendingSubmit, *, identity: str) -> None:
        """Find out what a submitted job means to an engine of this `identity`; tells an `Offer` or `Declined`."""
        self._thread.submit(lambda: self._report(self._check(pending, identity)))

    def deliver_cached(self, command: RunJob, inputs: JobInputs) -> None:
        """Hand out a job that the cache holds completely; tells what a worker would."""
        self._stops[command.job] = Event()
        self._thread.submit(lambda: self._report(self._deliver(command, inputs)))

    def stop(self, job: str) -> None:
        """Hand out no more of a job after the frame in hand; one that is through already stays so."""
        if (stop := self._stops.get(job)) is not None:
            stop.set()

    def close(self) -> None:
        """Finish what is in hand, and no more."""
        self._thread.shutdown(cancel_futures=True)

    def _check(self, pending: PendingSubmit, identity: str) -> Acceptable | Rejected:
        submit = pending.submit
        try:
            inputs = resolve_inputs(submit.spec, output=submit.output)
            key = inputs.key(identity)
            entry = self._cache.entry(key)
            entry.touch()
            held = len(entry.frames().keys() & set(inputs.targets))
        except Exception as error:
            return Rejected(pending, Refused(*explain(error)))
        return Acceptable(pending, inputs, key, submit.output or entry.pattern, held)

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
