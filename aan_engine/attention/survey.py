"""Survey: which surface no frame of a shot shows, and in which few frames most of it can be seen to be missing.

By the camera's motion alone, before any target is filled: a hidden pixel counts as seen where some other frame shows
the place that the homographies lead to. What is really never seen is decided target by target; the survey only finds
the *key frames*, where filling pays most.

Convention: frames are indices.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from aan_engine.core.types import Mask
from aan_engine.motion.shot_motion import ShotMotion

MOST_SURVEYED = 16
"""Targets of a segment that are surveyed, evenly spread. Not measured separately: it bounds the time."""

REACH, STEP = 45, 3
"""How far from a target, and in what steps, frames that may serve are asked whether they show what it hides. Not
measured separately: tracks reach 30 frames."""

MOST_KEYS = 3
"""Key frames of a segment. Not measured separately: it bounds the time."""

LEAST_AREA = 1e-3
"""Share of the frame that must be missing still, in some target, for another key frame."""


def choose_keys(shot_motion: ShotMotion, targets: Sequence[int]) -> list[int]:
    """The key frames among `targets`, at most `MOST_KEYS`, the one that shows most of what is missing first."""
    if not targets:
        return []
    spread = np.linspace(0, len(targets) - 1, min(MOST_SURVEYED, len(targets))).round().astype(int)
    surveyed = [targets[i] for i in dict.fromkeys(spread.tolist())]
    missing = {index: never_seen(shot_motion, index) for index in surveyed}
    least = LEAST_AREA * next(iter(missing.values())).size
    open_ = {index: mask for index, mask in missing.items() if mask.sum() > least}
    missing = dict(open_)
    keys: list[int] = []
    while open_ and len(keys) < MOST_KEYS:
        largest = max(mask.sum() for mask in missing.values())
        gain = {
            key: sum(int(_covered(shot_motion, index, key, mask, shown).sum()) for index, mask in open_.items())
            * float(np.sqrt(shown.sum() / largest))
            for key, shown in missing.items()
            if key not in keys
        }
        if not gain:
            break
        best = max(gain, key=lambda key: (gain[key], -key))
        keys.append(best)
        left = {i: m & ~_covered(shot_motion, i, best, m, missing[best]) for i, m in open_.items()}
        open_ = {index: mask for index, mask in left.items() if mask.sum() > least}
    return keys


def never_seen(shot_motion: ShotMotion, index: int) -> Mask:
    """(h, w) bool, the hidden pixels of a target that no frame shows where the camera's motion leads to."""
    proxies, registration = shot_motion.proxies, shot_motion.registration
    missing = np.array(proxies.hidden(index))
    if not missing.any():
        return missing
    frames = _asked(shot_motion, index)
    painted = [f for f in sorted(shot_motion.policy.painted) if f not in frames and f != index]
    for frame in (*shot_motion.policy.clean(index), *painted, *frames):
        H = registration.chained(index, frame)
        if H is not None:
            seen = H.warp(shot_motion.images.usable(frame), missing.shape, border=0) > 0.999
            missing &= ~seen
            if not missing.any():
                break
    return missing


def _asked(shot_motion: ShotMotion, index: int) -> list[int]:
    """The frames around a target that are asked, the nearest first: every `STEP`-th that may serve, and the last."""
    found: list[int] = []
    for side in (-1, 1):
        around = (index + side * far for far in range(1, REACH + 1))
        serving = [f for f in around if shot_motion.proxies.has_time(f) and shot_motion.policy.serves(f)]
        found += dict.fromkeys([*serving[::STEP], *serving[-1:]])
    return sorted(found, key=lambda frame: (abs(frame - index), frame))


def _covered(shot_motion: ShotMotion, index: int, key: int, missing: Mask, shown: Mask) -> Mask:
    """(h, w) bool, which of the pixels `missing` in frame `index` are `shown` to be missing in the key frame."""
    if index == key:
        return missing & shown
    H = shot_motion.registration.chained(index, key)
    if H is None:
        return np.zeros_like(missing)
    return np.asarray(missing & (H.warp(shown.astype(np.float32), missing.shape, border=0) > 0.5))
