"""Fill plans for tests: one candidate that shows every hidden pixel at a known place; and targets with such plans."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aan_engine.candidates.builders import synthesised
from aan_engine.candidates.candidate import Candidate, Kind, hole_region
from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.core.sampling import pixel_grid
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.target import Target
from aan_engine.rendering.warp import Warp
from aan_engine.selection.plan import FillPlan
from tests.engine.source_plates import MadeSources, source_of

SIZE = (48, 80)


def decided(hidden: NDArray[np.bool_], shift: tuple[float, float], *, share: float = 1.0) -> FillPlan:
    """One candidate that shows every pixel at its own place plus `shift` on frame 3; the rest is synthesised."""
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


def target_of(
    plan: FillPlan, hidden: NDArray[np.bool_], source: SourcePlate, *, own: SourcePlate | None = None
) -> Target:
    """A target whose every source frame shows the same; its own plate is blank where it does not matter."""
    blank = source_of(np.zeros((*hidden.shape, 3), np.float32), hidden)
    scale, sources = ProxyScale.between(hidden.shape, SIZE), MadeSources(lambda frame: source)
    return Target(0, own or blank, hidden, plan, scale, sources, match_defocus=False)


def warped(
    plan: FillPlan, hidden: NDArray[np.bool_], source: SourcePlate, *, own: SourcePlate | None = None
) -> FillBuffer:
    """The fill after the first stage, edges aligned if the target's own plate is given."""
    stage = Warp(align_edges=own is not None)
    return stage(FillBuffer.blank(hidden.shape), target_of(plan, hidden, source, own=own))
