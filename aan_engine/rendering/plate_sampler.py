"""Positions on source plates: where a plan's candidates lie at full resolution.

Convention: plate and proxy positions as in `core.proxy_scale`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.core.types import Array
from aan_engine.selection.plan import FillPlan


def source_positions(plan: FillPlan, k: int, points: Array, *, scale: ProxyScale) -> tuple[NDArray[np.int32], Array]:
    """The source frames (n,) of candidate `k`, -1 for none, and the positions (n, 2) on their plates.

    Displacements are interpolated (bilinear) among neighbours of one source frame only: across a border between source
    frames there is nothing in between.

    Args:
        points: (n, 2) on the proxy, counted from the corner of the plan's box; those outside get the nearest pixel's
            displacement.
    """
    candidate, (left, top) = plan.candidates[k], (plan.hole.left, plan.hole.top)
    h, w = candidate.frame.shape
    x, y = np.clip(points[:, 0], 0, w - 1), np.clip(points[:, 1], 0, h - 1)
    frame, position = candidate.frame.reshape(-1), candidate.position.reshape(-1, 2)
    frames = frame[np.rint(y).astype(np.intp) * w + np.rint(x).astype(np.intp)]
    column, row = x.astype(np.intp), y.astype(np.intp)
    displacement, total = np.zeros((len(points), 2), np.float32), np.zeros(len(points), np.float32)
    for down, right in ((0, 0), (0, 1), (1, 0), (1, 1)):
        beside, below = np.minimum(column + right, w - 1), np.minimum(row + down, h - 1)
        at = below * w + beside
        weight = (1 - np.abs(x - (column + right))) * (1 - np.abs(y - (row + down))) * (frame[at] == frames)
        there = position.take(at, 0)
        displacement[:, 0] += weight * (there[:, 0] - (beside + left))
        displacement[:, 1] += weight * (there[:, 1] - (below + top))
        total += weight
    displacement /= np.maximum(total, 1e-3)[:, None]
    return frames, np.asarray(scale.to_plate(points + displacement + (left, top)), np.float32)
