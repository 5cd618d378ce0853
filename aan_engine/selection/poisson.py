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
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask

_Beside = tuple[NDArray[np.intp], Array]
"""For each hidden pixel its neighbour on one side, and how strongly the two are linked."""

HOLD = 0.004
"""How strongly the fill holds on to its own brightness: corrections fade over 1 / sqrt(HOLD), 16 proxy pixels."""

MISMATCH = 0.06
"""A step at the border well above this (log range) is no light change but a different thing: it is left alone."""

ROUNDS = 60

ENOUGH = 1e-3
"""The squared residual, relative to the first, at which the correction is as exact as an eye can tell."""


def poisson_correction(target: Array, hidden: Mask, *, images: Array, weights: Array) -> Array:
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
    found = np.zeros_like(target)
    if not hidden.any():
        return found
    # Unknown: c = U - blend on the n hidden pixels, so that the equation starts at 0 and most of it stays there. The
    # plate beside them is place n, where c is 0 and stays so.
    count = int(hidden.sum())
    place = np.full(hidden.shape, count, np.intp)
    place[hidden] = np.arange(count)
    diagonal = np.full(count + 1, HOLD, np.float32)
    right = np.zeros((count + 1, 3), np.float32)
    beside: list[_Beside] = []
    for axis in (0, 1):
        p, q, strength, step = _links(target, hidden, images=images, weights=weights, axis=axis)
        for here, there, pull in ((place.flat[p], place.flat[q], step), (place.flat[q], place.flat[p], -step)):
            # Each pixel has one neighbour on each side at most; what is pulled at place n is of no interest.
            diagonal[here] += strength
            right[here] += strength[:, None] * pull
            neighbour, held = np.full(count, count, np.intp), np.zeros(count, np.float32)
            known = here < count
            neighbour[here[known]], held[here[known]] = there[known], strength[known]
            beside.append((neighbour, held[:, None]))

    def apply(c: Array) -> Array:
        wide = np.concatenate([c, np.zeros((1, 3), np.float32)])
        out = diagonal[:count, None] * c
        for neighbour, held in beside:
            out -= held * wide.take(neighbour, 0)
        return out

    found[hidden] = _conjugate_gradient(apply, right[:count])
    return _overlapping(found, hidden)


def _overlapping(found: Array, hidden: Mask) -> Array:
    """`found`, 0 outside the hole, with the mean of the hidden neighbours right beside it."""
    share = cv2.blur(hidden.astype(np.float32), (3, 3))
    mean = cv2.blur(found, (3, 3)) / np.maximum(share, 1e-6)[..., None]
    return np.where(hidden[..., None], found, np.where(share[..., None] > 1e-3, mean, 0)).astype(np.float32)


def _links(
    target: Array, hidden: Mask, *, images: Array, weights: Array, axis: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array, Array]:
    """Between hidden pixels p and their neighbours q along `axis`, or the other way round.

    Returns:
        Flat indices p and q = p's next one (n,), each link's strength (n,), and the wanted c_p - c_q (n, 3).
    """
    ahead, behind = _shifted(axis)
    p = np.flatnonzero(np.pad(hidden[ahead] | hidden[behind], [(0, int(a == axis)) for a in (0, 1)]))
    q = p + (1 if axis else hidden.shape[1])
    shares, pictures = weights.reshape(len(weights), -1), images.reshape(len(images), -1, 3)
    ends = [(shares[:, i], pictures[:, i]) for i in (p, q)]
    common = np.sqrt(ends[0][0] * ends[1][0])
    total = common.sum(0)
    # The candidates' own difference across the link, seen by those that speak at both ends.
    wanted = np.einsum("kn,knc->nc", common, ends[0][1] - ends[1][1]) / np.maximum(total, 1e-6)[:, None]
    inside, plate = hidden.reshape(-1), target.reshape(-1, 3)
    now = [
        np.where(inside[i][:, None], np.einsum("kn,knc->nc", *end), plate[i])
        for i, end in zip((p, q), ends, strict=True)
    ]
    step = wanted - (now[0] - now[1])
    strength = (total > 0.02).astype(np.float32)
    size = np.abs(step).max(-1, initial=0)
    strength *= np.where(inside[p] != inside[q], 1.0 / (1.0 + (size / MISMATCH) ** 4), 1.0)
    return p, q, strength.astype(np.float32), step.astype(np.float32)


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
