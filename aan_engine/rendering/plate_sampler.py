"""A source: a plate to copy from, the places on it that a decision means, and what it shows there.

Convention: plate and proxy positions as in `proxy`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array
from aan_engine.selection.plan import FillPlan


def source_positions(plan: FillPlan, k: int, points: Array, *, scale: Array) -> tuple[NDArray[np.int32], Array]:
    """Of candidate k at (n, 2) box positions: the source frame (-1 where none) and the position on its plate.

    Displacements are interpolated among neighbours of one source frame only: across a border between sources there is
    nothing in between.
    """
    candidate, (left, top) = plan.candidates[k], (plan.hole.left, plan.hole.top)
    h, w = candidate.frame.shape
    x, y = np.clip(points[:, 0], 0, w - 1), np.clip(points[:, 1], 0, h - 1)
    frame, position = candidate.frame.reshape(-1), candidate.position.reshape(-1, 2)
    frames = frame[np.rint(y).astype(np.intp) * w + np.rint(x).astype(np.intp)]
    column, row = x.astype(np.intp), y.astype(np.intp)
    found, total = np.zeros((len(points), 2), np.float32), np.zeros(len(points), np.float32)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        beside, below = np.minimum(column + right, w - 1), np.minimum(row + down, h - 1)
        at = below * w + beside
        weight = (1 - np.abs(x - (column + right))) * (1 - np.abs(y - (row + down))) * (frame[at] == frames)
        there = position.take(at, 0)
        found[:, 0] += weight * (there[:, 0] - (beside + left))
        found[:, 1] += weight * (there[:, 1] - (below + top))
        total += weight
    found /= np.maximum(total, 1e-3)[:, None]
    return frames, np.asarray((points + found + (left + 0.5, top + 0.5)) / scale - 0.5, np.float32)
