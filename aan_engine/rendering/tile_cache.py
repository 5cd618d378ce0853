"""Tiles of blurred plates for edge alignment, kept for later targets.

A frame is a source of many targets, which need much the same part of it. Tiles lie on a fixed grid, so that what a
target gets does not depend on what the targets before it have asked for.

Convention: positions are (x, y) on the plate, pixel centres at integers, origin top-left, y down. Values are
log-encoded.
"""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box, tiles
from aan_engine.core.filters import masked_gaussian
from aan_engine.core.sampling import inside, sample
from aan_engine.core.types import Array, Mask
from aan_engine.plates.source_plate import SourcePlate

TILE = 256
"""Side of a tile, in pixels; not measured separately."""

MAX_BYTES = 100_000_000
"""Memory that tiles may take."""


class TileView:
    """A part of a blurred plate, by positions on the plate; see `affine_refine.GreyView`.

    Args:
        grey: (h, w) float32, log-encoded and blurred.
        unusable: (h, w), 0 where it may be compared, 1 where not.
        box: where on the plate.
    """

    def __init__(self, grey: Array, unusable: Array, box: Box) -> None:
        self._grey, self._unusable, self._box = grey, unusable, box
        self._corner = np.array([box.left, box.top], np.float32)

    def contains(self, box: Box) -> bool:
        """Whether all of a box is in it."""
        return self._box.contains(box)

    def grey(self, points: Array) -> Array:
        """(n,) at positions (n, 2)."""
        return sample(self._grey, self._local(points))

    def usable(self, points: Array) -> Mask:
        """(n,) bool, which positions (n, 2) may be compared: within the part, no tap on or beside a blocked pixel."""
        local = self._local(points)
        return inside(local, self._grey.shape) & (sample(self._unusable, local) < 1e-3)

    def _local(self, points: Array) -> Array:
        return np.asarray(points - self._corner, np.float32)


class TileCache:
    """The tiles of one job's frames, the most recently used kept. For one thread.

    Not a `core.lru.LruCache`: tiles of small plates are smaller, so the limit is bytes, not a count.
    """

    def __init__(self, *, max_bytes: int = MAX_BYTES) -> None:
        self._max_bytes = max_bytes
        self._kept: OrderedDict[tuple[int, float, int, int], tuple[Array, NDArray[np.uint8]]] = OrderedDict()

    def at(self, frame: int, plate: SourcePlate, box: Box, *, sigma: float) -> TileView:
        """A part of a frame that holds the box, under a Gaussian of `sigma` pixels."""
        covering = tiles(box, TILE)
        whole = covering[0].union(covering[-1]).clipped(plate.picture.shape)
        grey, unusable = (np.empty(whole.shape, np.float32) for _ in range(2))
        for tile in covering:
            here = tile.relative_to(whole).slices
            grey[here], unusable[here] = self._tile(frame, plate, tile, sigma=sigma)
        return TileView(grey, unusable, whole)

    def _tile(self, frame: int, plate: SourcePlate, tile: Box, *, sigma: float) -> tuple[Array, NDArray[np.uint8]]:
        key = (frame, sigma, tile.left, tile.top)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = self._kept[key] = _blurred(plate, tile, sigma=sigma)
        while sum(grey.nbytes + unusable.nbytes for grey, unusable in self._kept.values()) > self._max_bytes:
            self._kept.popitem(last=False)
        return found


def _blurred(plate: SourcePlate, tile: Box, *, sigma: float) -> tuple[Array, NDArray[np.uint8]]:
    """A tile of a plate's green under a Gaussian, and 1 on and beside its blocked pixels."""
    margin = int(4 * sigma) + 2  # as far as OpenCV's Gaussian reaches
    wide = tile.grown(margin, margin).clipped(plate.picture.shape)
    blocked = plate.blocked[wide.slices]
    green = np.ascontiguousarray(plate.picture.log_region(wide)[..., 1])
    # Without blocked pixels the Gaussian's weights sum to 1 only up to rounding: nothing is divided by them.
    mean = masked_gaussian(green, ~blocked, sigma) if blocked.any() else cv2.GaussianBlur(green, (0, 0), sigma)
    unusable = cv2.dilate(blocked.astype(np.uint8), np.ones((3, 3), np.uint8))
    inner = tile.relative_to(wide).slices
    return np.ascontiguousarray(mean[inner]), np.ascontiguousarray(unusable[inner])
