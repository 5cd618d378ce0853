"""Jobs that the cache holds completely: handed out beside the worker, and stopped without it."""

from __future__ import annotations

from queue import SimpleQueue

import pytest

from plugin_host import protocol
from plugin_host.server.broker import Broker
from plugin_host.server.cache import Cache
from plugin_host.server.file_service import Desk, Inquiry, Offer
from plugin_host.server.job_inputs import take_in
from plugin_host.server.router import Switchboard
from plugin_host.server.worker_messages import Completed, Framed, Keep, Order, Stop, Stopped


@pytest.fixture
def cache(house) -> Cache:
    return Cache(house.root / "cache", budget=10**9)


@pytest.fixture
def intake(house, cache):
    """Three frames to fill, which the cache holds under the identity `e`."""
    taken = take_in(house.plates("fill", "fill", "fill"), output=None)
    shelf = cache.shelf(taken.key("e"))
    shelf.prepare()
    for frame in taken.targets:
        shelf.path(frame).write_text("filled fill")
        shelf.record(frame)
    return taken


@pytest.mark.parametrize(("last", "end"), [(1001, Stopped("job")), (1003, Completed("job"))])
def test_a_job_is_handed_out_until_it_is_stopped(cache, intake, last, end):
    told = SimpleQueue()

    def tell(report):
        if report == Framed("job", last, str(cache.shelf(intake.key("e")).path(last))):
            desk.stop("job")
        told.put(report)

    desk = Desk(cache, tell=tell)
    desk.serve(Order("job", intake.spec, None, intake.key("e")), intake)
    reports = [told.get(timeout=10) for _ in range(last - 1001 + 2)]
    desk.stop("job")
    desk.close()
    assert [report.frame for report in reports[:-1]] == list(range(1001, last + 1))
    assert reports[-1] == end
    assert told.empty()
    assert not desk._stops


class SilentCrew:
    """A worker that never gets to work; what it was told is kept."""

    pid, doomed = 1, False

    def __init__(self) -> None:
        self.told = []

    def give(self, said) -> None:
        self.told.append(said)


class SilentDesk:
    """A desk that never comes to it; what it was to stop is kept."""

    def __init__(self) -> None:
        self.stopped = []

    def serve(self, order, intake) -> None:
        pass

    def stop(self, job: str) -> None:
        self.stopped.append(job)


@pytest.fixture
def broker(cache):
    """A broker without processes or threads of its own."""
    broker = Broker("no engine", cache, release="")
    broker._desk.close()
    broker._dispatcher._crew, broker._dispatcher._desk = SilentCrew(), SilentDesk()
    yield broker
    switchboard: Switchboard = broker._switchboard
    switchboard.close()


def offer(intake, *, held: int, key: str) -> Offer:
    return Offer(Inquiry(b"host", 1, protocol.Submit(intake.spec)), intake, key, "o.####.exr", held)


def test_who_works_at_a_job_is_who_stops_it(broker, intake):
    broker._accept(offer(intake, held=0, key="computed"))
    broker._accept(offer(intake, held=3, key="cached"))
    computed, cached = (job.name for job in broker._ledger)
    for name in (computed, cached):
        assert broker._cancel(b"host", protocol.Cancel(name)) == protocol.Done()
    assert [said for said in broker._dispatcher._crew.told if isinstance(said, Stop)] == [Stop(computed)]
    assert broker._dispatcher._desk.stopped == [cached]


def test_a_job_accepted_while_another_runs_is_kept_from_eviction_at_once(broker, intake):
    broker._accept(offer(intake, held=0, key="running"))
    broker._accept(offer(intake, held=1, key="half cached"))
    broker._accept(offer(intake, held=3, key="cached"))
    told = broker._dispatcher._crew.told
    keeps = [set(said.keys) for said in told if isinstance(said, Keep)]
    assert keeps[-1] == {"running", "half cached", "cached"}
    first = told.index(next(said for said in told if isinstance(said, Order)))
    assert Keep(("running",)) in told[:first], "an order comes after what to keep while it is done"
