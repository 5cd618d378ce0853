"""Movers: what moves against the camera, and how it goes on where a hole hides it.

All motions here are residuals: what is left of a motion once the camera's has been taken out.

Convention: a residual is (h, w, 2) float32, (x, y) in proxy pixels from a target's pixel on; pixel centres at integers,
origin top-left, y down.
"""

from __future__ import annotations

import cv2
import numpy as np

from aan_engine.core.harmonic import harmonic_fill
from aan_engine.core.types import Array, Mask

FAST = 3.0
"""Pixels by which what crosses a narrow hole moves against the camera, so that the flow across it is believed."""

NARROW = 17
"""Width in pixels under which a hole is narrow: what its rim shows goes on within it, as a wire's does."""

MOVES = 1.0
"""Pixels by which something must move against the camera to lead what is hidden beside it."""

LED = 0.25
"""Share of a hidden pixel's surroundings that must move, for it to be led by them."""

COARSE = 4
"""One movement is fitted at this fraction of the proxy's size: it is smooth."""

REACHES = (6.0, 14.0, 40.0)
"""Pixels within which a movement is fitted: the nearest surroundings that show enough of it, else wider ones."""

ENOUGH = 0.015
"""Share of those surroundings that is enough."""

STIFF = 0.1
"""How much a movement rather shifts than turns or grows, beside what its surroundings' extent tells of that."""


def thin_parts(hidden: Mask) -> Mask:
    """(h, w) the parts of what is hidden that are narrower than `NARROW`."""
    square = np.ones((NARROW, NARROW), np.uint8)
    wide = cv2.morphologyEx(hidden.astype(np.uint8), cv2.MORPH_OPEN, square, borderType=cv2.BORDER_REPLICATE)
    return hidden & (wide == 0)


def fast_behind_thin(around: Array, found: Array, *, thin: Mask) -> Array:
    """The motion `around` holes, and in narrow ones the one `found` across them of what moves fast: (h, w, 2) each.

    Nothing slower is believed: a bridge is a smear that fine detail slides over, and the wire's own way shows in it.
    """
    fast = (np.hypot(found[..., 0], found[..., 1]) > FAST).astype(np.uint8)
    fast = cv2.morphologyEx(fast, cv2.MORPH_CLOSE, np.ones((5, 5), np.uint8))
    return np.where(((fast > 0) & thin)[..., None], found, around)


def extend_foreground(around: Array, residual: Array, *, sure: Array) -> Array:
    """The motion `around` holes (h, w, 2), and near something that moves its own, as if it went on into the hole.

    Between an actor's motion and the background's, stillness, there is none that anything has. What is hidden beside an
    actor is therefore given the actor's, shifted, turned and grown as its visible part is; the background's is proposed
    anyway, by the camera.

    Args:
        residual: (h, w, 2), where it was measured.
        sure: (h, w) 0 or 1, where that may be relied on.
    """
    moving = sure * (np.hypot(residual[..., 0], residual[..., 1]) > MOVES)
    if not moving.any():
        return around
    share = harmonic_fill(moving[..., None].astype(np.float32), sure)[..., 0]
    taken = (share > LED) & (sure == 0)
    if not taken.any():
        return around
    own, fitted = _moving_least_squares(residual, moving.astype(np.float32))
    return np.where((taken & fitted)[..., None], own, around)


def _moving_least_squares(residual: Array, weight: Array) -> tuple[Array, Mask]:
    """The residual where `weight` (h, w) lets it speak, extended by local affine fits: (h, w, 2), and where it reaches.

    Moving least squares: around each pixel, a motion and its slopes fitted to what speaks within a Gaussian window.
    """
    h, w = weight.shape

    def small(values: Array) -> Array:
        return cv2.resize(values, (max(1, w // COARSE), max(1, h // COARSE)), interpolation=cv2.INTER_AREA)

    said, pull = small(weight), small(residual * weight[..., None])
    y, x = np.mgrid[:h, :w].astype(np.float32)
    place = small(np.stack([x - np.float32(w / 2), y - np.float32(h / 2)], -1))
    found, reached = np.zeros_like(pull), np.zeros(said.shape, bool)
    for reach in REACHES:
        value, speaking = _fit(place, pull, said, reach=reach)
        fresh = ~reached & (speaking > (ENOUGH if reach < REACHES[-1] else 1e-4))
        found[fresh] = value[fresh]
        reached |= fresh
    whole = cv2.resize(found, (w, h), interpolation=cv2.INTER_LINEAR)
    return whole, cv2.resize(reached.astype(np.uint8), (w, h), interpolation=cv2.INTER_NEAREST) > 0


def _fit(place: Array, pull: Array, weight: Array, *, reach: float) -> tuple[Array, Array]:
    """The affine fit around each place, as it is there: (h, w, 2), and how much spoke for it, (h, w); proxy pixels.

    Args:
        place: (h, w, 2); pull: (h, w, 2) motion times weight; weight: (h, w).
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
    a, b, d = extent[..., 0, 0] + STIFF * reach**2, extent[..., 0, 1], extent[..., 1, 1] + STIFF * reach**2
    x, y = np.moveaxis(place - middle, -1, 0)
    # The offset from the middle, solved against the (symmetric) extent: how much of each axis' drift it asks for.
    share = np.stack([d * x - b * y, a * y - b * x], -1) / (a * d - b * b)[..., None]
    return mean + (share[..., None, :] @ drift)[..., 0, :], sums[..., 0]
