"""Photometric registration: a homography between two proxies, refined to a fraction of a pixel.

The learned estimator (`network.homography`) sees the whole picture and finds its way over long distances. This module
takes its answer, or any other starting point, and refines it: Gauss-Newton on the eight parameters plus a gain and an
offset of light, coarse to fine, with Geman-McClure weights that fade what does not follow the plane (moving foreground,
parallax). Hidden pixels of either frame never count.

Convention: homographies as in `Homography`. Images are log-encoded greys of about 0 .. 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from aan_engine.core.homography import Homography
from aan_engine.core.robust import MAD_TO_SIGMA, TUNING, gauss_newton_step, geman_mcclure
from aan_engine.core.types import Array
from aan_engine.registration.overlap_score import inlier_share, precision, significance
from aan_engine.registration.pyramid import Pyramid, gradient, sampled_median

SAMPLES = 16_000
"""Pixels per level that enter the normal equations: more change the answer by less than a hundredth of a pixel."""

ROUNDS_COARSE, ROUNDS_FINEST = 8, 3
"""Gauss-Newton rounds per level; the finest level starts within a fraction of a pixel."""

FEWEST = 40
"""Samples below which a level leaves the homography as it is."""

LEAST_SPREAD = 0.008
"""Residual, log range, that grain makes: weights are never tighter than this."""

CONVERGED = 0.01
"""A step that moves no parameter by more than this, in pixels, is the last one."""


@dataclass(frozen=True)
class Registration:
    """A refined homography and its scores, see `overlap_score`.

    Args:
        homography: target -> reference.
        inlier_share: 0 .. 1, the share of the textured overlap that follows it.
        significance: 0 .. 1, how much of what chance leaves unexplained it explains.
    """

    homography: Homography
    inlier_share: float
    significance: float

    @classmethod
    def of(cls, target: Pyramid, reference: Pyramid, *, homography: Homography, inliers: float) -> Registration:
        """A homography whose inlier share is known, with its significance."""
        proof = significance(target, reference, homography=homography, inliers=inliers)
        return cls(homography, inliers, proof)


def refine_homography(target: Pyramid, reference: Pyramid, *, start: Homography, coarse: bool = True) -> Registration:
    """Refine `start` until the reference, warped by it, agrees with the target.

    Args:
        target, reference: proxies of one size.
        start: first guess, at the proxies' full resolution, as the result.
        coarse: False skips the coarsest levels, for a start that is within a pixel or two.

    Returns:
        The better of `start` and what it was refined to, by inlier share.
    """
    start = H = start.normalised()
    levels = list(zip(target.levels, reference.levels, strict=True))
    if not coarse:
        levels = levels[:2]
    for depth in range(len(levels) - 1, -1, -1):
        (T, mt), (R, mr) = levels[depth]
        scale = Homography.level_scale(T.shape, target.grey.shape)
        rounds = ROUNDS_FINEST if depth == 0 else ROUNDS_COARSE
        H = _refined_on_level(T, mt, R, mr, H.at(scale), rounds=rounds).back_from(scale).normalised()
    before, after = (inlier_share(target, reference, homography=each) for each in (start, H))
    best, inliers = (H, after) if after >= before else (start, before)
    return Registration.of(target, reference, homography=best, inliers=inliers)


def prefer_static(*pictures: tuple[Pyramid, Pyramid], found: Registration) -> Registration:
    """`found`, or the identity where that is at least as precise: a camera on a tripod.

    What moves before such a camera draws a fit along, while most of the background still passes for inliers.

    Args:
        pictures: the two frames as they are, and with their light flattened: each homography counts by its best
            precision, as a lamp blurs the one picture and a hole's edge the other.
    """

    def best_precision(homography: Homography) -> float:
        return max(precision(*each, homography=homography) for each in pictures)

    static = Homography.identity()
    if best_precision(static) < best_precision(found.homography):
        return found
    target, reference = pictures[0]
    inliers = inlier_share(target, reference, homography=static)
    return Registration.of(target, reference, homography=static, inliers=inliers)


def _refined_on_level(T: Array, mt: Array, R: Array, mr: Array, H: Homography, *, rounds: int) -> Homography:
    """Gauss-Newton on one level: greys (h, w) of target and reference, their visibility 0 or 1, and the start there."""
    h, w = T.shape
    # Every pixel is warped, but a thinned grid of them is enough for ten unknowns.
    thin = max(1, round((T.size / SAMPLES) ** 0.5))
    y, x = np.mgrid[:h:thin, :w:thin].astype(np.float32)
    # Centred, scaled coordinates keep the normal equations well conditioned.
    s = 2.0 / max(h, w)
    x, y = (x - (w - 1) / 2) * s, (y - (h - 1) / 2) * s
    centring = Homography(np.array([[s, 0, -(w - 1) / 2 * s], [0, s, -(h - 1) / 2 * s], [0, 0, 1]], np.float64))
    counted, aim = mt[::thin, ::thin] > 0, T[::thin, ::thin]
    for _ in range(rounds):
        warped, both = H.warp_with_mask(R, mr, T.shape)
        keep = counted & (both[::thin, ::thin] > 0)
        if keep.sum() < FEWEST:
            return H
        gx, gy = gradient(warped)
        gx, gy = gx[::thin, ::thin][keep] / s, gy[::thin, ::thin][keep] / s
        px, py, value = x[keep], y[keep], warped[::thin, ::thin][keep]
        residual = value - aim[keep]
        along = gx * px + gy * py
        # d(warped(D x)) / d(D) of a small homography D = I + delta that is applied before H (compositional update), and
        # of a gain and an offset of light.
        J = np.stack([gx * px, gx * py, gx, gy * px, gy * py, gy, -px * along, -py * along, value, np.ones_like(value)])
        centre = sampled_median(residual)
        spread = max(MAD_TO_SIGMA * sampled_median(np.abs(residual - centre)), LEAST_SPREAD)
        weight = geman_mcclure(residual - centre, TUNING * spread)
        # The two projective parameters and the light are held back: little in the picture determines them.
        step = gauss_newton_step(J, residual, weight, damping=1e-4, floor=1e-6, damped=slice(6, None))
        delta = np.array(
            [[1 + step[0], step[1], step[2]], [step[3], 1 + step[4], step[5]], [step[6], step[7], 1.0]], np.float64
        )
        H = (H @ (centring.inverse() @ Homography(delta) @ centring)).normalised()
        if not np.isfinite(H.matrix).all():
            return Homography.identity()
        if np.abs(step[:8]).max() / s < CONVERGED:
            break
    return H
