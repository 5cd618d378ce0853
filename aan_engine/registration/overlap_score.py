"""Likeness: how well a homography lays one proxy on another, and what that proves.

Hidden pixels of either frame never count, and light that changes as a whole is no difference.

Convention: a homography H maps target pixel centres to reference pixel centres, (x', y', w') = H (x, y, 1),
integer coordinates at pixel centres, origin top-left, y down. Images are log-encoded greys of about 0 .. 1.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.homography import level_scaling, warp_with_mask
from aan_engine.registration.pyramid import Pyramid, median

TOLERANCE = 0.04
"""Residual, in log range, up to which a pixel counts as explained: about a tenth of a stop."""

EXACT = 0.01
"""Residual, in log range, at which a pixel half counts as exactly in its place."""

EVERY = 2
"""Of so many rows and columns one is compared exactly."""

FLAT = 0.012
"""Mean gradient per pixel under which a place says nothing about alignment."""


def inlier_share(target: Pyramid, reference: Pyramid, *, homography: NDArray[np.float64]) -> float:
    """The share of textured, mutually visible pixels that `homography` explains, 0 .. 1.

    Judged at half resolution after taking a gain and an offset of light out. Less than a tenth of the frame in
    common damps the answer: a good fit over a sliver proves little.
    """
    return _explained(target, reference, homography=homography, slip=False)


def precision(target: Pyramid, reference: Pyramid, *, homography: NDArray[np.float64]) -> float:
    """How exactly `homography` lays one proxy's texture on the other's, 0 .. 1: what tells a good fit from the best.

    `trust` forgives half a pixel; this does not. It compares answers to one question only: grain and change of light
    lower it for all of them.
    """
    # Of the finest level, as exactness is asked for; of every other row and column, which say as much as all of them.
    T, mt, slope = (plane[::EVERY, ::EVERY] for plane in (*target.levels[0], target.slopes[0]))
    warped, both = warp_with_mask(*reference.levels[0], homography @ np.diag([EVERY, EVERY, 1.0]), T.shape)
    both = both * mt
    if both.sum() < 32:
        return 0.0
    residual = warped - T
    residual -= median(residual[both > 0])
    weight = np.minimum(slope / FLAT, 1.0)
    return float((weight * both / (1 + (residual / EXACT) ** 2)).sum() / max(float((weight * mt).sum()), 1.0))


def significance(target: Pyramid, reference: Pyramid, *, homography: NDArray[np.float64], inlier_share: float) -> float:
    """Trust beyond what the same pictures reach when one is slipped by a third of the frame, which proves nothing."""
    chance = min(_explained(target, reference, homography=homography, slip=True), 0.9)
    return max(0.0, (inlier_share - chance) / (1 - chance))


def _explained(target: Pyramid, reference: Pyramid, *, homography: NDArray[np.float64], slip: bool) -> float:
    level = min(1, len(target.levels) - 1)
    (T, mt), (R, mr) = target.levels[level], reference.levels[level]
    scale = level_scaling(T.shape, target.grey.shape)
    warped, both = warp_with_mask(R, mr, scale @ homography @ np.linalg.inv(scale), T.shape)
    if slip:
        by = (T.shape[0] // 3, T.shape[1] // 3)
        warped, both = np.roll(warped, by, (0, 1)), np.roll(both, by, (0, 1))
    both = both * mt
    count = float(both.sum())
    if count < 32:
        return 0.0
    offset = median((warped - T)[both > 0])
    residual = np.abs(warped - T - offset)
    texture = target.slopes[level]
    # Residuals are judged against what half a pixel of misalignment would cost at that place.
    explained = residual < TOLERANCE * 0.5 + 0.5 * texture
    weight = both * np.minimum(texture / FLAT, 1.0)
    if weight.sum() < 16:
        # A flat picture: any alignment serves, so the plain agreement is the answer.
        return float((both * (residual < TOLERANCE)).sum() / count)
    share = float((weight * explained).sum() / weight.sum())
    return share * min(1.0, count / (0.1 * T.size))
