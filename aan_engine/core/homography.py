"""Homographies: how a plane seen by one frame lies in another.

Convention: a homography maps target pixel centres to reference pixel centres, (x', y', w') = H (x, y, 1), integer
coordinates at pixel centres, origin top-left, y down. `projective` has the same for batches of tensors.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array

OUTSIDE = -1e6
"""Where a point behind the horizon is sent: outside every picture."""


@dataclass(frozen=True, eq=False)
class Homography:
    """Target pixel -> reference pixel.

    Args:
        matrix: (3, 3) float64.
    """

    matrix: NDArray[np.float64]

    @classmethod
    def identity(cls) -> Homography:
        """A camera that has not moved."""
        return cls(np.eye(3))

    @classmethod
    def translation(cls, x: float, y: float) -> Homography:
        """The picture moved as a whole by (x, y) pixels."""
        return cls(np.array([[1, 0, x], [0, 1, y], [0, 0, 1]], np.float64))

    @classmethod
    def level_scale(cls, level: tuple[int, ...], full: tuple[int, ...]) -> Homography:
        """Pixel centres of a picture of shape `full` (h, w ...) -> those of the same picture at the shape `level`."""
        sy, sx = level[0] / full[0], level[1] / full[1]
        return cls(np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5], [0, 0, 1]], np.float64))

    def __matmul__(self, first: Homography) -> Homography:
        """`first`, then this one."""
        return Homography(self.matrix @ first.matrix)

    def inverse(self) -> Homography:
        """Reference pixel -> target pixel."""
        return Homography(np.asarray(np.linalg.inv(self.matrix), np.float64))

    def normalised(self) -> Homography:
        """The same map with 1 in the last place."""
        return Homography(np.asarray(self.matrix / self.matrix[2, 2], np.float64))

    def at(self, scale: Homography) -> Homography:
        """The same map between both pictures at another size; `scale` takes pixel centres there."""
        return Homography(scale.matrix @ self.matrix @ np.linalg.inv(scale.matrix))

    def back_from(self, scale: Homography) -> Homography:
        """The inverse of `at`: this map between small pictures, told between the large ones."""
        return Homography(np.linalg.inv(scale.matrix) @ self.matrix @ scale.matrix)

    @property
    def is_identity(self) -> bool:
        """Whether nothing moves, to the bit."""
        return bool(np.array_equal(self.matrix, np.eye(3)))

    @property
    def is_finite(self) -> bool:
        """Whether every entry is a number, and the last one far enough from 0 to be divided by."""
        return bool(np.isfinite(self.matrix).all()) and abs(self.matrix[2, 2]) > 1e-6

    def apply(self, points: Array) -> Array:
        """Points (..., 2) of the target in the reference; `OUTSIDE` where they lie behind the horizon."""
        H = self.matrix.astype(np.float32)
        x, y = points[..., 0], points[..., 1]
        depth = H[2, 0] * x + H[2, 1] * y + H[2, 2]
        # Behind the horizon there is no picture: divided by a negative depth such points would be mirrored back in.
        depth = np.where(depth > 1e-3, depth, np.float32(np.nan))
        u = (H[0, 0] * x + H[0, 1] * y + H[0, 2]) / depth
        v = (H[1, 0] * x + H[1, 1] * y + H[1, 2]) / depth
        found = np.nan_to_num(np.stack([u, v], -1), nan=OUTSIDE, posinf=OUTSIDE, neginf=OUTSIDE)
        return np.asarray(found, np.float32)

    def warp(self, reference: Array, shape: tuple[int, ...], *, border: float | None = None) -> Array:
        """The reference (h, w[, c]) as the target of `shape` sees it, bilinear.

        Args:
            border: the value outside the reference; None repeats its edge pixels.
        """
        flags, size = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP, (shape[1], shape[0])
        if border is None:
            warped = cv2.warpPerspective(reference, self.matrix, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
        else:
            warped = cv2.warpPerspective(
                reference, self.matrix, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=border
            )
        return np.asarray(warped, np.float32)

    def warp_with_mask(self, reference: Array, visible: Array, shape: tuple[int, ...]) -> tuple[Array, Array]:
        """The reference (h, w) as the target sees it, and 1 where all of a value's taps are visible (h, w) 0 or 1."""
        seen = self.warp(visible, shape, border=0)
        return self.warp(reference, shape), (seen > 0.999).astype(np.float32)

    def flips_orientation(self, shape: tuple[int, int]) -> bool:
        """Whether it turns a frame of `shape` (h, w) over like a mirror, or folds it at the horizon: no camera does."""
        h, w = shape
        corners = np.array([[0, 0, 1], [w - 1, 0, 1], [w - 1, h - 1, 1], [0, h - 1, 1]], np.float64) @ self.matrix.T
        if not (corners[:, 2] > 0).all():
            return True
        x, y = (corners[:, :2] / corners[:, 2:]).T
        return bool((x * np.roll(y, -1) - np.roll(x, -1) * y).sum() <= 0)

    def corner_distance(self, other: Homography, shape: tuple[int, ...]) -> float:
        """Mean distance between where both take the corners of a frame of `shape` (h, w ...), in frame widths."""
        h, w = shape[:2]
        corners = np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], np.float32)
        apart = self.normalised().apply(corners) - other.normalised().apply(corners)
        return float(np.hypot(*apart.T).mean()) / w
