"""The relay: while the network concludes on one target, the survey prepares the next.

The two halves of a decision need each other's results only once a frame, and seldom the same part of the machine:
tracing and registration go on beside the convolutions. The decisions are the same as one after the other.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from aan_engine.decision import Decider, Decision


def decisions(decider: Decider, indices: Sequence[int]) -> Generator[Decision | None]:
    """The decisions for these frames, in order; None where nothing is hidden.

    Preparation (and with it the survey's progress) stays in the caller's thread; the network has one of its own.
    Whoever stops early closes the iterator, which waits for the frame in work.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="conclude") as network:
        pending: Future[Decision | None] | None = None
        for index in indices:
            prepared = decider.prepare(index)
            # Waited for by the one thread that the network has: it concludes in order.
            before, pending = pending, network.submit(decider.conclude, prepared)
            if before is not None:
                yield before.result()
        if pending is not None:
            yield pending.result()
