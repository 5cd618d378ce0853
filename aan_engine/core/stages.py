"""Stages side by side: one target is composited while the network works on the next and another is being prepared.

Each stage works through the targets in order, so the results are the same as one target after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

Stage = Callable[[int, Any], Any]
"""A target's index and the previous stage's result -> this stage's result. It is called for the targets in order."""


def run_stages(indices: Sequence[int], prepare: Callable[[int], Any], *stages: Stage) -> Generator[Any]:
    """The last stage's result for each target, in order; an exception of any stage is raised in its target's turn.

    `prepare` runs in the caller's thread, and with it the registration's progress; every stage has a thread of its own,
    and no more targets are under way than there are threads. Whoever stops early closes the iterator, which waits for
    the work that has begun and drops the rest.
    """
    with ExitStack() as stack:
        threads = [
            stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix=f"stage {n}")) for n, _ in enumerate(stages)
        ]
        under_way: deque[list[Future[Any]]] = deque()
        stack.callback(lambda: [future.cancel() for chain in under_way for future in chain])
        for index in indices:
            chain: list[Future[Any]] = [_known(prepare(index))]
            for thread, stage in zip(threads, stages, strict=True):
                chain.append(thread.submit(_staged, stage, index, chain[-1]))
            under_way.append(chain)
            if len(under_way) > len(stages):
                yield under_way.popleft()[-1].result()
        while under_way:
            yield under_way.popleft()[-1].result()


def _known(value: object) -> Future[Any]:
    known: Future[Any] = Future()
    known.set_result(value)
    return known


def _staged(stage: Stage, index: int, before: Future[Any]) -> object:
    return stage(index, before.result())
