"""The carried: what one frame's hole was filled with at full resolution, and what is known of each of its pixels.

Transport makes it, regrain gives it fresh grain, and the AOVs and the report are read from it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask

NEAR, FEW = 3, 0.2
"""Pixels around one that no plate shows from which it is mended, and the share of them that the fill must have."""


@dataclass(frozen=True, eq=False)
class FillBuffer:
    """One frame's fill at full resolution; every array has the plate's size, blank outside the matte.

    Args:
        fill: (H, W, 3) float32 scene-linear.
        confidence: (H, W) 0 .. 1, the share taken from plates, times how far the candidates agree with what was taken.
        source: (H, W) index of the winning source frame, -1 where painted.
        share: (H, W) 0 .. 1, how much of the fill is that frame's.
        position: (H, W, 2) where on that frame's plate, in its pixels.
        unseen: (H, W) 0 .. 1, share synthesised.
        kept: (H, W) 0 .. 1, share of the plates' grain, as a variance, that resampling and mixing left.
        fine, coarse: (H, W) 0 .. 1, the same of the grain's finest differences, and of its softest part.
    """

    fill: Array
    confidence: Array
    source: NDArray[np.int32]
    share: Array
    position: Array
    unseen: Array
    grain_kept: Array
    grain_fine: Array
    grain_coarse: Array

    @classmethod
    def blank(cls, shape: tuple[int, int]) -> FillBuffer:
        """Nothing carried: what a frame without a hole has."""
        return cls(
            np.zeros((*shape, 3), np.float32),
            np.zeros(shape, np.float32),
            np.full(shape, -1, np.int32),
            np.zeros(shape, np.float32),
            np.zeros((*shape, 2), np.float32),
            *(np.zeros(shape, np.float32) for _ in range(4)),
        )

    def scatter(self, found: FillBuffer, places: NDArray[np.intp]) -> None:
        """Write what was found for n pixels, a list of n in each field, to their flat indices (n,)."""
        for name, values in vars(found).items():
            plane = getattr(self, name)
            plane.reshape(-1, *plane.shape[2:])[places] = values

    def repair_isolated(self, hidden: Mask, *, ys: NDArray[np.intp], xs: NDArray[np.intp]) -> None:
        """Give pixels that no plate shows, (n,) their places, the mean of what was copied around them.

        Paint knows nothing of its neighbours' light: a lone pixel of it is a speck. Where nothing but such pixels is
        near they stay as they are.
        """
        height, width = hidden.shape
        copied = hidden.copy()
        copied[ys, xs] = False
        total, count = np.zeros((len(ys), 3), np.float32), np.zeros(len(ys), np.float32)
        for dy, dx in np.ndindex(2 * NEAR + 1, 2 * NEAR + 1):
            y, x = np.clip(ys + dy - NEAR, 0, height - 1), np.clip(xs + dx - NEAR, 0, width - 1)
            there = copied[y, x]
            total += self.fill[y, x] * there[:, None]
            count += there
        hole = count > FEW * (2 * NEAR + 1) ** 2
        self.fill[ys[hole], xs[hole]] = total[hole] / count[hole, None]
