"""Looks: plates as they are laid over each other, in softened grey; what was looked at once is kept for later targets.

A frame is a source of many targets, which look at much the same part of it. It is looked at in tiles, so that what a
target sees does not depend on what the targets before it have seen.

Convention: positions are (x, y) on the plate, pixel centres at integers, origin top-left, y down. Values are
log-encoded.
"""

from __future__ import annotations

from collections import OrderedDict

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box, tiles
from aan_engine.core.sampling import inside, sample
from aan_engine.core.types import Array, Mask
from aan_engine.plates.source_plate import SourcePlate

TILE = 256
"""Side of a tile."""

ROOM = 100_000_000
"""Bytes of tiles kept, at most."""


class TileView:
    """A part of a plate to look at; see `polish.Look`.

    Args:
        grey: (h, w) float32, log-encoded, softened as far as it is to be compared.
        shut: (h, w) float32, 0 where it may be looked at, 1 where not.
        box: where on the plate.
    """

    def __init__(self, grey: Array, shut: Array, box: Box) -> None:
        self._grey, self._shut, self._box = grey, shut, box
        self._corner = np.array([box.left, box.top], np.float32)

    def holds(self, box: Box) -> bool:
        """Whether all of a box is in it."""
        return self._box.contains(box)

    def grey(self, places: Array) -> Array:
        """(n,) at positions (n, 2)."""
        return sample(self._grey, self._local(places))

    def usable(self, places: Array) -> Mask:
        """(n,) where it may be looked at: within it, nothing blocked among a position's taps or beside them."""
        local = self._local(places)
        return inside(local, self._grey.shape) & (sample(self._shut, local) < 1e-3)

    def _local(self, places: Array) -> Array:
        return np.asarray(places - self._corner, np.float32)


class TileCache:
    """The tiles of one job's frames, the most recently used of them kept."""

    def __init__(self, *, room: int = ROOM) -> None:
        self._room = room
        self._kept: OrderedDict[tuple[int, float, int, int], tuple[Array, NDArray[np.uint8]]] = OrderedDict()

    def at(self, frame: int, plate: SourcePlate, box: Box, *, sigma: float) -> TileView:
        """A part of a frame that holds the box, softened by `sigma` pixels."""
        touched = tiles(box, TILE)
        whole = touched[0].union(touched[-1]).clipped(plate.picture.shape)
        grey, shut = (np.empty(whole.shape, np.float32) for _ in range(2))
        for tile in touched:
            here = tile.relative_to(whole).slices
            grey[here], shut[here] = self._tile(frame, plate, tile, sigma=sigma)
        return TileView(grey, shut, whole)

    def _tile(self, frame: int, plate: SourcePlate, tile: Box, *, sigma: float) -> tuple[Array, NDArray[np.uint8]]:
        key = (frame, sigma, tile.left, tile.top)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        found = self._kept[key] = _softened(plate, tile, sigma=sigma)
        while sum(grey.nbytes + shut.nbytes for grey, shut in self._kept.values()) > self._room:
            self._kept.popitem(last=False)
        return found


def _softened(plate: SourcePlate, tile: Box, *, sigma: float) -> tuple[Array, NDArray[np.uint8]]:
    """A tile of a plate's green under a Gaussian, and where it may not be looked at."""
    beyond = int(4 * sigma) + 2  # as far as OpenCV's Gaussian reaches
    wide = tile.grown(beyond, beyond).clipped(plate.picture.shape)
    blocked = plate.blocked[wide.slices]
    green = plate.picture.log_region(wide)[..., 1]
    soft = cv2.GaussianBlur(np.where(blocked, 0, green), (0, 0), sigma)
    if blocked.any():
        # What is blocked must not bleed into the blur of its surroundings.
        soft /= np.maximum(cv2.GaussianBlur((~blocked).astype(np.float32), (0, 0), sigma), 1e-3)
    shut = cv2.dilate(blocked.astype(np.uint8), np.ones((3, 3), np.uint8))
    inner = tile.relative_to(wide).slices
    return np.ascontiguousarray(soft[inner]), np.ascontiguousarray(shut[inner])
