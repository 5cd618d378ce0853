"""Foreground motion: what moves against the camera, and how it goes on where a hole hides it.

All motions here are residuals: what is left of a motion once the camera's homography has been taken out. The
background's residual is 0.

Convention: a residual is (h, w, 2) float32, (x, y) in proxy pixels from a target's pixel on; pixel centres at integers,
origin top-left, y down.
"""

from __future__ import annotations

import cv2
import numpy as np

from aan_engine.core.harmonic import harmonic_fill
from aan_engine.core.types import Array, Mask

FAST = 3.0
"""Pixels by which what crosses a thin hole must move against the camera for the flow across it to be believed."""

THIN = 17
"""Width in pixels under which a hole is thin, as a wire's is: what its edges show goes on within it."""

MOVES = 1.0
"""Pixels by which something must move against the camera to count as foreground."""

MOVING_SHARE = 0.25
"""Share of a hidden pixel's surroundings that must be foreground for the pixel to move with it."""

COARSE = 4
"""Foreground motion is fitted at this fraction of the proxy's size: it is smooth."""

REACHES = (6.0, 14.0, 40.0)
"""Standard deviations, in pixels, of the windows that a motion is fitted in: the first that holds enough of it."""

ENOUGH = 0.015
"""Share of a window that is enough."""

STIFFNESS = 0.1
"""How much a motion rather shifts than turns or grows, relative to the squared reach: a ridge on its slopes."""


def thin_parts(hidden: Mask) -> Mask:
    """(h, w) the hidden pixels that lie in parts narrower than `THIN` (morphological opening)."""
    square = np.ones((THIN, THIN), np.uint8)
    wide = cv2.morphologyEx(hidden.astype(np.uint8), cv2.MORPH_OPEN, square, borderType=cv2.BORDER_REPLICATE)
    return hidden & (wide == 0)


def fast_behind_thin(around: Array, across: Array, *, thin: Mask) -> Array:
    """The residual `around` holes, and in thin ones the one measured `across` them, where that is fast: (h, w, 2) each.

    Slower ones are not believed: a filled hole is a smear that fine detail slides over, and the wire's own motion shows
    in it.
    """
    fast = (np.hypot(across[..., 0], across[..., 1]) > FAST).astype(np.uint8)
    fast = cv2.morphologyEx(fast, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.where(((fast > 0) & thin)[..., None], across, around)


def extend_foreground(around: Array, residual: Array, *, certain: Array) -> Array:
    """The residual `around` holes (h, w, 2); beside moving foreground that foreground's motion, continued into the
    hole.

    Halfway between an actor's motion and the background's lies a motion that neither has. A pixel that is hidden beside
    an actor is therefore given the actor's motion, shifted, turned and grown as its visible part is. The background's
    motion is proposed anyway, by the camera.

    Args:
        residual: (h, w, 2), where it was measured.
        certain: (h, w) 0 or 1, where that may be relied on.
    """
    moving = certain * (np.hypot(residual[..., 0], residual[..., 1]) > MOVES)
    if not moving.any():
        return around
    share = harmonic_fill(moving[..., None].astype(np.float32), certain)[..., 0]
    taken = (share > MOVING_SHARE) & (certain == 0)
    if not taken.any():
        return around
    own, fitted = _moving_least_squares(residual, moving.astype(np.float32))
    return np.where((taken & fitted)[..., None], own, around)


def _moving_least_squares(residual: Array, weight: Array) -> tuple[Array, Mask]:
    """The residual where `weight` (h, w) is above 0, extended by local affine fits: (h, w, 2), and where it reaches.

    Around each pixel, a motion and its slopes are fitted to what lies within a Gaussian window.
    """
    h, w = weight.shape

    def small(values: Array) -> Array:
        return cv2.resize(values, (max(1, w // COARSE), max(1, h // COARSE)), interpolation=cv2.INTER_AREA)

    said, pull = small(weight), small(residual * weight[..., None])
    y, x = np.mgrid[:h, :w].astype(np.float32)
    place = small(np.stack([x - np.float32(w / 2), y - np.float32(h / 2)], -1))
    found, reached = np.zeros_like(pull), np.zeros(said.shape, bool)
    for reach in REACHES:
        value, known = _fit(place, pull, said, reach=reach)
        fresh = ~reached & (known > (ENOUGH if reach < REACHES[-1] else 1e-4))
        found[fresh] = value[fresh]
        reached |= fresh
    whole = cv2.resize(found, (w, h), interpolation=cv2.INTER_LINEAR)
    return whole, cv2.resize(reached.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST) > 0


def _fit(place: Array, pull: Array, weight: Array, *, reach: float) -> tuple[Array, Array]:
    """The value of the affine fit around each pixel: (h, w, 2), and the window's share of known motion, (h, w).

    Args:
        place: (h, w, 2) positions; pull: (h, w, 2) motion times weight; weight: (h, w); all in proxy pixels.
    """
    matrix = (*weight.shape, 2, 2)
    spread = (weight[..., None, None] * place[..., :, None] * place[..., None, :]).reshape(*weight.shape, 4)
    joint = (place[..., :, None] * pull[..., None, :]).reshape(*weight.shape, 4)
    terms = np.concatenate([weight[..., None], weight[..., None] * place, pull, spread, joint], -1)
    sums = cv2.GaussianBlur(terms, (0, 0), reach / COARSE)
    means = sums[..., 1:] / np.maximum(sums[..., :1], np.float32(1e-6))
    middle, mean = means[..., :2], means[..., 2:4]
    extent = means[..., 4:8].reshape(matrix) - middle[..., :, None] * middle[..., None, :]
    drift = means[..., 8:].reshape(matrix) - middle[..., :, None] * mean[..., None, :]
    a, b, d = extent[..., 0, 0] + STIFFNESS * reach**2, extent[..., 0, 1], extent[..., 1, 1] + STIFFNESS * reach**2
    x, y = np.moveaxis(place - middle, -1, 0)
    # The offset from the middle, solved against the symmetric 2 x 2 extent by Cramer's rule.
    share = np.stack([d * x - b * y, a * y - b * x], -1) / (a * d - b * b)[..., None]
    return mean + (share[..., None, :] @ drift)[..., 0, :], sums[..., 0]
