"""The relay: one target finished on its plate while the network is at work on the next ones and another is prepared.

The stages need each other's results only once a frame, and seldom the same part of the machine. The frames are the
same as one after the other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from typing import Any

Stage = Callable[[int, Any], Any]
"""A target's index and what the stage before made of it -> what this one makes of it; sees the targets in order."""


def run_stages(indices: Sequence[int], prepare: Callable[[int], Any], *stages: Stage) -> Generator[Any]:
    """What the last stage makes of these targets, in order; what a stage raises is raised in its turn.

    Preparation (and with it the survey's progress) stays in the caller's thread; the stages have one each, and no more
    targets are under way than there are hands. Whoever stops early closes the iterator, which waits for what is in
    work and drops what is not.
    """
    with ExitStack() as stack:
        hands = [
            stack.enter_context(ThreadPoolExecutor(1, thread_name_prefix=f"stage {n}")) for n, _ in enumerate(stages)
        ]
        under_way: deque[list[Future[Any]]] = deque()
        stack.callback(lambda: [future.cancel() for chain in under_way for future in chain])
        for index in indices:
            chain: list[Future[Any]] = [_known(prepare(index))]
            for hand, stage in zip(hands, stages, strict=True):
                chain.append(hand.submit(_staged, stage, index, chain[-1]))
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
