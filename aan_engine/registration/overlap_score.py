"""Overlap scores: how well a homography lays one proxy on another, and whether that proves that both show one place.

Three figures for three questions: `inlier_share` (how much of the picture follows this homography), `precision` (which
of two homographies is the more exact one), `significance` (could this be chance). Hidden pixels of either frame never
count, and a change of light of the whole picture is taken out first.

Convention: homographies as in `Homography`. Images are log-encoded greys of about 0 .. 1, residuals differences of
these.
"""

from __future__ import annotations

import numpy as np

from aan_engine.core.homography import Homography
from aan_engine.registration.pyramid import Pyramid, sampled_median

TOLERANCE = 0.04
"""Residual up to which a pixel of a flat place is an inlier: about a tenth of a stop."""

EXACT = 0.01
"""Residual at which a pixel counts half in `precision`."""

THINNED = 2
"""`precision` compares one of so many rows and columns: they say as much as all of them."""

FLAT = 0.012
"""Gradient per pixel under which a place says nothing about alignment: about what grain does."""

LEAST_OVERLAP = 0.1
"""Share of the frame that both must show for full inlier share: a good fit over a sliver proves little."""

FEWEST = 32
"""Pixels in common below which no score is given."""

MOST_CHANCE = 0.9
"""Inlier share that chance is taken to reach at most: a picture flat as a wall would leave no significance at all."""


def inlier_share(target: Pyramid, reference: Pyramid, *, homography: Homography) -> float:
    """The share of textured, mutually visible pixels that are inliers of `homography`, 0 .. 1.

    Judged at half resolution, after a common offset of light is taken out: a pixel is an inlier if its residual is less
    than half a pixel of misalignment would make there. Little overlap lowers the answer.
    """
    return _inlier_share(target, reference, homography=homography, displaced=False)


def precision(target: Pyramid, reference: Pyramid, *, homography: Homography) -> float:
    """How exactly `homography` lays one proxy's texture on the other's, 0 .. 1: tells a good fit from the best.

    `inlier_share` forgives half a pixel; this does not. It compares homographies of one pair only: grain and change of
    light lower it for all of them alike.
    """
    T, mt, size = (plane[::THINNED, ::THINNED] for plane in (*target.levels[0], target.gradient_sizes[0]))
    thinned = Homography(homography.matrix @ np.diag([THINNED, THINNED, 1.0]))
    warped, both = thinned.warp_with_mask(*reference.levels[0], T.shape)
    both = both * mt
    if both.sum() < FEWEST:
        return 0.0
    residual = warped - T
    residual -= sampled_median(residual[both > 0])
    weight = np.minimum(size / FLAT, 1.0)
    return float((weight * both / (1 + (residual / EXACT) ** 2)).sum() / max(float((weight * mt).sum()), 1.0))


def significance(target: Pyramid, reference: Pyramid, *, homography: Homography, inliers: float) -> float:
    """How much of what chance leaves unexplained the homography explains, 0 .. 1; `inliers` is its inlier share.

    Chance is what the same pictures reach when the warped one is displaced by a third of the frame: two frames of
    different places have no significance, however rich in texture they are.
    """
    chance = min(_inlier_share(target, reference, homography=homography, displaced=True), MOST_CHANCE)
    return max(0.0, (inliers - chance) / (1 - chance))


def _inlier_share(target: Pyramid, reference: Pyramid, *, homography: Homography, displaced: bool) -> float:
    level = min(1, len(target.levels) - 1)
    (T, mt), (R, mr) = target.levels[level], reference.levels[level]
    local = homography.at(Homography.level_scale(T.shape, target.grey.shape))
    warped, both = local.warp_with_mask(R, mr, T.shape)
    if displaced:
        by = (T.shape[0] // 3, T.shape[1] // 3)
        warped, both = np.roll(warped, by, (0, 1)), np.roll(both, by, (0, 1))
    both = both * mt
    count = float(both.sum())
    if count < FEWEST:
        return 0.0
    offset = sampled_median((warped - T)[both > 0])
    residual = np.abs(warped - T - offset)
    texture = target.gradient_sizes[level]
    inlier = residual < TOLERANCE * 0.5 + 0.5 * texture
    weight = both * np.minimum(texture / FLAT, 1.0)
    if weight.sum() < FEWEST / 2:
        # A flat picture: any alignment serves, so plain agreement is the answer.
        return float((both * (residual < TOLERANCE)).sum() / count)
    share = float((weight * inlier).sum() / weight.sum())
    return share * min(1.0, count / (LEAST_OVERLAP * T.size))
