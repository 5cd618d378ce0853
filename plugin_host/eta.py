"""How long a job will still take, told from its last frames; None as long as nothing honest can be said. No clock."""

from __future__ import annotations

from collections import deque
from typing import Deque, Optional, Tuple

MEMORY = 12  # frames that are looked back on: light and heavy frames of a shot mix within that many
FEWEST = 3  # frames before anything is said


class Pace:
    """Frames as they come. Those that were there before, `held` in number, came from a shelf and say nothing."""

    def __init__(self, *, held: int = 0) -> None:
        self._passing = held
        self._came: Deque[float] = deque(maxlen=MEMORY)

    def frame(self, now: float) -> None:
        """A frame came at this time, in seconds."""
        if self._passing > 0:
            self._passing -= 1
        else:
            self._came.append(now)

    def left(self, remaining: int, now: float) -> Optional[int]:
        """Seconds until `remaining` frames are done, rounded to what the estimate is worth."""
        if len(self._came) < FEWEST or remaining < 1:
            return None
        each = (self._came[-1] - self._came[0]) / (len(self._came) - 1)
        running = min(now - self._came[-1], each)  # a frame that takes longer than usual is about to come
        return _rounded(each * remaining - running)


def _rounded(seconds: float) -> int:
    step = next(step for limit, step in _STEPS if seconds < limit)
    return max(step, round(seconds / step) * step)


_STEPS: Tuple[Tuple[float, int], ...] = ((20, 1), (90, 5), (600, 10), (float("inf"), 60))
