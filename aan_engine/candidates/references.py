"""The schedule: which distant frames serve as references for a target."""

from __future__ import annotations

import numpy as np

from aan_engine.candidates.candidate import HoleRegion
from aan_engine.core.sampling import inside, sample
from aan_engine.motion.shot_motion import ShotMotion

STRIDE = 10
"""The paper's: every tenth frame of the whole shot may be a reference; in shorter shots a quarter of its length."""

LOOKED_AT = 24
"""At most so many stride frames are considered for one target, the nearest first."""


def references(shot_motion: ShotMotion, hole: HoleRegion, *, count: int) -> list[int]:
    """Up to `count` reference frames that together show the most of what the target hides.

    Chosen greedily: a reference counts for the hidden pixels that it shows, less for those that others show already.
    Where no chain of homographies leads to a frame (across a cut), it is not asked.
    """
    ys, xs = np.nonzero(hole.hidden)
    thin = slice(None, None, max(1, len(ys) // 400))
    points = np.stack([xs[thin] + hole.left, ys[thin] + hole.top], -1).astype(np.float32)
    shown: dict[int, np.ndarray] = {}
    for frame in _offered(shot_motion, hole.index):
        H = shot_motion.registration.chained(hole.index, frame)
        if H is None:
            continue
        at = H.apply(points)
        shown[frame] = inside(at, shot_motion.proxies.size) & (sample(shot_motion.images.usable(frame), at) > 0.999)

    def away(frame: int) -> int:
        return abs(frame - hole.index) if frame < shot_motion.proxies.count else 0

    chosen: list[int] = []
    covered = np.zeros(len(points))
    while len(chosen) < count and shown:
        worth = {f: float((s / (1 + 2 * covered)).sum()) / (1 + away(f) / 100) for f, s in shown.items()}
        best = max(worth, key=lambda f: (worth[f], -away(f)))
        if worth[best] <= 0:
            break
        covered += shown.pop(best)
        chosen.append(best)
    return chosen


def _offered(shot_motion: ShotMotion, index: int) -> list[int]:
    """The frames to look at for a target: clean plates, then stride frames among those that serve, nearest first."""
    serving = [f for f in range(shot_motion.proxies.count) if shot_motion.policy.serves(f)]
    stride = max(1, min(STRIDE, len(serving) // 4))
    offered = [f for f in {*serving[::stride], *serving[-1:], *shot_motion.policy.painted} if f != index]
    offered.sort(key=lambda f: (abs(f - index), f))
    return [*shot_motion.policy.clean(index), *offered[:LOOKED_AT]]
