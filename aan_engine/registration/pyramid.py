"""Pyramids: the grey pictures that registration compares, halved again and again.

Images are log-encoded greys of about 0 .. 1. A pyramid is built once per frame and used by every pair of frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from aan_engine.core.types import Array, Mask

LEVELS = 4
"""Levels: a 432 x 240 proxy is first seen at 54 x 30. Motions of some 8 pixels at that size are within reach."""

SMALLEST = 24
"""A level whose shorter side is below this is not halved again."""

WHOLLY_SHOWN = 0.6
"""Share of the four pixels below that must be visible for a coarse pixel to count."""


@dataclass(frozen=True, eq=False)
class Pyramid:
    """One proxy's grey image and visibility.

    Args:
        grey: (h, w) float32, log-encoded.
        visible: (h, w) bool.
    """

    grey: Array
    visible: Mask

    @cached_property
    def levels(self) -> list[tuple[Array, Array]]:
        """Finest first: (grey, weight), the weight 1 only where every pixel below was visible, else 0."""
        grey, weight = self.grey, self.visible.astype(np.float32)
        found = [(cv2.GaussianBlur(grey, (0, 0), 0.7), cv2.erode(weight, np.ones((3, 3), np.uint8)))]
        for _ in range(LEVELS - 1):
            if min(grey.shape) < SMALLEST:
                break
            size = (grey.shape[1] // 2, grey.shape[0] // 2)
            # A normalised average: hidden pixels must not bleed into their neighbours' coarse pixels.
            mean = cv2.resize(weight, size, interpolation=cv2.INTER_AREA)
            grey = cv2.resize(grey * weight, size, interpolation=cv2.INTER_AREA) / np.maximum(mean, 1e-6)
            weight = (mean > WHOLLY_SHOWN).astype(np.float32)
            found.append((grey, weight))
        return found

    @cached_property
    def gradient_sizes(self) -> list[Array]:
        """The size of each level's gradient, (h, w) each, per pixel."""
        return [np.hypot(*gradient(grey)) for grey, _ in self.levels]


def gradient(image: Array) -> tuple[Array, Array]:
    """Central differences (h, w) along x and along y, per pixel."""
    kernel = np.array([[-0.5, 0, 0.5]], np.float32)
    return cv2.filter2D(image, -1, kernel), cv2.filter2D(image, -1, kernel.T)


def sampled_median(values: Array) -> float:
    """The median of every so many-th of the values (n,), some 4096 of them: exact enough, and twenty times as fast."""
    few = values[:: max(1, values.size // 4096)]
    below, above = (few.size - 1) // 2, few.size // 2
    # `np.median` takes twice as long for so few.
    ranked = np.partition(few, (below, above))
    return 0.5 * (float(ranked[below]) + float(ranked[above]))
