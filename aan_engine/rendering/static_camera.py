"""Renewal: what a camera that stands still has filmed again and again, taken from another frame for every target.

Before such a camera every frame that shows a place shows it on the same pixel, structure and all, with grain of its
own. A copy, whose grain may well be that of the last target's, is therefore exchanged for the same pixel of another
frame, as it is, where the two differ by no more than their grain. Nothing is cored, nothing added. Of any `APART`
targets in a row no two take a pixel from the same frame.

Convention: values in the log range, windows (y0, y1, x0, x1) on the plate, the latter of each pair excluded.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import channel_mean, from_log, to_log
from aan_engine.core.box import box_around
from aan_engine.core.grouping import distinct_frames
from aan_engine.core.types import Array, Mask
from aan_engine.grain.estimate import GrainModel
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering.fill_buffer import FillBuffer

APART = 4
"""A frame lends to one target in so many: the one whose number leaves the same remainder."""

UNSEEN = 0.01
"""A pixel of which more was synthesised is no copy."""

SOFT, PLACE = 6.0, 9
"""Pixels over which a difference is one of light, and is kept; and the side of the places that are compared."""

ALIKE = 1.6
"""Two looks at a place differ by grain if the power of what they differ by is at most so many times the grain's."""

KNOWN = 0.3
"""The share of a place that both looks must show."""

TILE, MARGIN = 128, 24
"""Side of what is worked on at a time, and what is looked at around it."""


@dataclass(frozen=True, eq=False)
class SampleSwap:
    """For one target.

    Args:
        index: the target.
        source: frame index -> its plate.
        stands: whether a frame may be copied from, and the camera has not moved between it and the target.
    """

    index: int
    source: Callable[[int], SourcePlate]
    stands: Callable[[int], bool]

    def swap_samples(self, buffer: FillBuffer, *, repeated: Mask, grain: GrainModel) -> Mask:
        """Renew what can be renewed of a fill, in its place; (H, W) bool what is left whose grain must not stay.

        Args:
            carried: the fill; sources are frame indices.
            still: (H, W) bool, whose grain must not stay as it is.
            grain: the plates'.
        """
        wanted = self._lenders(buffer)
        around = box_around(wanted >= 0, margin=0)
        if around is None:
            return repeated
        left, (y0, y1, x0, x1) = repeated.copy(), around
        for top in range(y0, y1, TILE):
            for begin in range(x0, x1, TILE):
                left[self._tile(buffer, wanted, grain, at=(top, begin))] = False
        return left

    def _lenders(self, buffer: FillBuffer) -> NDArray[np.int32]:
        """(H, W) the frame that each pixel is to be taken from, -1 for none: the nearest beyond where it was found."""
        found = np.full(buffer.source.shape, -1, np.int32)
        ys, xs = np.nonzero(_copied(buffer))
        source = buffer.source[ys, xs]
        lent = np.full(source.shape, -1, np.int32)
        for frame in filter(self.stands, distinct_frames(source)):
            away = 1 if frame > self.index else -1
            beyond = away * (self.index - frame) % APART
            # What has come into view stays in view for a while. Where the shot ends, the next best are on this side.
            for lender in (frame + away * (beyond - back) for back in (0, APART, 2 * APART)):
                if lender != self.index and self.stands(lender):
                    lent[source == frame] = lender
                    break
        found[ys, xs] = lent
        return found

    def _tile(
        self, buffer: FillBuffer, wanted: NDArray[np.int32], grain: GrainModel, *, at: tuple[int, int]
    ) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
        """Renews a tile that begins at (y, x); the rows and columns of the pixels that were renewed."""
        tile = np.s_[at[0] : at[0] + TILE, at[1] : at[1] + TILE]
        y0, x0 = (max(0, v - MARGIN) for v in at)
        y1, x1 = (min(v + TILE + MARGIN, side) for v, side in zip(at, wanted.shape, strict=True))
        wide = np.s_[y0:y1, x0:x1]
        inner = np.s_[at[0] - y0 : at[0] - y0 + TILE, at[1] - x0 : at[1] - x0 + TILE]
        copied = _copied(buffer, wide)
        values = to_log(np.where(copied[..., None], buffer.fill[wide], 0))
        # The fill has as much of the grain as was kept, the other look all of it.
        power = grain.at(channel_mean(values)).sum(-1) * (1 + buffer.grain_kept[wide])
        renewed = [np.zeros((2, 0), np.intp)]
        for frame in distinct_frames(wanted[tile].reshape(-1)):
            plate = self.source(frame)
            look, alike = _compared(
                values, plate.picture.log_region(y0, y1, x0, x1), copied & ~plate.blocked[wide], power=power
            )
            taken = alike[inner] & (wanted[tile] == frame)
            ys, xs = np.stack(np.nonzero(taken)) + np.array(at)[:, None]
            buffer.fill[ys, xs], buffer.source[ys, xs] = from_log(look[inner][taken]), frame
            buffer.position[ys, xs] = np.stack([xs, ys], -1)
            for plane in (buffer.share, buffer.grain_kept, buffer.grain_fine, buffer.grain_coarse):
                plane[ys, xs] = 1
            renewed.append(np.stack([ys, xs]))
        ys, xs = np.concatenate(renewed, 1)
        return ys, xs


def _copied(buffer: FillBuffer, window: tuple[slice, ...] = ()) -> Mask:
    """(h, w) which pixels of a window, unless told of all of them, come from plates alone."""
    return (buffer.source[window] >= 0) & (buffer.unseen[window] <= UNSEEN)


def _compared(values: Array, look: Array, shown: Mask, *, power: Array) -> tuple[Array, Mask]:
    """Another look in the light of `values`, (h, w, 3) both, and (h, w) where the two differ by grain of that power."""
    there = shown.astype(np.float32)
    apart = np.where(shown[..., None], look - values, 0).astype(np.float32)
    share = np.maximum(cv2.GaussianBlur(there, (0, 0), SOFT), np.float32(1e-3))
    light = cv2.GaussianBlur(apart, (0, 0), SOFT) / share[..., None]
    rest = ((apart - light) ** 2).sum(-1) * there
    size = (PLACE, PLACE)
    off, due, known = (cv2.blur(plane, size) for plane in (rest, power * there, there))
    return look - light, shown & (known > KNOWN) & (off <= ALIKE * due)
