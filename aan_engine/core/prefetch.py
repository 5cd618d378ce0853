"""Prefetching: the next file is read and decoded while this one is being worked on."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

Value = TypeVar("Value")


def prefetch(read: Callable[[int], Value], indices: Sequence[int]) -> Generator[Value]:
    """`read(index)` for each index, in order; an exception is raised in its index's turn.

    One value is read ahead, no more: plates are large. Whoever stops early closes the iterator, which waits for the
    file that is being read.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="read") as reader:
        following: Future[Value] | None = None
        for index in indices:
            before, following = following, reader.submit(read, index)
            if before is not None:
                yield before.result()
        if following is not None:
            yield following.result()
