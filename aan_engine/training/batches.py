"""Lessons in their order: made when they are asked for, or ahead of time by processes beside the training.

A lesson is a pure function of its number, so who makes it changes nothing: a run with eight processes learns the same
as one without, and a run that goes on at step n sees what it would have seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TypeVar, cast

import cv2
from torch.utils.data import DataLoader, Dataset

Lesson = TypeVar("Lesson")

AHEAD = 4
"""Lessons that each process may be ahead."""


class _Numbered(Dataset[Lesson]):
    def __init__(self, make: Callable[[int], Lesson]) -> None:
        self._make = make

    def __getitem__(self, number: int) -> Lesson:
        return self._make(number)


def lessons(make: Callable[[int], Lesson], numbers: range, *, processes: int = 0) -> Iterator[Lesson]:
    """`make(n)` for each number, in order.

    Args:
        make: depends on the number alone; it must not touch a GPU where there are processes, which are forked.
        processes: how many make lessons ahead of time; with 0 each is made when it is asked for.
    """
    if not processes:
        yield from map(make, numbers)
        return
    loader = DataLoader(
        _Numbered(make),
        batch_size=None,
        # A range is the sampler that counts; the typing of samplers does not know it.
        sampler=cast("list[int]", numbers),
        num_workers=processes,
        prefetch_factor=AHEAD,
        collate_fn=_as_it_is,
        worker_init_fn=_alone,
        multiprocessing_context="fork",
    )
    yield from loader


def _as_it_is(lesson: Lesson) -> Lesson:
    return lesson


def _alone(_: int) -> None:
    # Each process has a processor to itself: threads of its own would only stand in the others' way.
    cv2.setNumThreads(1)
