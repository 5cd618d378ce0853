"""How much of a whole job is done, from the steps of its stages. Pure: it knows no clock, no process and no engine."""

from __future__ import annotations

WEIGHTS = {"look": 0.12, "align": 0.06, "key": 0.07, "decide": 0.05, "fill": 0.7}
"""What each stage is taken to be worth of a whole job; together 1. Rounded from the times of one shot of 24 frames,
640 x 360, on two CPU cores; `decide` and `fill` take one time together. Other shots and machines differ."""

MOST = 0.999
"""The share of a job whose last step is done: its last frame may still be on its way to the disk."""


class OverallProgress:
    """The share of one job that is done, 0 .. 1: it never goes back, and reaches 1 only when the job has ended.

    All plates are looked at first. Then the other stages take turns, target by target, and some may begin anew (the key
    frames of each segment) or have nothing to do at all (a matte that hides nothing). So what is filled decides: no
    stage counts as less done than the filled frames.
    """

    def __init__(self) -> None:
        self._done = dict.fromkeys(WEIGHTS, 0.0)
        self._share = 0.0

    def add(self, stage: str, done: int, total: int) -> float:
        """The share after `done` of `total` steps of a stage; stages without a weight change nothing."""
        if stage in WEIGHTS and total > 0:
            self._reach(stage, min(max(done / total, 0.0), 1.0))
        weighed = sum(weight * self._done[name] for name, weight in WEIGHTS.items())
        self._share = max(self._share, min(weighed, MOST))
        return self._share

    def _reach(self, stage: str, part: float) -> None:
        self._done[stage] = max(self._done[stage], part)
        if stage == "fill":
            self._done = {name: max(known, part) for name, known in self._done.items()} | {"look": 1.0}
