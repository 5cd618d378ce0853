"""Pyramids: the grey pictures that registration compares, halved again and again, and how one is seen from the other.

Convention: a homography H maps target pixel centres to reference pixel centres, (x', y', w') = H (x, y, 1),
integer coordinates at pixel centres, origin top-left, y down. Images are log-encoded greys of about 0 .. 1.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from aan_engine.core.types import Array, Mask

LEVELS = 4
"""Pyramid levels: a 432 x 240 proxy is first seen at 54 x 30."""


@dataclass(frozen=True, eq=False)
class Pyramid:
    """One proxy's grey image and visibility, as often halved as registration needs; built once, used by every pair.

    Args:
        grey: (h, w) float32, log-encoded.
        visible: (h, w) bool.
    """

    grey: Array
    visible: Mask

    @cached_property
    def levels(self) -> list[tuple[Array, Array]]:
        """Finest first: (grey, weight); the weight is 1 only where every pixel below was visible."""
        grey, weight = self.grey, self.visible.astype(np.float32)
        found = [(cv2.GaussianBlur(grey, (0, 0), 0.7), cv2.erode(weight, np.ones((3, 3), np.uint8)))]
        for _ in range(LEVELS - 1):
            if min(grey.shape) < 24:
                break
            size = (grey.shape[1] // 2, grey.shape[0] // 2)
            # A normalised average: what is hidden must not bleed into its neighbours' coarse pixels.
            mean = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
            grey = cv2.resize(grey * weight, size, interpolation=cv2.INTER_AREA) / np.maximum(mean, 1e-6)
            weight = (mean > 0.6).astype(np.float32)
            found.append((grey, weight))
        return found

    @cached_property
    def slopes(self) -> list[Array]:
        """How steep each level is, (h, w) each: the size of its gradient."""
        return [np.hypot(*gradient(grey)) for grey, _ in self.levels]


def gradient(image: Array) -> tuple[Array, Array]:
    """Central differences per pixel."""
    kernel = np.array([[-0.5, 0, 0.5]], np.float32)
    return cv2.filter2D(image, -1, kernel), cv2.filter2D(image, -1, kernel.T)


def median(values: Array) -> float:
    """Of a thinned sample: the exact median of a hundred thousand pixels is not worth its time."""
    few = values[:: max(1, values.size // 4096)]
    below, above = (few.size - 1) // 2, few.size // 2
    # `np.median` takes twice as long for so few.
    ranked = np.partition(few, (below, above))
    return 0.5 * (float(ranked[below]) + float(ranked[above]))
