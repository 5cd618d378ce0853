"""Polish: coordinates that were found on proxies, made exact on the plates themselves.

A tenth of a proxy pixel is a whole pixel of a 4K plate. So before a plate is copied from, it is laid over the target's
visible rim around the hole at full resolution, and what is still off there - an affine motion, and a change of light
that must not be mistaken for one - is found by Gauss-Newton. It carries on into the hole, where nothing can be seen.

Convention: positions are (x, y) on plates, pixel centres at integers, origin top-left, y down. Values are log-encoded.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask


class GreyView(Protocol):
    """A frame that is looked at, by positions (n, 2)."""

    def grey(self, places: Array) -> Array:
        """(n,) what is to be compared."""
        ...

    def usable(self, places: Array) -> Mask:
        """(n,) where it may be looked at."""
        ...


ROUNDS = 4

FEW = 150
"""With fewer samples than this nothing is polished; with eight times as many, an affine motion may be found."""

GAIN = 0.98
"""The mean residual must fall to this share of what it was, or the coordinates stay as they were."""

STILL = 0.01
"""A step that moves nothing by more than this, in pixels, is the last one."""

NOISE = 0.004
"""Residuals, log range, below which nobody can say what is off."""


@dataclass(frozen=True, eq=False)
class AffineOffset:
    """An affine displacement to be added to positions on the source.

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
        """Both together, in the other's coordinates."""
        ratio = other.scale / self.scale
        offset = (other.centre - self.centre) / self.scale
        moved = self.matrix.copy()
        moved[:, :2] *= ratio
        moved[:, 2] += self.matrix[:, :2] @ offset
        return AffineOffset(moved + other.matrix, other.centre, other.scale)


NO_OFFSET = AffineOffset(np.zeros((2, 3)), np.zeros(2, np.float32), 1.0)


def refine_offset(
    wanted: Array, points: Array, places: Array, *, look: GreyView, reach: float, start: AffineOffset = NO_OFFSET
) -> AffineOffset:
    """What to add to `places` so that the source shows there what the target shows at `points`.

    Args:
        wanted: (n,) float32, the target's grey at `points`.
        points: (n, 2) on the target's plate, visible.
        places: (n, 2) where the source is believed to show the same.
        look: at the source.
        start: what is known to be off already.
        reach: displacements grow no larger than this, in pixels: what is further off is no matter of polish.
    """
    if len(points) < FEW:
        return start
    centre = points.mean(0).astype(np.float32)
    scale = max(float(np.abs(points - centre).max()), 1.0)
    affine = len(points) >= 8 * FEW
    begin = start.at(points)
    found = AffineOffset(np.zeros((2, 3)), centre, scale)
    first, best, best_error = None, found, np.inf
    for _ in range(ROUNDS + 1):
        at = places + begin + found.at(points)
        value, seen = look.grey(at), look.usable(at)
        if seen.sum() < FEW:
            return start
        off, weight = _residual(value, wanted, seen)
        # Judged by the median: what does not follow at all has no say.
        error = float(np.median(np.abs(off[seen])))
        first = error if first is None else first
        if error < best_error:
            best, best_error = found, error
        step = _step(look, at, off, weight, (points - centre) / scale, affine=affine)
        moved = found.matrix + step
        if not np.isfinite(moved).all() or np.abs(moved).sum(1).max() > reach:
            break
        if np.abs(step).sum(1).max() < STILL:
            break
        found = AffineOffset(moved, centre, scale)
    better = first is not None and best_error < GAIN * first and first > NOISE
    return start.then(best) if better else start


def _residual(value: Array, wanted: Array, seen: Mask) -> tuple[Array, Array]:
    """What is off after a gain and an offset of light are taken out, and each sample's say (Geman-McClure)."""
    a, b = value[seen], wanted[seen]
    spread = float(((a - a.mean()) ** 2).mean())
    gain = float(np.clip(((a - a.mean()) * (b - b.mean())).mean() / max(spread, 1e-8), 0.8, 1.25))
    off = gain * value - wanted
    off -= np.float32(np.median(off[seen]))
    size = max(1.48 * float(np.median(np.abs(off[seen]))), NOISE)
    return off, (seen / (1 + (off / (2.5 * size)) ** 2) ** 2).astype(np.float32)


def _step(look: GreyView, at: Array, off: Array, weight: Array, local: Array, *, affine: bool) -> NDArray[np.float64]:
    """One Gauss-Newton step: the (2, 3) displacement that lowers the residuals."""
    right, down = np.array([[0.5, 0], [0, 0.5]], np.float32)
    gx, gy = look.grey(at + right) - look.grey(at - right), look.grey(at + down) - look.grey(at - down)
    u, v = local.T
    one = np.ones_like(u)
    basis = (u, v, one) if affine else (one,)
    J = np.stack([gx * b for b in basis] + [gy * b for b in basis])
    Jw = J * weight
    A = (Jw @ J.T).astype(np.float64)
    A += np.eye(len(A)) * (1e-3 * np.trace(A) / len(A) + 1e-9)
    solved = -np.linalg.solve(A, (Jw @ off).astype(np.float64)).reshape(2, len(basis))
    return solved if affine else np.pad(solved, ((0, 0), (2, 0)))
