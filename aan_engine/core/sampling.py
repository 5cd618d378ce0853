"""Sampling pictures at positions between their pixels.

Convention: positions are (x, y), pixel centres at integers, origin top-left, y down.
"""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask

LONGEST, WIDTH = 32_000, 1024
"""OpenCV's remap takes rows of at most 32,767 positions: longer lists are folded to rows of this width."""

ALL_TAPS = 0.999
"""A bilinear sample of a 0 / 1 mask above this: all of its taps are 1."""

TAPS = 2
"""Pixels to each side that a bicubic value is computed from."""


def pixel_grid(shape: tuple[int, ...]) -> Array:
    """(h, w, 2) float32: each pixel's own position."""
    return _pixel_grid(shape[0], shape[1]).copy()


@lru_cache(maxsize=4)
def _pixel_grid(height: int, width: int) -> Array:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x, y], -1)


def inside(points: Array, shape: tuple[int, ...]) -> Mask:
    """Which of the points (..., 2) lie on a picture of `shape`, from its first pixel's centre to its last one's."""
    x, y = points[..., 0], points[..., 1]
    return (x >= 0) & (y >= 0) & (x <= shape[1] - 1) & (y <= shape[0] - 1)


def all_taps_on(mask: Array, points: Array) -> Mask:
    """Which of the points (..., 2) lie on `mask` (h, w), 0 or 1, with 1 at every pixel that a bilinear value takes."""
    return inside(points, mask.shape) & (sample(mask, points) > ALL_TAPS)


def sample(image: NDArray[np.float32], points: Array, *, sharp: bool = False) -> Array:
    """Values of `image` (h, w[, c]) at `points` (..., 2), bilinear, or bicubic where `sharp`.

    A bicubic value never leaves the range of the pixels around it: at the edge of a lamp it would ring otherwise,
    into negative light on the one side and twice the light on the other.

    Convention: points are (x, y), pixel centres at integers; outside, the nearest edge pixel's value.
    """
    if sharp:
        image, points = _cropped(image, points)
        around = np.ones((3, 3), np.uint8)
        low = _remapped(cv2.erode(image, around), points, cv2.INTER_NEAREST)
        high = _remapped(cv2.dilate(image, around), points, cv2.INTER_NEAREST)
        return np.clip(_remapped(image, points, cv2.INTER_CUBIC), low, high)
    return _remapped(image, points, cv2.INTER_LINEAR)


def _cropped(image: NDArray[np.float32], points: Array) -> tuple[NDArray[np.float32], Array]:
    """The part of `image` that bicubic values at `points` depend on, and the points on it."""
    if not points.size:
        return image, points
    box = Box.around_points(points, margin=TAPS, shape=image.shape)
    # Halfway between two pixels OpenCV takes the even one: what is even stays so.
    left, top = box.left - box.left % 2, box.top - box.top % 2
    return np.ascontiguousarray(image[top : box.bottom, left : box.right]), points - np.array([left, top], np.float32)


def _remapped(image: NDArray[np.float32], points: Array, method: int) -> Array:
    shape, count = points.shape[:-1], points.size // 2
    if count <= LONGEST:
        maps = np.ascontiguousarray(points, np.float32).reshape(1, count, 2)
    else:
        # remap's own maps are limited in length: fold long lists of points.
        folded = np.empty((-(-count // WIDTH) * WIDTH, 2), np.float32)
        folded[:count], folded[count:] = points.reshape(-1, 2), 0
        maps = folded.reshape(-1, WIDTH, 2)
    if not count:
        return np.zeros((*shape, *image.shape[2:]), np.float32)
    values = cv2.remap(image, maps, None, method, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(-1, *image.shape[2:])[:count].reshape(*shape, *image.shape[2:])
