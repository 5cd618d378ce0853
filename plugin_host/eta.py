"""Estimates how long a job will still take from its last frames; None while there are too few. Reads no clock."""

from __future__ import annotations

from collections import deque
from typing import Deque, Optional, Tuple

WINDOW = 12  # last frames that are averaged: enough to mix the light and heavy frames of a shot
MIN_FRAMES = 3  # frames before there is an estimate


class EtaEstimator:
    """Collects the times at which frames arrive. The first `cached` frames came from the cache and are not counted."""

    def __init__(self, *, cached: int = 0) -> None:
        self._cached_left = cached
        self._times: Deque[float] = deque(maxlen=WINDOW)

    def add_frame(self, now: float) -> None:
        """A frame arrived at this time, in seconds."""
        if self._cached_left > 0:
            self._cached_left -= 1
        else:
            self._times.append(now)

    def seconds_left(self, remaining: int, now: float) -> Optional[int]:
        """Seconds until `remaining` frames are done, rounded to the precision of the estimate."""
        if len(self._times) < MIN_FRAMES or remaining < 1:
            return None
        each = (self._times[-1] - self._times[0]) / (len(self._times) - 1)
        running = min(now - self._times[-1], each)  # a frame that takes longer than usual is about to come
        return _round_to_step(each * remaining - running)


def _round_to_step(seconds: float) -> int:
    step = next(step for limit, step in _STEPS if seconds < limit)
    return max(step, round(seconds / step) * step)


_STEPS: Tuple[Tuple[float, int], ...] = ((20, 1), (90, 5), (600, 10), (float("inf"), 60))
