"""The fill buffer: what one frame's hole is filled with at full resolution, and what is known of each of its pixels.

Every stage of rendering reads and writes it; at the end the composite, the AOVs and the report are made from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask

RADIUS, MIN_COPIED = 3, 0.2
"""Half the side of the window that an isolated pixel is repaired from; the share of it that must have been copied."""


@dataclass(eq=False)
class FillBuffer:
    """One frame's fill at full resolution; every array has the plate's size and is blank outside the hole.

    Not frozen: with 4K plates a copy for each stage would take most of a gigabyte, so stages write into it. Arrays
    are allocated as zeros, which cost no memory until they are written.

    The three `grain_` planes say how much of the source plates' grain is left in a pixel, 0 .. 1, as a power (variance)
    relative to the plate's. Resampling and mixing act as a low-pass filter, so that one number is not enough:
    `grain_kept` is the share of its total variance, `grain_fine` the share of the power of its finest differences
    (second differences along both axes, which resampling takes first), and `grain_coarse` the share of its lowest
    frequencies, which resampling leaves alone and only mixing takes. 1, 1, 1 is a copy of whole pixels, 0, 0, 0 is
    synthesised. Fresh grain is drawn to make up for the first two; the third says what is left of a pixel's grain once
    the rest has been removed by denoising, which keeps low frequencies longest.

    Args:
        fill: (H, W, 3) float32 scene-linear.
        confidence: (H, W) 0 .. 1, the share copied from plates, times how far the candidates agree with it.
        source: (H, W) index of the frame with the largest share, -1 where none was copied from.
        share: (H, W) 0 .. 1, how much of the fill is that frame's.
        position: (H, W, 2) where on that frame's plate, (x, y) in its pixels.
        unseen: (H, W) 0 .. 1, share synthesised.
        grain_kept, grain_fine, grain_coarse: (H, W), see above.
        repeated: (H, W) bool, copies whose grain a neighbouring target shows at the same point of the scene: along the
            motion it would stand still, so it must not stay.
        denoised: (H, W, 3) log range, where `is_denoised`: the fill without its grain.
        is_denoised: (H, W) bool.
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
    repeated: Mask
    denoised: Array
    is_denoised: Mask

    @classmethod
    def blank(cls, shape: tuple[int, ...]) -> FillBuffer:
        """Nothing filled in yet: what a frame without a hole keeps; `shape` (H, W ...) is the plate's."""
        plane = (shape[0], shape[1])
        return cls(
            fill=np.zeros((*plane, 3), np.float32),
            confidence=np.zeros(plane, np.float32),
            source=np.full(plane, -1, np.int32),
            share=np.zeros(plane, np.float32),
            position=np.zeros((*plane, 2), np.float32),
            unseen=np.zeros(plane, np.float32),
            grain_kept=np.zeros(plane, np.float32),
            grain_fine=np.zeros(plane, np.float32),
            grain_coarse=np.zeros(plane, np.float32),
            repeated=np.zeros(plane, np.bool_),
            denoised=np.zeros((*plane, 3), np.float32),
            is_denoised=np.zeros(plane, np.bool_),
        )

    def scatter(self, pixels: NDArray[np.intp], **values: NDArray[Any]) -> None:
        """Write values of n pixels, a list of n for each field named, to their flat indices (n,)."""
        for name, given in values.items():
            plane = getattr(self, name)
            plane.reshape(-1, *plane.shape[2:])[pixels] = given

    def repair_isolated(self, hidden: Mask, *, ys: NDArray[np.intp], xs: NDArray[np.intp]) -> None:
        """Give synthesised pixels at (n,) rows and columns the mean of what was copied around them.

        Meant for pixels that were to be copied, but that no plate shows at full resolution. What is synthesised does
        not match the light of their copied neighbours: a lone pixel of it is a speck. Where little was copied nearby
        they stay as they are.
        """
        height, width = hidden.shape
        copied = hidden.copy()
        copied[ys, xs] = False
        total, count = np.zeros((len(ys), 3), np.float32), np.zeros(len(ys), np.float32)
        for dy, dx in np.ndindex(2 * RADIUS + 1, 2 * RADIUS + 1):
            y, x = np.clip(ys + dy - RADIUS, 0, height - 1), np.clip(xs + dx - RADIUS, 0, width - 1)
            there = copied[y, x]
            total += self.fill[y, x] * there[:, None]
            count += there
        enough = count > MIN_COPIED * (2 * RADIUS + 1) ** 2
        self.fill[ys[enough], xs[enough]] = total[enough] / count[enough, None]
