"""Steadiness: what was decided for the frame before, brought along, has a say in what is decided for this one.

Each frame is judged by itself, and of two candidates that are about as good now the one wins, now the other: that
flickers. A pathway's share in the frame before is known for the same place of the scene, and an artist may have the
next one lean on it. (On 19 training clips with holes of our own, full smoothing makes the fill's change from frame
to frame .55 dB truer, and each frame .23 dB less so; what is as sharp as it can be becomes a little softer.)

Convention: positions as in `candidate`; motion as in `motion.Motion.carried`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array

Pathway = tuple[Kind, int]
"""A candidate's kind with the direction of time that it looks in, or the frame that it lies on."""

MOST = 0.5
"""How much the frame before has to say at full smoothing: beyond, what is new is seen too late, and flickers itself."""

ENOUGH = 0.3
"""So much of what the frame before was filled from must be on offer again for it to have a say."""


@dataclass(frozen=True, eq=False)
class TemporalPrior:
    """What one frame was filled from.

    Args:
        index: the frame.
        paths: its pathways.
        shares: (h, w, 1 + paths) float32 over the whole proxy: 1 where anything was decided, then each pathway's.
    """

    index: int
    paths: tuple[Pathway, ...]
    shares: Array

    @classmethod
    def of(
        cls, hole: HoleRegion, candidates: list[Candidate], shares: Array, *, size: tuple[int, int]
    ) -> TemporalPrior:
        """By (K, h, w) shares over the box; `size` is the proxy's."""
        h, w = hole.wanted.shape
        whole = np.zeros((*size, 1 + len(candidates)), np.float32)
        box = whole[hole.top : hole.top + h, hole.left : hole.left + w]
        box[..., 0] = hole.wanted
        box[..., 1:] = np.where(hole.wanted[..., None], shares.transpose(1, 2, 0), 0)
        return cls(hole.index, tuple(_pathway(hole, layer) for layer in candidates), whole)

    def steadied(
        self, hole: HoleRegion, candidates: list[Candidate], shares: Array, *, back: Array, smoothing: float
    ) -> Array:
        """The next frame's shares (K, h, w), leaning on this one's; sums stay as they are.

        Args:
            back: (h, w, 2) motion from the next frame to this one, over the whole proxy.
            smoothing: 0 .. 1, see `shot.Controls`.
        """
        there = hole.points + sample(back, hole.points)
        planes = self.shares.shape[2]
        known = [sample(np.ascontiguousarray(self.shares[..., k : k + 4]), there) for k in range(0, planes, 4)]
        found = np.concatenate([v.reshape(len(there), -1) for v in known], 1)
        column = {path: k for k, path in enumerate(self.paths, 1)}
        now = shares.reshape(len(candidates), -1)[:, hole.cells]
        before = np.zeros_like(now)
        for k, layer in enumerate(candidates):
            if (at := column.get(_pathway(hole, layer))) is not None:
                before[k] = found[:, at] * layer.valid.reshape(-1)[hole.cells]
        offered = before.sum(0)
        leans = MOST * smoothing * ((found[:, 0] > 0.999) & (offered > ENOUGH))
        mixed = shares.reshape(len(candidates), -1).copy()
        mixed[:, hole.cells] = now + leans * (before / np.maximum(offered, 1e-6) * now.sum(0) - now)
        return mixed.reshape(shares.shape)


def _pathway(hole: HoleRegion, layer: Candidate) -> Pathway:
    if layer.kind in (Kind.SYNTHESISED, Kind.PREVIOUS, Kind.ATTENTION):
        return layer.kind, 0
    frames = layer.frame[layer.valid]
    first = int(frames[0]) if frames.size else hole.index
    return layer.kind, first if layer.kind in (Kind.HOMOGRAPHY, Kind.HOMOGRAPHY_FLOW) else int(
        np.sign(first - hole.index)
    )
