"""Grouping: many pixels, sorted by the source frame that each comes from."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray


def distinct_frames(frames: NDArray[np.integer]) -> list[int]:
    """Each frame index that occurs in `frames` (n,), ascending; negative numbers are no frames."""
    return np.flatnonzero(np.bincount(frames[frames >= 0])).tolist()


def group_by_frame(frames: NDArray[np.integer]) -> Iterator[tuple[int, NDArray[np.intp]]]:
    """Each frame index that occurs in `frames` (n,), ascending, with the positions (m,) where it does, ascending.

    Negative numbers are no frames.
    """
    order = np.argsort(frames, kind="stable")
    ranked = frames[order]
    borders = [0, *(np.flatnonzero(np.diff(ranked)) + 1).tolist(), len(ranked)]
    for start, end in pairwise(borders):
        if start < end and ranked[start] >= 0:
            yield int(ranked[start]), order[start:end]
