"""Temporal prior: a target's candidate weights lean on those of the previous target, against flicker.

Each target is decided by itself; of two candidates that are about equally good one wins here and the other there, which
flickers. With `Controls.smoothing` the weight that the same way to a source had at the same place of the scene in the
previous target is mixed in. (On 19 training clips with synthetic holes full smoothing brings the fill's change from
frame to frame .55 dB closer to the truth's, takes each frame .23 dB further from it, and softens fine detail a little.)

Convention: positions as in `candidate`, displacements as in `MotionField.surround_displacement`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array

Route = tuple[Kind, int]
"""A way to a source that two successive targets share: a candidate's kind, and with it the direction of time (-1 or 1),
the reference frame, or 0 where the kind alone says it."""

MOST = 0.5
"""Share of the previous weights at full smoothing. With more, what comes into view is taken up too late, which
flickers, too; not measured separately."""

LEAST_AVAILABLE = 0.3
"""Of the previous weights at a place, the sum that candidates of this target must have taken up for them to count. Not
measured separately."""


@dataclass(frozen=True, eq=False)
class TemporalPrior:
    """The candidate weights of one target.

    Args:
        index: the target's index in the shot.
        routes: one for each of its K candidates.
        planes: (h, w, 1 + K) float32 over the whole proxy: 1 in the target's region, then each candidate's weight.
    """

    index: int
    routes: tuple[Route, ...]
    planes: Array

    @classmethod
    def of(
        cls, hole: HoleRegion, candidates: list[Candidate], *, weights: Array, size: tuple[int, int]
    ) -> TemporalPrior:
        """From (K, h, w) weights over the box; `size` (h, w) is the proxy's."""
        planes = np.zeros((*size, 1 + len(candidates)), np.float32)
        box = planes[hole.box.slices]
        box[..., 0] = hole.region
        box[..., 1:] = np.where(hole.region[..., None], weights.transpose(1, 2, 0), 0)
        return cls(hole.index, tuple(_route(hole, candidate) for candidate in candidates), planes)

    def smoothed(
        self, hole: HoleRegion, candidates: list[Candidate], *, weights: Array, to_previous: Array, smoothing: float
    ) -> Array:
        """The next target's weights (K, h, w), leaning on this one's; sums over the candidates stay as they are.

        Args:
            hole, candidates: the next target's.
            to_previous: (h, w, 2) over the whole proxy, displacement from the next target to this one.
            smoothing: 0 .. 1, see `shot.Controls`.
        """
        there = hole.points + sample(to_previous, hole.points)
        # OpenCV samples up to four channels at a time.
        channels = range(0, self.planes.shape[2], 4)
        known = [sample(np.ascontiguousarray(self.planes[..., k : k + 4]), there) for k in channels]
        sampled = np.concatenate([v.reshape(len(there), -1) for v in known], 1)
        column = {route: k for k, route in enumerate(self.routes, 1)}
        now = weights.reshape(len(candidates), -1)[:, hole.cells]
        before = np.zeros_like(now)
        for k, candidate in enumerate(candidates):
            if (at := column.get(_route(hole, candidate))) is not None:
                before[k] = sampled[:, at] * candidate.valid.reshape(-1)[hole.cells]
        available = before.sum(0)
        share = MOST * smoothing * ((sampled[:, 0] > 0.999) & (available > LEAST_AVAILABLE))
        mixed = weights.reshape(len(candidates), -1).copy()
        mixed[:, hole.cells] = now + share * (before / np.maximum(available, 1e-6) * now.sum(0) - now)
        return mixed.reshape(weights.shape)


def _route(hole: HoleRegion, candidate: Candidate) -> Route:
    if candidate.kind in (Kind.SYNTHESISED, Kind.PREVIOUS):
        return candidate.kind, 0
    frames = candidate.frame[candidate.valid]
    first = int(frames[0]) if frames.size else hole.index
    if candidate.kind in (Kind.HOMOGRAPHY, Kind.HOMOGRAPHY_FLOW):
        return candidate.kind, first
    return candidate.kind, int(np.sign(first - hole.index))
