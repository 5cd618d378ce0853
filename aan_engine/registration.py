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
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.motion import Array, Mask

LEVELS = 4
"""Pyramid levels: a 432 x 240 proxy is first seen at 54 x 30."""

TOLERANCE = 0.04
"""Residual, in log range, up to which a pixel counts as explained: about a tenth of a stop."""

EXACT = 0.01
"""Residual, in log range, at which a pixel half counts as exactly in its place."""

SAMPLES = 16_000
"""Pixels per level that enter the normal equations."""

FLAT = 0.012
"""Mean gradient per pixel under which a place says nothing about alignment."""


@dataclass(frozen=True)
class Registered:
    """A refined homography and what speaks for it.

    Args:
        homography: (3, 3) float64, target pixel -> reference pixel.
        trust: 0 .. 1, the share of the textured overlap that it explains, damped where little overlaps.
        kinship: 0 .. 1, how much of what chance leaves unexplained it explains: two frames of different places have
            none, however rich in texture they are.
    """

    homography: NDArray[np.float64]
    trust: float
    kinship: float


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


def refine(target: Pyramid, reference: Pyramid, *, start: NDArray[np.float64], coarse: bool = True) -> Registered:
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
        scale = scaling(T.shape, target.grey.shape)
        local = scale @ H @ np.linalg.inv(scale)
        rounds = 3 if depth == 0 else 8
        local = _gauss_newton(T, mt, R, mr, local, rounds=rounds)
        H = np.linalg.inv(scale) @ local @ scale
        H /= H[2, 2]
    before, after = trust(target, reference, homography=start), trust(target, reference, homography=H)
    best, certainty = (H, after) if after >= before else (start / start[2, 2], before)
    return Registered(best, certainty, _kinship(target, reference, homography=best, trust=certainty))


def trust(target: Pyramid, reference: Pyramid, *, homography: NDArray[np.float64]) -> float:
    """The share of textured, mutually visible pixels that `homography` explains, 0 .. 1.

    Judged at half resolution after taking a gain and an offset of light out. Less than a tenth of the frame in
    common damps the answer: a good fit over a sliver proves little.
    """
    return _explained(target, reference, homography=homography, slip=False)


def unmoved(*pictures: tuple[Pyramid, Pyramid], found: Registered) -> Registered:
    """`found`, or the identity where that lays the pictures at least as sharply on each other: a camera on a tripod.

    What moves before such a camera draws a fit along, and most of the background still passes for explained.

    Args:
        pictures: the two frames as they are, and in other ways of looking at them (light evened out): to each answer
            its sharpest counts, as a lamp blurs the one and a hole's rim the other.
    """

    def sharpest(homography: NDArray[np.float64]) -> float:
        return max(sharpness(*each, homography=homography) for each in pictures)

    still = np.eye(3)
    if sharpest(still) < sharpest(found.homography):
        return found
    target, reference = pictures[0]
    certainty = trust(target, reference, homography=still)
    return Registered(still, certainty, _kinship(target, reference, homography=still, trust=certainty))


def sharpness(target: Pyramid, reference: Pyramid, *, homography: NDArray[np.float64]) -> float:
    """How exactly `homography` lays one proxy's texture on the other's, 0 .. 1: what tells a good fit from the best.

    `trust` forgives half a pixel; this does not. It compares answers to one question only: grain and change of light
    lower it for all of them.
    """
    (T, mt), (R, mr) = target.levels[0], reference.levels[0]
    warped, both = warp(R, mr, homography, T.shape)
    both = both * mt
    if both.sum() < 32:
        return 0.0
    residual = warped - T
    residual -= _median(residual[both > 0])
    weight = np.minimum(np.hypot(*_gradient(T)) / FLAT, 1.0)
    return float((weight * both / (1 + (residual / EXACT) ** 2)).sum() / max(float((weight * mt).sum()), 1.0))


def _kinship(target: Pyramid, reference: Pyramid, *, homography: NDArray[np.float64], trust: float) -> float:
    """Trust beyond what the same pictures reach when one is slipped by a third of the frame, which proves nothing."""
    chance = min(_explained(target, reference, homography=homography, slip=True), 0.9)
    return max(0.0, (trust - chance) / (1 - chance))


def _explained(target: Pyramid, reference: Pyramid, *, homography: NDArray[np.float64], slip: bool) -> float:
    level = min(1, len(target.levels) - 1)
    (T, mt), (R, mr) = target.levels[level], reference.levels[level]
    scale = scaling(T.shape, target.grey.shape)
    warped, both = warp(R, mr, scale @ homography @ np.linalg.inv(scale), T.shape)
    if slip:
        by = (T.shape[0] // 3, T.shape[1] // 3)
        warped, both = np.roll(warped, by, (0, 1)), np.roll(both, by, (0, 1))
    both = both * mt
    count = float(both.sum())
    if count < 32:
        return 0.0
    offset = _median((warped - T)[both > 0])
    residual = np.abs(warped - T - offset)
    gx, gy = _gradient(T)
    texture = np.hypot(gx, gy)
    # Residuals are judged against what half a pixel of misalignment would cost at that place.
    explained = residual < TOLERANCE * 0.5 + 0.5 * texture
    weight = both * np.minimum(texture / FLAT, 1.0)
    if weight.sum() < 16:
        # A flat picture: any alignment serves, so the plain agreement is the answer.
        return float((both * (residual < TOLERANCE)).sum() / count)
    share = float((weight * explained).sum() / weight.sum())
    return share * min(1.0, count / (0.1 * T.size))


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
        warped, both = warp(R, mr, H, T.shape)
        keep = counted & (both[::thin, ::thin] > 0)
        if keep.sum() < 40:
            return H
        gx, gy = _gradient(warped)
        gx, gy = gx[::thin, ::thin][keep] / s, gy[::thin, ::thin][keep] / s
        px, py, value = x[keep], y[keep], warped[::thin, ::thin][keep]
        residual = value - aim[keep]
        along = gx * px + gy * py
        # d(warped(D x))/d(D) for a small homography D = I + delta applied before H (compositional update).
        J = np.stack([gx * px, gx * py, gx, gy * px, gy * py, gy, -px * along, -py * along, value, np.ones_like(value)])
        centre = _median(residual)
        spread = max(1.48 * _median(np.abs(residual - centre)), 0.008)
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


def warp(R: Array, mr: Array, H: NDArray[np.float64], shape: tuple[int, ...]) -> tuple[Array, Array]:
    """The reference seen from the target, and where that is wholly visible."""
    size = (shape[1], shape[0])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(R, H, size, flags=flags, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.warpPerspective(mr, H, size, flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=0)
    return warped, (seen > 0.999).astype(np.float32)


def _gradient(image: Array) -> tuple[Array, Array]:
    """Central differences per pixel."""
    kernel = np.array([[-0.5, 0, 0.5]], np.float32)
    return cv2.filter2D(image, -1, kernel), cv2.filter2D(image, -1, kernel.T)


def _median(values: Array) -> float:
    """Of a thinned sample: the exact median of a hundred thousand pixels is not worth its time."""
    return float(np.median(values[:: max(1, values.size // 4096)]))


def scaling(small: tuple[int, ...], large: tuple[int, ...]) -> NDArray[np.float64]:
    """Full-resolution pixel centres -> level pixel centres."""
    sy, sx = small[0] / large[0], small[1] / large[1]
    return np.array([[sx, 0, 0.5 * sx - 0.5], [0, sy, 0.5 * sy - 0.5], [0, 0, 1]], np.float64)
