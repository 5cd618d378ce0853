"""Affine refinement: positions found on proxies, made exact on the plates by Gauss-Newton.

A tenth of a proxy pixel is a whole pixel of a 4K plate. Before a plate is copied from it is therefore compared with the
visible pixels around the hole at full resolution. What remains between the two is explained as an affine displacement
and a gain and an offset of light, which must not be mistaken for motion; it is minimised by Gauss-Newton with
Geman-McClure weights (iteratively reweighted least squares).

Constants that do not say how they were found were not measured separately.

Convention: positions are (x, y) on plates, pixel centres at integers, origin top-left, y down. Values are log-encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.robust import MAD_TO_SIGMA, TUNING, gauss_newton_step, geman_mcclure
from aan_engine.core.types import Array, Mask


class GreyView(Protocol):
    """A frame's grey values by positions (n, 2): a `TileView` in the engine."""

    def grey(self, points: Array) -> Array:
        """(n,) log-encoded."""
        ...

    def usable(self, points: Array) -> Mask:
        """(n,) bool, which may be compared."""
        ...


MAX_STEPS = 4

MIN_SAMPLES = 150
"""With fewer samples nothing is refined; with eight times as many the displacement may be affine, not only a shift."""

MAX_RESIDUAL_RATIO = 0.98
"""The median residual must fall below this share of what it was at the start, or positions stay as they were."""

CONVERGED = 0.01
"""A step that moves no position by more than this, in pixels, is the last one."""

NOISE_FLOOR = 0.004
"""Residuals, log range, that are taken for noise: what is as close as that is left as it is."""

GAIN_LIMITS = (0.8, 1.25)
"""Gains of light, source to target, that are believed."""

GRADIENT_STEP = 0.5
"""Pixels to each side over which the source's gradient is taken."""

DAMPING, FLOOR = 1e-3, 1e-9
"""Levenberg-Marquardt's damping, relative to the mean of the normal matrix's diagonal, and an absolute one."""


@dataclass(frozen=True, eq=False)
class AffineOffset:
    """An affine displacement, in pixels, to be added to positions on the source.

    Args:
        matrix: (2, 3) float64; displacement = matrix @ (u, v, 1).
        centre, scale: (u, v) = ((x, y) - centre) / scale, with (x, y) on the target's plate.
    """

    matrix: NDArray[np.float64]
    centre: Array
    scale: float

    def at(self, points: Array) -> Array:
        """(n, 2) float32 displacements for target positions (n, 2)."""
        local = np.append((points - self.centre) / self.scale, np.ones((len(points), 1), np.float32), 1)
        return np.asarray(local @ self.matrix.T, np.float32)

    def then(self, other: AffineOffset) -> AffineOffset:
        """The sum of both, in the other's coordinates."""
        ratio = other.scale / self.scale
        offset = (other.centre - self.centre) / self.scale
        moved = self.matrix.copy()
        moved[:, :2] *= ratio
        moved[:, 2] += self.matrix[:, :2] @ offset
        return AffineOffset(moved + other.matrix, other.centre, other.scale)


NO_OFFSET = AffineOffset(np.zeros((2, 3)), np.zeros(2, np.float32), 1.0)


def refine_offset(
    grey: Array, points: Array, positions: Array, *, source: GreyView, reach: float, start: AffineOffset = NO_OFFSET
) -> AffineOffset:
    """What to add to `positions` so that the source shows there what the target shows at `points`.

    Args:
        grey: (n,) float32, the target's values at `points`.
        points: (n, 2) on the target's plate, visible.
        positions: (n, 2) on the source's, where the same is expected.
        source: the source's values.
        reach: the largest displacement, in pixels; what is further off cannot be refined, only searched for.
        start: an offset that is known already.

    Returns:
        `start` where there are too few samples, or where no step lowers the residual as `MAX_RESIDUAL_RATIO` asks:
        then the two probably do not show the same.
    """
    if len(points) < MIN_SAMPLES:
        return start
    centre = points.mean(0).astype(np.float32)
    scale = max(float(np.abs(points - centre).max()), 1.0)
    affine = len(points) >= 8 * MIN_SAMPLES
    begin = start.at(points)
    found = AffineOffset(np.zeros((2, 3)), centre, scale)
    first, best, best_error = None, found, np.inf
    for _ in range(MAX_STEPS + 1):
        at = positions + begin + found.at(points)
        value, usable = source.grey(at), source.usable(at)
        if usable.sum() < MIN_SAMPLES:
            return start
        residual, weight = _residual(value, grey, usable)
        # The median: outliers, which do not follow the motion at all, must not decide.
        error = float(np.median(np.abs(residual[usable])))
        first = error if first is None else first
        if error < best_error:
            best, best_error = found, error
        step = _step(source, at, residual, weight, (points - centre) / scale, affine=affine)
        moved = found.matrix + step
        if not np.isfinite(moved).all() or np.abs(moved).sum(1).max() > reach:
            break
        if np.abs(step).sum(1).max() < CONVERGED:
            break
        found = AffineOffset(moved, centre, scale)
    better = first is not None and best_error < MAX_RESIDUAL_RATIO * first and first > NOISE_FLOOR
    return start.then(best) if better else start


def _residual(value: Array, grey: Array, usable: Mask) -> tuple[Array, Array]:
    """Source minus target (n,) with a gain and an offset of light taken out, and each sample's weight (n,)."""
    a, b = value[usable], grey[usable]
    variance = float(((a - a.mean()) ** 2).mean())
    gain = float(np.clip(((a - a.mean()) * (b - b.mean())).mean() / max(variance, 1e-8), *GAIN_LIMITS))
    residual = gain * value - grey
    residual -= np.float32(np.median(residual[usable]))
    sigma = max(MAD_TO_SIGMA * float(np.median(np.abs(residual[usable]))), NOISE_FLOOR)
    return residual, (usable * geman_mcclure(residual, TUNING * sigma)).astype(np.float32)


def _step(
    source: GreyView, at: Array, residual: Array, weight: Array, local: Array, *, affine: bool
) -> NDArray[np.float64]:
    """One Gauss-Newton step: the (2, 3) displacement by normalised positions `local` that lowers the residuals."""
    right, down = np.array([[GRADIENT_STEP, 0], [0, GRADIENT_STEP]], np.float32)
    gx = source.grey(at + right) - source.grey(at - right)
    gy = source.grey(at + down) - source.grey(at - down)
    u, v = local.T
    one = np.ones_like(u)
    basis = (u, v, one) if affine else (one,)
    jacobian = np.stack([gx * b for b in basis] + [gy * b for b in basis])
    solved = gauss_newton_step(jacobian, residual, weight, damping=DAMPING, floor=FLOOR).reshape(2, len(basis))
    return solved if affine else np.pad(solved, ((0, 0), (2, 0)))
