"""Made pictures for registration: a textured plane, seen through known homographies."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.homography import Homography

SIZE = (120, 208)


def textured(seed: int = 0) -> NDArray[np.float32]:
    rng = np.random.default_rng(seed)
    layers = [cv2.GaussianBlur(rng.standard_normal((200, 300)).astype(np.float32), (0, 0), s) * s for s in (1.5, 4, 12)]
    picture = sum(layers)
    return np.float32(0.5) + np.float32(0.12) * np.asarray(picture / np.std(picture), np.float32)


def seen_through(scene: NDArray[np.float32], H: Homography) -> NDArray[np.float32]:
    """What a camera shows whose pixel x looks at scene pixel H x."""
    size = (SIZE[1], SIZE[0])
    return cv2.warpPerspective(scene, H.matrix, size, flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


def corner_error(found: Homography, true: Homography) -> float:
    """The farthest that a corner of the frame is off, in pixels."""
    h, w = SIZE
    corners = np.array([[0, 0, 1], [w - 1, 0, 1], [0, h - 1, 1], [w - 1, h - 1, 1]], float).T
    a, b = found.matrix @ corners, true.matrix @ corners
    return float(np.abs(a[:2] / a[2] - b[:2] / b[2]).max())


PLACED = Homography(np.array([[1.0, 0, 40], [0, 1, 35], [0, 0, 1]], np.float64))


MOVED = Homography(np.array([[1.02, 0.015, 45.3], [-0.012, 0.99, 31.8], [4e-5, -3e-5, 1]], np.float64))


BETWEEN = MOVED.inverse() @ PLACED
"""Target pixel -> reference pixel, where the target is seen through PLACED and the reference through MOVED."""


def whole() -> NDArray[np.bool_]:
    return np.ones(SIZE, bool)
