"""Pairs of made pictures that lie too far apart for registration alone, for tests of block matching and recovery."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.homography import Homography
from aan_engine.registration.pyramid import Pyramid
from tests.engine.synthetic import PLACED, SIZE, seen_through, textured, whole

FAR = Homography(np.array([[1.06, -0.05, 60.0], [0.07, 0.96, 20.0], [2e-4, -1e-4, 1]], np.float64))
BETWEEN = FAR.inverse() @ PLACED
"""Moves corners by some twenty pixels: a tenth of the frame, far beyond registration's own reach."""


def holed_pair(seed: int) -> tuple[Pyramid, Pyramid]:
    """`BETWEEN` apart, with holes in both and a change of exposure."""
    one, two = seen_through(textured(seed), PLACED), seen_through(textured(seed), FAR) * 0.9 + 0.08
    visible = _holed(seed), _holed(seed + 50)
    one[~visible[0]], two[~visible[1]] = 0, 3
    return Pyramid(one, visible[0]), Pyramid(two, visible[1])


def _holed(seed: int) -> NDArray[np.bool_]:
    visible = whole()
    rng = np.random.default_rng(seed)
    for top, left in zip(rng.integers(0, 90, 4), rng.integers(0, 170, 4), strict=True):
        visible[top : top + 26, left : left + 34] = False
    return visible


def with_foreground(
    seed: int, *, share: float, foreground: int, background: tuple[int, int]
) -> tuple[Pyramid, Pyramid]:
    """Two layers that move apart: the left `share` of the target, in front, and what lies behind it.

    Args:
        foreground: pixels by which the layer in front moves to the right.
        background: (x, y) pixels from a target pixel of the background to the same one in the reference.
    """
    two = seen_through(textured(seed), PLACED @ Homography.translation(*background).inverse())
    one = seen_through(textured(seed), PLACED)
    front, width = textured(seed + 100)[20 : 20 + SIZE[0]], round(share * SIZE[1])
    one[:, :width] = front[:, 30 : 30 + width]
    two[:, : width + foreground] = front[:, 30 - foreground : 30 + width]
    return Pyramid(one, whole()), Pyramid(two, whole())
