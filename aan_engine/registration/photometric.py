"""Registration: the homography between two proxies, refined to sub-pixel, and how far it can be trusted.

The learned estimator (`network.homography`) sees the whole picture and finds its way over long distances; this
room takes its answer, or any other starting point, and polishes it photometrically: Gauss-Newton on the eight
parameters plus a gain and an offset of light, coarse to fine, with weights that fade what does not follow the
plane (moving foreground, parallax). Hidden pixels of either frame never count.

Convention: a homography H maps target pixel centres to reference pixel centres, (x', y', w') = H (x, y, 1),
integer coordinates at pixel centres, origin top-left, y down. Images are log-encoded greys of about 0 .. 1.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.homography import level_scaling, warp_with_mask
from aan_engine.core.types import Array
from aan_engine.registration.overlap_score import inlier_share, precision, significance
from aan_engine.registration.pyramid import Pyramid, gradient, median

SAMPLES = 16_000
"""Pixels per level that enter the normal equations."""


@dataclass(frozen=True)
class Registration:
    """A refined homography and what speaks for it.

    Args:
        homography: (3, 3) float64, target pixel -> reference pixel.
        trust: 0 .. 1, the share of the textured overlap that it explains, damped where little overlaps.
        kinship: 0 .. 1, how much of what chance leaves unexplained it explains: two frames of different places have
            none, however rich in texture they are.
    """

    homography: NDArray[np.float64]
    inlier_share: float
    significance: float


def refine_homography(
    target: Pyramid, reference: Pyramid, *, start: NDArray[np.float64], coarse: bool = True
) -> Registration:
    """Polish `start` until the reference, warped by it, agrees with the target.

    Convention: see the module. `start` and the result are at the proxies' full resolution.

    Args:
        target, reference: proxies of one size.
        start: (3, 3) first guess.
        coarse: False skips the coarsest levels, for a start that is already within a pixel or two.

    Returns:
        The best homography met on the way (never worse than `start` by its own measure), and its trust.
    """
    H = start / start[2, 2]
    levels = list(zip(target.levels, reference.levels, strict=True))
    if not coarse:
        levels = levels[:2]
    for depth in range(len(levels) - 1, -1, -1):
        (T, mt), (R, mr) = levels[depth]
        scale = level_scaling(T.shape, target.grey.shape)
        local = scale @ H @ np.linalg.inv(scale)
        rounds = 3 if depth == 0 else 8
        local = _gauss_newton(T, mt, R, mr, local, rounds=rounds)
        H = np.linalg.inv(scale) @ local @ scale
        H /= H[2, 2]
    before, after = inlier_share(target, reference, homography=start), inlier_share(target, reference, homography=H)
    best, certainty = (H, after) if after >= before else (start / start[2, 2], before)
    return Registration(best, certainty, significance(target, reference, homography=best, inlier_share=certainty))


def prefer_static(*pictures: tuple[Pyramid, Pyramid], found: Registration) -> Registration:
    """`found`, or the identity where that lays the pictures at least as sharply on each other: a camera on a tripod.

    What moves before such a camera draws a fit along, and most of the background still passes for explained.

    Args:
        pictures: the two frames as they are, and in other ways of looking at them (light evened out): to each answer
            its sharpest counts, as a lamp blurs the one and a hole's rim the other.
    """

    def sharpest(homography: NDArray[np.float64]) -> float:
        return max(precision(*each, homography=homography) for each in pictures)

    still = np.eye(3)
    if sharpest(still) < sharpest(found.homography):
        return found
    target, reference = pictures[0]
    certainty = inlier_share(target, reference, homography=still)
    return Registration(still, certainty, significance(target, reference, homography=still, inlier_share=certainty))


def _gauss_newton(
    T: Array, mt: Array, R: Array, mr: Array, H: NDArray[np.float64], *, rounds: int
) -> NDArray[np.float64]:
    h, w = T.shape
    # Every pixel is warped, but a thinned grid of them is enough for ten unknowns.
    thin = max(1, round((T.size / SAMPLES) ** 0.5))
    y, x = np.mgrid[:h:thin, :w:thin].astype(np.float32)
    # Centred, scaled coordinates keep the normal equations well conditioned.
    s = 2.0 / max(h, w)
    x, y = (x - (w - 1) / 2) * s, (y - (h - 1) / 2) * s
    norm = np.array([[s, 0, -(w - 1) / 2 * s], [0, s, -(h - 1) / 2 * s], [0, 0, 1]], np.float64)
    back = np.linalg.inv(norm)
    counted, aim = mt[::thin, ::thin] > 0, T[::thin, ::thin]
    for _ in range(rounds):
        warped, both = warp_with_mask(R, mr, H, T.shape)
        keep = counted & (both[::thin, ::thin] > 0)
        if keep.sum() < 40:
            return H
        gx, gy = gradient(warped)
        gx, gy = gx[::thin, ::thin][keep] / s, gy[::thin, ::thin][keep] / s
        px, py, value = x[keep], y[keep], warped[::thin, ::thin][keep]
        residual = value - aim[keep]
        along = gx * px + gy * py
        # d(warped(D x))/d(D) for a small homography D = I + delta applied before H (compositional update).
        J = np.stack([gx * px, gx * py, gx, gy * px, gy * py, gy, -px * along, -py * along, value, np.ones_like(value)])
        centre = median(residual)
        spread = max(1.48 * median(np.abs(residual - centre)), 0.008)
        # Geman-McClure: what is far off (foreground, shadow) fades to nothing.
        weight = 1.0 / (1.0 + ((residual - centre) / (2.5 * spread)) ** 2) ** 2
        Jw = J * weight
        A = (Jw @ J.T).astype(np.float64)
        A[np.diag_indices(10)] += 1e-4 * np.trace(A) / 10 * np.array([0, 0, 0, 0, 0, 0, 1, 1, 1, 1]) + 1e-6
        step = np.linalg.solve(A, -(Jw @ residual).astype(np.float64))
        delta = np.array(
            [[1 + step[0], step[1], step[2]], [step[3], 1 + step[4], step[5]], [step[6], step[7], 1.0]], np.float64
        )
        H = H @ (back @ delta @ norm)
        H = H / H[2, 2]
        if not np.isfinite(H).all():
            return np.eye(3)
        if np.abs(step[:8]).max() / s < 0.01:
            break
    return H
