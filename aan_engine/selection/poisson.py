"""Poisson join: what was copied meets the target, and itself, without steps in brightness.

Inside the hole the picture's gradients are those of the chosen candidates, at the hole's border the picture is the
target itself (Perez, Gangnet and Blake 2003, here screened: the fill also holds on to its own brightness, so that a
correction fades with the distance from the step it closes). Solved on the proxy; the result is a smooth correction that
is added, in the log range, to full-resolution pixels, whose detail stays.
"""

from __future__ import annotations

import numpy as np

from aan_engine.core.screened_poisson import Edges, extended, solve_correction
from aan_engine.core.types import Array, Mask

HOLD = 0.004
"""Weight of the fill's own brightness against the gradients: corrections fade over 1 / sqrt(HOLD), 16 proxy pixels. Not
measured separately."""

MISMATCH = 0.06
"""Step at the border (log range) at which it counts half: well above, it is no light but another thing. Not measured
separately."""

LEAST_WEIGHT = 0.02
"""Weight that some candidate must have at both ends of an edge for its gradient to be known. Not measured
separately."""


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
    edges = [_edges(target, hidden, images=images, weights=weights, axis=axis) for axis in (0, 1)]
    correction = solve_correction(hidden, edges, hold=HOLD)
    return extended(correction, hidden)


def _edges(target: Array, hidden: Mask, *, images: Array, weights: Array, axis: int) -> Edges:
    """The edges along `axis` between neighbouring pixels of which at least one is hidden."""
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
    return Edges(p, q, strength.astype(np.float32), step.astype(np.float32))


def _shifted(axis: int) -> tuple[tuple[slice, ...], tuple[slice, ...]]:
    """Slices of all pixels but the first, and all but the last, along an axis of an (h, w, ...) array."""
    ahead, behind = slice(1, None), slice(None, -1)
    return ((ahead, slice(None)), (behind, slice(None))) if axis == 0 else ((slice(None), ahead), (slice(None), behind))
