"""Poisson join: what was copied meets the target, and itself, without steps in brightness.

Inside the hole the picture's gradients are those of the chosen candidates, at the hole's border the picture is the
target itself (Perez, Gangnet and Blake 2003, here screened: the fill also holds on to its own brightness, so that a
correction fades with the distance from the step it closes). Solved on the proxy; the result is a smooth correction that
is added, in the log range, to full-resolution pixels, whose detail stays.
"""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask

_Neighbours = tuple[NDArray[np.intp], Array]
"""For each of the n unknowns its neighbour on one side (n,), and the strength of the edge between the two (n, 1)."""

HOLD = 0.004
"""Weight of the fill's own brightness against the gradients: corrections fade over 1 / sqrt(HOLD), 16 proxy pixels. Not
measured separately."""

MISMATCH = 0.06
"""Step at the border (log range) at which it counts half: well above, it is no light but another thing. Not measured
separately."""

LEAST_WEIGHT = 0.02
"""Weight that some candidate must have at both ends of an edge for its gradient to be known. Not measured
separately."""

ITERATIONS = 60

TOLERANCE = 1e-3
"""Squared residual, relative to the first, at which iteration ends: beyond that no difference is visible."""


def poisson_correction(target: Array, hidden: Mask, *, images: Array, weights: Array) -> Array:
    """What to add to the weighted mean of the candidates so that it joins the target and itself without steps.

    Args:
        target: (h, w, 3) float32 log range, the target's proxy; read where visible.
        hidden: (h, w) bool.
        images: (K, h, w, 3) the candidates, of any value where their weight is 0.
        weights: (K, h, w), summing to 1 in the hole; on the rim, how much each candidate counts there.

    Returns:
        (h, w, 3) float32: in the hole, and extended to the pixels right beside it, as between two proxy pixels lie
        plate pixels that are hidden, too; 0 further outside.
    """
    correction = np.zeros_like(target)
    if not hidden.any():
        return correction
    # The unknown is the correction c of the n hidden pixels, so that iteration starts at 0, where most of it stays. The
    # visible target is unknown number n, whose c is 0 and stays 0.
    count = int(hidden.sum())
    number = np.full(hidden.shape, count, np.intp)
    number[hidden] = np.arange(count)
    diagonal = np.full(count + 1, HOLD, np.float32)
    right = np.zeros((count + 1, 3), np.float32)
    sides: list[_Neighbours] = []
    for axis in (0, 1):
        p, q, strength, step = _edges(target, hidden, images=images, weights=weights, axis=axis)
        for here, there, gradient in ((number.flat[p], number.flat[q], step), (number.flat[q], number.flat[p], -step)):
            # Each pixel has one neighbour on a side at most; what is summed at number n is never read.
            diagonal[here] += strength
            right[here] += strength[:, None] * gradient
            neighbour, strengths = np.full(count, count, np.intp), np.zeros(count, np.float32)
            inner = here < count
            neighbour[here[inner]], strengths[here[inner]] = there[inner], strength[inner]
            sides.append((neighbour, strengths[:, None]))

    def apply(c: Array) -> Array:
        extended = np.concatenate([c, np.zeros((1, 3), np.float32)])
        out = diagonal[:count, None] * c
        for neighbour, strengths in sides:
            out -= strengths * extended.take(neighbour, 0)
        return out

    correction[hidden] = _conjugate_gradient(apply, right[:count])
    return _extended(correction, hidden)


def _extended(correction: Array, hidden: Mask) -> Array:
    """`correction`, and right beside the hole the mean of the hidden neighbours'."""
    share = cv2.blur(hidden.astype(np.float32), (3, 3))
    mean = cv2.blur(correction, (3, 3)) / np.maximum(share, 1e-6)[..., None]
    return np.where(hidden[..., None], correction, np.where(share[..., None] > 1e-3, mean, 0)).astype(np.float32)


def _edges(
    target: Array, hidden: Mask, *, images: Array, weights: Array, axis: int
) -> tuple[NDArray[np.intp], NDArray[np.intp], Array, Array]:
    """The edges along `axis` between neighbouring pixels of which at least one is hidden.

    Returns:
        Flat indices p and, one further along the axis, q (n,); the edge's strength (n,); the desired c_p - c_q (n, 3).
    """
    ahead, behind = _shifted(axis)
    p = np.flatnonzero(np.pad(hidden[ahead] | hidden[behind], [(0, int(a == axis)) for a in (0, 1)]))
    q = p + (1 if axis else hidden.shape[1])
    flat_weights, flat_images = weights.reshape(len(weights), -1), images.reshape(len(images), -1, 3)
    ends = [(flat_weights[:, i], flat_images[:, i]) for i in (p, q)]
    common = np.sqrt(ends[0][0] * ends[1][0])
    total = common.sum(0)
    # The candidates' own difference across the edge, by the weight that each has at both ends.
    desired = np.einsum("kn,knc->nc", common, ends[0][1] - ends[1][1]) / np.maximum(total, 1e-6)[:, None]
    inside, visible = hidden.reshape(-1), target.reshape(-1, 3)
    present = [
        np.where(inside[i][:, None], np.einsum("kn,knc->nc", *end), visible[i])
        for i, end in zip((p, q), ends, strict=True)
    ]
    step = desired - (present[0] - present[1])
    strength = (total > LEAST_WEIGHT).astype(np.float32)
    size = np.abs(step).max(-1, initial=0)
    strength *= np.where(inside[p] != inside[q], 1.0 / (1.0 + (size / MISMATCH) ** 4), 1.0)
    return p, q, strength.astype(np.float32), step.astype(np.float32)


def _shifted(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Slices of all pixels but the first, and all but the last, along an axis of an (h, w, ...) array."""
    ahead, behind = slice(1, None), slice(None, -1)
    return ((ahead, slice(None)), (behind, slice(None))) if axis == 0 else ((slice(None), ahead), (slice(None), behind))


def _conjugate_gradient(apply: Callable[[Array], Array], right: Array) -> Array:
    """The solution x (n, 3) of `apply(x) = right` for a symmetric positive definite operator, from x = 0."""
    x = np.zeros_like(right)
    residual = right.copy()
    direction = residual.copy()
    norm = float((residual * residual).sum())
    first = norm
    for _ in range(ITERATIONS):
        if norm <= TOLERANCE * first:
            break
        applied = apply(direction)
        alpha = norm / max(float((direction * applied).sum()), 1e-20)
        x += alpha * direction
        residual -= alpha * applied
        previous, norm = norm, float((residual * residual).sum())
        direction = residual + (norm / previous) * direction
    return x
