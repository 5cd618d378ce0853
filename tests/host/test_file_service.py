"""Jobs that the cache holds completely: handed out beside the worker, and stopped without it."""

from __future__ import annotations

from queue import SimpleQueue

import pytest

from plugin_host import protocol
from plugin_host.server.broker import Broker
from plugin_host.server.cache import Cache
from plugin_host.server.file_service import Acceptable, FileService, PendingSubmit
from plugin_host.server.job_inputs import resolve_inputs
from plugin_host.server.router import Router
from plugin_host.server.worker_messages import FrameWritten, JobCompleted, JobStopped, KeepCached, RunJob, StopJob


@pytest.fixture
def cache(house) -> Cache:
    return Cache(house.root / "cache", budget=10**9)


@pytest.fixture
def inputs(house, cache):
    """Three frames to fill, which the cache holds under the identity `e`."""
    taken = resolve_inputs(house.plates("fill", "fill", "fill"), output=None)
    entry = cache.entry(taken.key("e"))
    entry.prepare()
    for frame in taken.targets:
        entry.path(frame).write_text("filled fill")
        entry.record(frame)
    return taken


@pytest.mark.parametrize(("last", "end"), [(1001, JobStopped("job")), (1003, JobCompleted("job"))])
def test_a_job_is_handed_out_until_it_is_stopped(cache, inputs, last, end):
    told = SimpleQueue()

    def on_report(report):
        if report == FrameWritten("job", last, str(cache.entry(inputs.key("e")).path(last))):
            service.stop("job")
        told.put(report)

    service = FileService(cache, report=on_report)
    service.deliver_cached(RunJob("job", inputs.spec, None, inputs.key("e")), inputs)
    reports = [told.get(timeout=10) for _ in range(last - 1001 + 2)]
    service.stop("job")
    service.close()
    assert [report.frame for report in reports[:-1]] == list(range(1001, last + 1))
    assert reports[-1] == end
    assert told.empty()
    assert not service._stops


class SilentWorker:
    """A worker that never gets to work; what it was told is kept."""

    pid, is_killed = 1, False

    def __init__(self) -> None:
        self.told = []

    def send(self, said) -> None:
        self.told.append(said)


class SilentFileService:
    """A service that never comes to it; what it was to stop is kept."""

    def __init__(self) -> None:
        self.stopped = []

    def deliver_cached(self, command, inputs) -> None:
        pass

    def stop(self, job: str) -> None:
        self.stopped.append(job)


@pytest.fixture
def broker(cache):
    """A broker without processes or threads of its own."""
    broker = Broker("no engine", cache, version="")
    broker._file_service.close()
    broker._scheduler._worker, broker._scheduler._file_service = SilentWorker(), SilentFileService()
    yield broker
    router: Router = broker._router
    router.close()


def acceptable(inputs, *, cached: int, key: str) -> Acceptable:
    return Acceptable(PendingSubmit(b"host", 1, protocol.Submit(inputs.spec)), inputs, key, "o.####.exr", cached)


def test_who_works_at_a_job_is_who_stops_it(broker, inputs):
    broker._accept(acceptable(inputs, cached=0, key="computed"))
    broker._accept(acceptable(inputs, cached=3, key="cached"))
    computed, cached = (job.name for job in broker._jobs)
    for name in (computed, cached):
        assert broker._cancel(b"host", protocol.Cancel(name)) == protocol.Done()
    assert [said for said in broker._scheduler._worker.told if isinstance(said, StopJob)] == [StopJob(computed)]
    assert broker._scheduler._file_service.stopped == [cached]


def test_a_job_accepted_while_another_runs_is_kept_from_eviction_at_once(broker, inputs):
    broker._accept(acceptable(inputs, cached=0, key="running"))
    broker._accept(acceptable(inputs, cached=1, key="half cached"))
    broker._accept(acceptable(inputs, cached=3, key="cached"))
    told = broker._scheduler._worker.told
    keeps = [set(said.keys) for said in told if isinstance(said, KeepCached)]
    assert keeps[-1] == {"running", "half cached", "cached"}
    first = told.index(next(said for said in told if isinstance(said, RunJob)))
    assert KeepCached(("running",)) in told[:first], "a job is sent after what to keep while it is done"
