"""Seams: what was copied is joined to its surroundings in the gradient domain.

Inside the hole the picture's *differences* are those of the chosen candidates; at the hole's border the picture is
the plate itself. A screened Poisson equation reconciles the two: brightness steps between sources and at the border
dissolve over a few pixels, detail stays. Everything happens on the proxy; what comes out is a soft correction that
is added, in the log range, to full-resolution pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np

from aan_engine.motion import Array, Mask

HOLD = 0.004
"""How strongly the fill holds on to its own brightness: corrections fade over 1 / sqrt(HOLD), 16 proxy pixels."""

MISMATCH = 0.06
"""A step at the border well above this (log range) is no light change but a different thing: it is left alone."""

ROUNDS = 60

ENOUGH = 1e-3
"""The squared residual, relative to the first, at which the correction is as exact as an eye can tell."""


def correction(target: Array, hidden: Mask, *, images: Array, weights: Array) -> Array:
    """What to add to the weighted sum of candidates so that it meets the plate and itself without steps.

    Args:
        target: (h, w, 3) float32 log range, the plate's proxy; read where not hidden.
        hidden: (h, w) bool.
        images: (K, h, w, 3) the candidates, meaningful where their weight is above 0.
        weights: (K, h, w), summing to 1 in the hole; in the rim around it, how much each candidate may say there.

    Returns:
        (h, w, 3) float32: in the hole, and continued over the pixels right beside it, since between proxy pixels lie
        plate pixels that are hidden, too; 0 further outside.
    """
    blend = np.einsum("khw,khwc->hwc", weights, images)
    found = np.zeros_like(target)
    if not hidden.any():
        return found
    # Unknown: c = U - blend, so that the equation starts at 0 and most of it stays there.
    links = [_link(target, hidden, blend, images=images, weights=weights, axis=axis) for axis in (0, 1)]
    diagonal = np.full(hidden.shape, HOLD, np.float32)
    right = np.zeros_like(target)
    for axis, (strength, step) in enumerate(links):
        ahead, behind = _shifted(axis)
        diagonal[behind] += strength
        diagonal[ahead] += strength
        right[behind] += strength[..., None] * step
        right[ahead] -= strength[..., None] * step

    def apply(c: Array) -> Array:
        out = diagonal[..., None] * c
        for axis, (strength, _) in enumerate(links):
            ahead, behind = _shifted(axis)
            out[behind] -= strength[..., None] * c[ahead]
            out[ahead] -= strength[..., None] * c[behind]
        return np.where(hidden[..., None], out, 0)

    return _overlapping(_conjugate_gradient(apply, np.where(hidden[..., None], right, 0)), hidden)


def _overlapping(found: Array, hidden: Mask) -> Array:
    """`found`, 0 outside the hole, with the mean of the hidden neighbours right beside it."""
    share = cv2.blur(hidden.astype(np.float32), (3, 3))
    mean = cv2.blur(found, (3, 3)) / np.maximum(share, 1e-6)[..., None]
    return np.where(hidden[..., None], found, np.where(share[..., None] > 1e-3, mean, 0)).astype(np.float32)


def _link(
    target: Array, hidden: Mask, blend: Array, *, images: Array, weights: Array, axis: int
) -> tuple[Array, Array]:
    """Between each pixel p and its next neighbour q along `axis`: the link's strength, and the wanted c_p - c_q."""
    ahead, behind = _shifted(axis)
    p, q = (slice(None), *behind), (slice(None), *ahead)
    common = np.sqrt(weights[p] * weights[q])
    total = common.sum(0)
    # The candidates' own difference across the link, seen by those that speak at both ends.
    wanted = np.einsum("khw,khwc->hwc", common, images[p] - images[q]) / np.maximum(total, 1e-6)[..., None]
    hp, hq = hidden[behind], hidden[ahead]
    now_p = np.where(hp[..., None], blend[behind], target[behind])
    now_q = np.where(hq[..., None], blend[ahead], target[ahead])
    step = wanted - (now_p - now_q)
    strength = (hp | hq) * (total > 0.02)
    border = hp != hq
    size = np.abs(step).max(-1)
    strength = strength * np.where(border, 1.0 / (1.0 + (size / MISMATCH) ** 4), 1.0)
    return strength.astype(np.float32), step.astype(np.float32)


def _shifted(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Slices for (ahead, behind) along an axis of an (h, w, ...) array."""
    ahead, behind = slice(1, None), slice(None, -1)
    return ((ahead, slice(None)), (behind, slice(None))) if axis == 0 else ((slice(None), ahead), (slice(None), behind))


def _conjugate_gradient(apply: Callable[[Array], Array], right: Array) -> Array:
    x = np.zeros_like(right)
    r = right.copy()
    d = r.copy()
    old = float((r * r).sum())
    first = old
    for _ in range(ROUNDS):
        if old <= ENOUGH * first:
            break
        Ad = apply(d)
        alpha = old / max(float((d * Ad).sum()), 1e-20)
        x += alpha * d
        r -= alpha * Ad
        new = float((r * r).sum())
        d = r + (new / old) * d
        old = new
    return x
