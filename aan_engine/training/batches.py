"""Batches in their order: made when they are asked for, or ahead of time by processes beside the training.

A batch is a pure function of its number, so it does not matter who makes it: a run with eight processes trains on the
same batches as one without, and a run that is resumed at step n on those that it would have had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import cv2
from torch.utils.data import DataLoader, Dataset

Batch = TypeVar("Batch")

PREFETCHED = 4
"""Batches that each process may be ahead."""


class _ByNumber(Dataset[Batch]):
    def __init__(self, make: Callable[[int], Batch]) -> None:
        self._make = make

    def __getitem__(self, number: int) -> Batch:
        return self._make(number)


def map_in_order(make: Callable[[int], Batch], numbers: range, *, processes: int = 0) -> Iterator[Batch]:
    """`make(n)` for each number, in order.

    Args:
        make: depends on the number alone; must not use a GPU where there are processes, which are forked.
        processes: how many work ahead of time; with 0 each batch is made when it is asked for.
    """
    if not processes:
        yield from map(make, numbers)
        return
    loader = DataLoader(
        _ByNumber(make),
        batch_size=None,
        # A range works as a sampler, but the stubs ask for a list.
        sampler=cast("list[int]", numbers),
        num_workers=processes,
        prefetch_factor=PREFETCHED,
        collate_fn=_identity,
        worker_init_fn=_use_one_thread,
        multiprocessing_context="fork",
    )
    yield from loader


def _identity(batch: Batch) -> Batch:
    return batch


def _use_one_thread(_: int) -> None:
    # Each process has a CPU core to itself.
    cv2.setNumThreads(1)
