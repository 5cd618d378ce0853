"""Reference frames: which distant frames of the shot are registered directly with a target."""

from __future__ import annotations

import numpy as np

from aan_engine.candidates.candidate import HoleRegion
from aan_engine.core.sampling import all_taps_on
from aan_engine.core.types import Mask
from aan_engine.motion.shot_motion import ShotMotion

STRIDE = 10
"""Every tenth frame of the shot may be a reference (arXiv 1905.13066); in a shot shorter than 40 frames every n-th,
n a quarter of its length."""

MOST_CONSIDERED = 24
"""Stride frames considered for one target, the nearest first. Not measured separately: it bounds the time of long
shots."""

MOST_POINTS = 400
"""Hidden pixels, about, by which frames are compared. Not measured separately."""


def references(shot_motion: ShotMotion, hole: HoleRegion, *, count: int) -> list[int]:
    """Up to `count` reference frames that together show the most of what the target hides, the best first.

    Greedy set cover: each hidden pixel that a frame shows counts 1 / (1 + 2 n), n the frames chosen before that show
    it, too; of frames alike the nearer one is preferred. A frame that no chain of homographies leads to, as across a
    cut, is left out.
    """
    ys, xs = np.nonzero(hole.hidden)
    thinned = slice(None, None, max(1, len(ys) // MOST_POINTS))
    points = np.stack([xs[thinned] + hole.left, ys[thinned] + hole.top], -1).astype(np.float32)
    shown: dict[int, Mask] = {}
    for frame in _considered(shot_motion, hole.index):
        H = shot_motion.registration.chained(hole.index, frame)
        if H is None:
            continue
        positions = H.apply(points)
        shown[frame] = all_taps_on(shot_motion.images.usable(frame), positions)

    def distance(frame: int) -> int:
        return abs(frame - hole.index) if shot_motion.proxies.has_time(frame) else 0

    chosen: list[int] = []
    covered = np.zeros(len(points))
    while len(chosen) < count and shown:
        gain = {f: float((s / (1 + 2 * covered)).sum()) / (1 + distance(f) / 100) for f, s in shown.items()}
        best = max(gain, key=lambda f: (gain[f], -distance(f)))
        if gain[best] <= 0:
            break
        covered += shown.pop(best)
        chosen.append(best)
    return chosen


def _considered(shot_motion: ShotMotion, index: int) -> list[int]:
    """The frames that may be references of a target: clean plates, then stride frames among the sources and all frames
    painted by hand, nearest first."""
    sources = [f for f in range(shot_motion.proxies.count) if shot_motion.policy.serves(f)]
    stride = max(1, min(STRIDE, len(sources) // 4))
    considered = [f for f in {*sources[::stride], *sources[-1:], *shot_motion.policy.painted} if f != index]
    considered.sort(key=lambda f: (abs(f - index), f))
    return [*shot_motion.policy.clean(index), *considered[:MOST_CONSIDERED]]
