"""Source maps: for each pixel of a frame's proxy the one place on a plate that it is copied from.

Convention: positions are (x, y) on the source frame's proxy, pixel centres at integers, origin top-left, y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.grouping import group_by_frame
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array, Mask
from aan_engine.registration.proxy_images import ProxyImages


@dataclass(frozen=True, eq=False)
class SourceMap:
    """Where the pixels of one frame are copied from.

    Args:
        index: the frame.
        frame: (h, w) int32, source frame, -1 where nothing is copied.
        position: (h, w, 2) float32, position on that frame.
        cost: (h, w) float32, mean squared difference of the patches that were matched, log range.
    """

    index: int
    frame: NDArray[np.int32]
    position: Array
    cost: Array

    @classmethod
    def empty(cls, index: int, size: tuple[int, int]) -> SourceMap:
        """Nothing is copied to a frame of `size` (h, w)."""
        blank = np.zeros(size, np.float32)
        return cls(index, np.full(size, -1, np.int32), np.zeros((*size, 2), np.float32), blank)

    @property
    def filled(self) -> Mask:
        """(h, w) bool, where something is copied."""
        return self.frame >= 0

    def joined(self, other: SourceMap, where: Mask) -> SourceMap:
        """This map, with what `other` has at `where` (h, w)."""
        taken = where & other.filled
        return SourceMap(
            self.index,
            np.where(taken, other.frame, self.frame),
            np.where(taken[..., None], other.position, self.position),
            np.where(taken, other.cost, self.cost),
        )

    def extended(self, wanted: Mask, *, reach: float) -> SourceMap:
        """This map, with the pixels of `wanted` (h, w) up to `reach` away copied from beside their nearest neighbour's.

        A pixel gets the offset of the nearest one that has a source: what is copied goes on.
        """
        missing = wanted & ~self.filled
        if not missing.any() or not self.filled.any():
            return self
        away, label = cv2.distanceTransformWithLabels(
            (~self.filled).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        nearest = np.zeros((int(label.max()) + 1, 2), np.intp)
        nearest[label[self.filled]] = np.argwhere(self.filled)
        ys, xs = np.nonzero(missing & (away <= reach))
        fy, fx = nearest[label[ys, xs]].T
        frame, position, cost = self.frame.copy(), self.position.copy(), self.cost.copy()
        frame[ys, xs], cost[ys, xs] = self.frame[fy, fx], self.cost[fy, fx]
        position[ys, xs] = self.position[fy, fx] + np.stack([xs - fx, ys - fy], -1)
        return SourceMap(self.index, frame, position, cost)

    def without(self, unusable: Mask) -> SourceMap:
        """This map, less the pixels where `unusable` (h, w) is True."""
        return SourceMap(self.index, np.where(unusable, np.int32(-1), self.frame), self.position, self.cost)

    def colours(self, images: ProxyImages, *, shift: tuple[int, int] = (0, 0)) -> Array:
        """(h, w, 3) log range, what is copied; 0 where nothing is.

        Args:
            shift: (x, y) by which to look beside each source.
        """
        found = np.zeros((*self.frame.shape, 3), np.float32)
        ys, xs = np.nonzero(self.filled)
        at = self.position[ys, xs] + np.array(shift, np.float32)
        for number, here in group_by_frame(self.frame[ys, xs]):
            found[ys[here], xs[here]] = sample(images.image(number), at[here], sharp=True)
        return found
