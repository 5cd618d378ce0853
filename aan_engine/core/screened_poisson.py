"""Screened Poisson equation: the smooth change of a region that makes given steps between neighbouring pixels.

Perez, Gangnet and Blake 2003, screened: the change also holds on to 0, so that it fades with the distance from the step
that it closes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask

ITERATIONS = 60

TOLERANCE = 1e-3
"""Squared residual, relative to the first, at which iteration ends: beyond that no difference is visible."""

_Neighbours = tuple[NDArray[np.intp], Array]
"""For each of the n unknowns its neighbour on one side (n,), and the strength of the edge between the two (n, 1)."""


@dataclass(frozen=True, eq=False)
class Edges:
    """n edges between neighbouring pixels along one axis.

    Args:
        p, q: (n,) flat indices; q lies one further along the axis. A pixel is the p of one edge at most, and the q.
        strength: (n,) how much the edge counts.
        step: (n, c) the desired change of p less that of q.
    """

    p: NDArray[np.intp]
    q: NDArray[np.intp]
    strength: Array
    step: Array


def solve_correction(free: Mask, edges: Sequence[Edges], *, hold: float) -> Array:
    """The change (h, w, c) of the pixels where `free` (h, w) is True; the others keep 0.

    Args:
        edges: of each axis.
        hold: weight of 0 against the steps: changes fade over 1 / sqrt(hold) pixels.
    """
    channels = edges[0].step.shape[1]
    correction = np.zeros((*free.shape, channels), np.float32)
    # The unknown is the change of the n free pixels, so that iteration starts at 0, where most of it stays. All others
    # are unknown number n, whose change is 0 and stays 0.
    count = int(free.sum())
    number = np.full(free.shape, count, np.intp)
    number[free] = np.arange(count)
    diagonal = np.full(count + 1, hold, np.float32)
    right = np.zeros((count + 1, channels), np.float32)
    sides: list[_Neighbours] = []
    for edge in edges:
        p, q = number.flat[edge.p], number.flat[edge.q]
        for here, there, gradient in ((p, q, edge.step), (q, p, -edge.step)):
            # Each pixel has one neighbour on a side at most; what is summed at number n is never read.
            diagonal[here] += edge.strength
            right[here] += edge.strength[:, None] * gradient
            neighbour, strengths = np.full(count, count, np.intp), np.zeros(count, np.float32)
            inner = here < count
            neighbour[here[inner]], strengths[here[inner]] = there[inner], edge.strength[inner]
            sides.append((neighbour, strengths[:, None]))

    def apply(c: Array) -> Array:
        extended = np.concatenate([c, np.zeros((1, channels), np.float32)])
        out = diagonal[:count, None] * c
        for neighbour, strengths in sides:
            out -= strengths * extended.take(neighbour, 0)
        return out

    correction[free] = _conjugate_gradient(apply, right[:count])
    return correction


def extended(correction: Array, free: Mask) -> Array:
    """`correction` (h, w, c), and right beside the free pixels the mean of its free neighbours'.

    Between a free proxy pixel and its neighbour lie plate pixels that are free, too.
    """
    share = cv2.blur(free.astype(np.float32), (3, 3))
    mean = cv2.blur(correction, (3, 3)) / np.maximum(share, 1e-6)[..., None]
    return np.where(free[..., None], correction, np.where(share[..., None] > 1e-3, mean, 0)).astype(np.float32)


def _conjugate_gradient(apply: Callable[[Array], Array], right: Array) -> Array:
    """The solution x (n, c) of `apply(x) = right` for a symmetric positive definite operator, from x = 0."""
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
