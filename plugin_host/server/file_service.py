"""A thread for what may keep one waiting but computes nothing: looking at a job's files, handing out finished frames.

So the broker's loop never waits for a disk, and a job that the cache holds completely passes by those that must be
computed. It reports like the worker does, with `tell`, and knows neither hosts' sockets nor the ledger.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from threading import Event

from ..protocol import Refused, Submit
from .cache import Cache
from .delivery import hand_out, hand_over
from .failures import StopAsked, explain
from .job_inputs import Intake, take_in
from .worker_messages import Broken, Completed, End, Order, Report, Stopped


@dataclass(frozen=True)
class Inquiry:
    """What a host submitted, and where the answer goes."""

    host: bytes
    request: int | None
    submit: Submit


@dataclass(frozen=True)
class Offer:
    """A job that can be done: its files, its key, where its result will lie, and how many frames the cache holds."""

    inquiry: Inquiry
    intake: Intake
    key: str
    output: str
    held: int


@dataclass(frozen=True)
class Declined:
    """A job that cannot be done, and why."""

    inquiry: Inquiry
    refused: Refused


class Desk:
    """Does one thing after the other."""

    def __init__(self, cache: Cache, *, tell: Callable[[Offer | Declined | Report], None]) -> None:
        self._cache = cache
        self._tell = tell
        self._stops: dict[str, Event] = {}
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="desk")

    def examine(self, inquiry: Inquiry, *, identity: str) -> None:
        """Find out what a submitted job means to an engine of this `identity`; tells an `Offer` or `Declined`."""
        self._thread.submit(lambda: self._tell(self._examined(inquiry, identity)))

    def serve(self, order: Order, intake: Intake) -> None:
        """Hand out a job that the cache holds completely; tells what a worker would."""
        self._stops[order.job] = Event()
        self._thread.submit(lambda: self._tell(self._served(order, intake)))

    def stop(self, job: str) -> None:
        """Hand out no more of a job after the frame in hand; one that is through already stays so."""
        if (stop := self._stops.get(job)) is not None:
            stop.set()

    def close(self) -> None:
        """Finish what is in hand, and no more."""
        self._thread.shutdown(cancel_futures=True)

    def _examined(self, inquiry: Inquiry, identity: str) -> Offer | Declined:
        submit = inquiry.submit
        try:
            intake = take_in(submit.spec, output=submit.output)
            key = intake.key(identity)
            shelf = self._cache.shelf(key)
            shelf.touch()
            held = len(shelf.frames().keys() & set(intake.targets))
        except Exception as error:
            return Declined(inquiry, Refused(*explain(error)))
        return Offer(inquiry, intake, key, submit.output or shelf.pattern, held)

    def _served(self, order: Order, intake: Intake) -> End:
        shelf, is_stopped = self._cache.shelf(order.key), self._stops[order.job].is_set
        try:
            done = hand_out(order, intake, shelf, say=self._tell, is_stopped=is_stopped)
            told = hand_over(order, shelf)
        except StopAsked:
            return Stopped(order.job)
        except Exception as error:
            return Broken(order.job, *explain(error))
        finally:
            del self._stops[order.job]
        if len(done) < len(intake.targets):
            return Broken(order.job, "incomplete", "the cache was emptied meanwhile", "Submit the job again.")
        return Completed(order.job, told)
