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

from aan_engine.core.sampling import inside, sample
from aan_engine.core.types import Array, Mask
from aan_engine.plates.source_plate import SourcePlate

TILE = 256
"""Side of a tile."""

ROOM = 100_000_000
"""Bytes of tiles kept, at most."""

Window = tuple[int, int, int, int]
"""x0, y0, x1, y1 on a plate, the latter two excluded."""


class TileView:
    """A part of a plate to look at; see `polish.Look`.

    Args:
        grey: (h, w) float32, log-encoded, softened as far as it is to be compared.
        shut: (h, w) float32, 0 where it may be looked at, 1 where not.
        corner: (x, y) of its first pixel on the plate.
    """

    def __init__(self, grey: Array, shut: Array, corner: tuple[int, int]) -> None:
        self._grey, self._shut, self._corner = grey, shut, np.array(corner, np.float32)

    def holds(self, window: Window) -> bool:
        """Whether all of a window is in it."""
        (x, y), (h, w) = self._corner, self._grey.shape
        return bool(x <= window[0] and y <= window[1] and window[2] <= x + w and window[3] <= y + h)

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

    def at(self, frame: int, plate: SourcePlate, window: Window, *, sigma: float) -> TileView:
        """A part of a frame that holds the window, softened by `sigma` pixels."""
        H, W = plate.picture.shape
        left, top = (window[0] // TILE * TILE, window[1] // TILE * TILE)
        right, bottom = (min(-(-end // TILE) * TILE, side) for end, side in zip(window[2:], (W, H), strict=True))
        grey, shut = (np.empty((bottom - top, right - left), np.float32) for _ in range(2))
        for y in range(top, bottom, TILE):
            for x in range(left, right, TILE):
                here = np.s_[y - top : y - top + TILE, x - left : x - left + TILE]
                grey[here], shut[here] = self._tile(frame, plate, (x, y), sigma=sigma)
        return TileView(grey, shut, (left, top))

    def _tile(
        self, frame: int, plate: SourcePlate, at: tuple[int, int], *, sigma: float
    ) -> tuple[Array, NDArray[np.uint8]]:
        key = (frame, sigma, *at)
        if key in self._kept:
            self._kept.move_to_end(key)
            return self._kept[key]
        tile = self._kept[key] = _looked_at(plate, at, sigma=sigma)
        while sum(grey.nbytes + shut.nbytes for grey, shut in self._kept.values()) > self._room:
            self._kept.popitem(last=False)
        return tile


def _looked_at(plate: SourcePlate, at: tuple[int, int], *, sigma: float) -> tuple[Array, NDArray[np.uint8]]:
    """A tile of a plate in green, and what of it is shut."""
    H, W = plate.picture.shape
    beyond = int(4 * sigma) + 2  # as far as OpenCV's Gaussian reaches
    (x, y), (x0, y0) = at, (max(v - beyond, 0) for v in at)
    x1, y1 = min(x + TILE + beyond, W), min(y + TILE + beyond, H)
    blocked = plate.blocked[y0:y1, x0:x1]
    green = plate.picture.log_region(y0, y1, x0, x1)[..., 1]
    soft = cv2.GaussianBlur(np.where(blocked, 0, green), (0, 0), sigma)
    if blocked.any():
        # What is blocked must not bleed into the blur of its surroundings.
        soft /= np.maximum(cv2.GaussianBlur((~blocked).astype(np.float32), (0, 0), sigma), 1e-3)
    shut = cv2.dilate(blocked.astype(np.uint8), np.ones((3, 3), np.uint8))
    inner = np.s_[y - y0 : y - y0 + TILE, x - x0 : x - x0 + TILE]
    return np.ascontiguousarray(soft[inner]), np.ascontiguousarray(shut[inner])
