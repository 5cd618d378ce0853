"""Homographies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array


def project(homography: NDArray[np.float64], points: Array) -> Array:
    """Points (..., 2) through a homography. Convention: target (x, y) -> source (x, y)."""
    H = homography.astype(np.float32)
    x, y = points[..., 0], points[..., 1]
    depth = H[2, 0] * x + H[2, 1] * y + H[2, 2]
    # Behind the horizon there is no picture: send such points far outside instead of mirroring them back in.
    depth = np.where(depth > 1e-3, depth, np.float32(np.nan))
    u = (H[0, 0] * x + H[0, 1] * y + H[0, 2]) / depth
    v = (H[1, 0] * x + H[1, 1] * y + H[1, 2]) / depth
    return np.nan_to_num(np.stack([u, v], -1), nan=-1e6, posinf=-1e6, neginf=-1e6).astype(np.float32)


Homography = NDArray[np.float64]


def flips_orientation(homography: Homography, *, shape: tuple[int, int]) -> bool:
    """Whether a frame of `shape` (h, w) is turned over by the homography, or folded at the horizon."""
    h, w = shape
    corners = np.array([[0, 0, 1], [w - 1, 0, 1], [w - 1, h - 1, 1], [0, h - 1, 1]], np.float64) @ homography.T
    if not (corners[:, 2] > 0).all():
        return True
    x, y = (corners[:, :2] / corners[:, 2:]).T
    return bool((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() <= 0)


def invert(homography: Homography) -> Homography:
    """Source pixel -> target pixel."""
    return np.asarray(np.linalg.inv(homography), np.float64)


def warp_with_mask(R: Array, mr: Array, H: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The reference seen from the target, and where that is wholly visible."""
    size = (shape[1], shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(R, H, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.warpPerspective(mr, H, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return warped, (seen > 0.999).astype(np.float32)


def level_scaling(small: tuple[int, ...], large: tuple[int, ...]) -> NDArray[np.float64]:
    """Full-resolution pixel centres -> level pixel centres."""
    sy, sx = small[0] / large[0], small[1] / large[1]
    return np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5], [0, 0, 1]], np.float64)
