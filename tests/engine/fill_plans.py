"""Fill plans for tests: one candidate that shows every hidden pixel at a known place."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aan_engine.candidates.builders import synthesised
from aan_engine.candidates.candidate import Candidate, Kind, hole_region
from aan_engine.core.sampling import pixel_grid
from aan_engine.selection.plan import FillPlan

SIZE = (48, 80)


def decided(hidden: NDArray[np.bool_], shift: tuple[float, float], *, share: float = 1.0) -> FillPlan:
    """One candidate showing every pixel at its own place plus `shift` on frame 3; the rest of the share is painted."""
    hole = hole_region(0, hidden)
    assert hole is not None
    h, w = hole.hidden.shape
    corner = np.array([hole.left, hole.top], np.float32)
    blank = np.zeros((h, w), np.float32)
    direct = Candidate(
        Kind.HOMOGRAPHY,
        image=np.zeros((h, w, 3), np.float32),
        valid=np.ones((h, w), bool),
        frame=np.full((h, w), 3, np.int32),
        position=pixel_grid((h, w)) + corner + np.array(shift, np.float32),
        distance=blank,
        confidence=blank,
        independent_motion=blank,
    )
    grey = synthesised(np.full((h, w, 3), 0.5, np.float32), hole)
    weights = np.stack([np.full((h, w), share), np.full((h, w), 1 - share)]).astype(np.float32)
    return FillPlan(hole, [direct, grey], weights, np.zeros((h, w, 3), np.float32), np.ones((h, w), np.float32), blank)


def hole(size: tuple[int, int] = SIZE) -> NDArray[np.bool_]:
    hidden = np.zeros(size, bool)
    hidden[size[0] // 3 : size[0] // 2, size[1] // 3 : size[1] // 2] = True
    return hidden
