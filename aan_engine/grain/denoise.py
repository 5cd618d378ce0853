"""Coring: a picture's noise taken down against what is known of it, its structure left standing.

Overlapping blocks are taken apart into cosines, twice: what a coefficient has beyond several times the noise in it
makes a first picture, and what that shows of structure then says how much of each coefficient stays. Where every
coefficient is structure, noise stays with it: how much of it does is told along. There a second look at the same
places, another frame's, helps: where both agree to within their noise, what is structure is known better, and the
noise that stays can be the one's or the other's. But what is judged by both looks has a trace of both in it: the one
whose noise is not to stay counts little.

Convention: as in `grain`. Blocks are 8 x 8 and begin every 4 pixels.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask
from aan_engine.grain.estimate import GrainModel
from aan_engine.grain.model import correlation

SIDE = 8
STEP = 4

STAND = 6.0
"""A coefficient's power must be so many times the noise's to be more than noise, at first sight."""

FADE = 7.0
"""At second sight a coefficient with so many times the noise's power is halved."""

TOGETHER = 0.7
"""How far what is found at first sight errs along with the coefficient itself."""

AGREED = 9.0
"""Two looks differ by noise if the square of what they differ by is no more than so many times what it should be."""

LEAN = 0.1
"""How much the look whose noise does not stay has to say in what is structure."""

ENOUGH = 0.5
"""A second look at a block must show so much of it."""

MARGIN = SIDE
"""Pixels that a picture must have around what is asked of it."""


@dataclass(frozen=True, eq=False)
class SecondSample:
    """A second look at a picture, with noise of its own.

    Args:
        apart: (h, w, 3) log range, what it has more than the first.
        known: (h, w) bool, where there is one.
        instead: (h, w) bool, where the noise that stays is this look's and not the first one's.
    """

    apart: Array
    known: Mask
    instead: Mask


def dct_denoise(
    values: Array, grain: GrainModel, second: SecondSample | None = None, *, where: Mask | None = None
) -> tuple[Array, Array]:
    """The picture without its noise, as far as structure allows.

    Args:
        values: (h, w, 3) log range.
        again: a second look at it.
        where: (h, w) bool, the pixels that are asked for, unless told all; what others come back with means nothing.

    Returns:
        (h, w, 3), and (h, w) 0 .. 1: the share of the noise's variance that is still in it.
    """
    h, w = values.shape[:2]
    picture = _planes(values)
    asked = _touched(_cells(_padded(np.ones((h, w), np.bool_) if where is None else where)))
    around = _touched(_under(asked))
    looks = _block_samples(picture, second, grain, chosen=around)
    first = _evened(looks.taken * looks.gains_at_first(), around)
    looks = looks.only(asked[around])
    gains = looks.gains_at_second(_taken(first, asked))
    passed = gains * (1 + 2 * TOGETHER * (1 - gains))
    passed[..., 0] = 1
    spectrum = _spectrum(grain.size)
    told = (passed**2 @ spectrum).mean(0) / spectrum.sum()
    smooth = _evened(looks.taken * gains, asked)
    stays = _evenly(told, asked)
    inner = np.s_[SIDE : SIDE + h, SIDE : SIDE + w]
    return np.ascontiguousarray(smooth.transpose(1, 2, 0)[inner]), np.minimum(stays[inner], 1)


@dataclass(frozen=True, eq=False)
class _BlockSamples:
    """What is known of n blocks, (3, n, 64) each: `taken` is cored, `best` what its gains are judged by, and `noise`
    that one's variance."""

    taken: Array
    best: Array
    noise: Array

    def only(self, chosen: Mask) -> _BlockSamples:
        return _BlockSamples(*(values[:, chosen] for values in (self.taken, self.best, self.noise)))

    def gains_at_first(self) -> Array:
        gains = np.maximum(1 - np.float32(STAND) * self.noise / np.maximum(self.best**2, np.float32(1e-12)), 0)
        gains[..., 0] = 1
        return np.asarray(gains, np.float32)

    def gains_at_second(self, first: Array) -> Array:
        power = first**2
        gains = power / (power + np.float32(FADE) * self.noise + np.float32(1e-20))
        gains[..., 0] = 1
        return np.asarray(gains, np.float32)


def _block_samples(picture: Array, second: SecondSample | None, grain: GrainModel, *, chosen: Mask) -> _BlockSamples:
    taken = _taken(picture, chosen)
    noise = grain.at(taken[..., 0].mean(0) / SIDE).T[..., None] * _spectrum(grain.size)
    if second is None:
        return _BlockSamples(taken, taken, noise)
    apart, known = _taken(_planes(second.apart), chosen), _blocks(_padded(second.known), chosen).mean((-2, -1))
    agreed = (apart**2 < np.float32(2 * AGREED) * noise) & (known > ENOUGH)[:, None]
    turned = _taken(_planes(second.apart * second.instead[..., None]), chosen)
    taken += agreed * turned
    # From what is taken to the other look; a mean of the two has less noise.
    back = agreed * (apart - 2 * turned)
    noise *= 1 - np.float32(2 * LEAN * (1 - LEAN)) * agreed
    return _BlockSamples(taken, taken + np.float32(LEAN) * back, noise)


def _padded(values: NDArray[Any]) -> NDArray[Any]:
    """(..., h, w) with a block around it, and to whole steps."""
    h, w = values.shape[-2:]
    across = [(0, 0)] * (values.ndim - 2)
    return np.pad(values, (*across, (SIDE, SIDE + -h % STEP), (SIDE, SIDE + -w % STEP)), mode="edge")


def _planes(values: Array) -> Array:
    """(3, h, w) of (h, w, 3), padded."""
    return np.asarray(_padded(values.transpose(2, 0, 1)))


def _cells(mask: Mask) -> Mask:
    """(h / STEP, w / STEP) which cells of a step's side have any of it."""
    h, w = (side // STEP for side in mask.shape)
    return np.asarray(mask.reshape(h, STEP, w, STEP).any((1, 3)))


def _touched(cells: Mask) -> Mask:
    """(rows, columns) which blocks touch these cells: a block is two by two."""
    return np.asarray(cells[:-1, :-1] | cells[1:, :-1] | cells[:-1, 1:] | cells[1:, 1:])


def _under(chosen: Mask) -> Mask:
    """The cells under these blocks."""
    return _touched(np.pad(chosen, 1))


def _blocks(planes: NDArray[Any], chosen: Mask) -> NDArray[Any]:
    """(..., n, 8, 8) the chosen blocks of planes (..., h, w)."""
    return np.asarray(sliding_window_view(planes, (SIDE, SIDE), (-2, -1))[..., ::STEP, ::STEP, :, :][..., chosen, :, :])


def _taken(planes: Array, chosen: Mask) -> Array:
    """(3, n, 64) the cosines of the chosen blocks, the mean first."""
    # As one product: blocks by themselves would be as many small ones.
    found = _blocks(planes, chosen).reshape(-1, SIDE * SIDE) @ _COSINES.T
    return np.asarray(found.reshape(3, -1, SIDE * SIDE), np.float32)


def _evened(coefficients: Array, chosen: Mask) -> Array:
    """(3, h, w) the planes that the chosen blocks make: where they overlap, their mean; 0 beside them."""
    blocks = (coefficients.reshape(-1, SIDE * SIDE) @ _COSINES).reshape(3, -1, 2, STEP, 2, STEP)
    cells = _in_cells(blocks.transpose(2, 4, 1, 0, 3, 5), chosen)
    h, w = cells.shape[:2]
    return cells.transpose(2, 0, 3, 1, 4).reshape(3, h * STEP, w * STEP)


def _evenly(told: Array, chosen: Mask) -> Array:
    """(h, w) as `_evened`, one value (n,) to a block."""
    cells = _in_cells(np.broadcast_to(told, (2, 2, len(told))), chosen)
    return cells.repeat(STEP, 0).repeat(STEP, 1)


def _in_cells(quarters: Array, chosen: Mask) -> Array:
    """(h / STEP, w / STEP, ...) over each cell the mean of the chosen blocks' quarters (2, 2, n, ...) there."""
    rows, columns = chosen.shape
    found = np.zeros((rows + 1, columns + 1, *quarters.shape[3:]), np.float32)
    count = np.zeros((rows + 1, columns + 1), np.float32)
    for dy, dx in ((0, 0), (0, 1), (1, 0), (1, 1)):
        under = np.s_[dy : rows + dy, dx : columns + dx]
        found[under][chosen] += quarters[dy, dx]
        count[under] += chosen
    found /= np.maximum(count, 1).reshape(count.shape + (1,) * (found.ndim - 2))
    return found


def _basis() -> NDArray[np.float64]:
    """(8, 8) orthonormal cosines by frequency and place."""
    k, i = np.mgrid[:SIDE, :SIDE]
    found = np.cos(np.pi * (i + 0.5) * k / SIDE) * np.sqrt(2 / SIDE)
    found[0] = np.sqrt(1 / SIDE)
    return np.asarray(found, np.float64)


_COSINES = np.einsum("uy,vx->uvyx", _basis(), _basis()).reshape(SIDE * SIDE, SIDE * SIDE).astype(np.float32)
"""(64, 64) the blocks' cosines by frequency and place."""


def _spectrum(size: tuple[float, float]) -> Array:
    """(64,) the variance that noise of variance 1 and this size has in each cosine."""
    one, lags = _basis(), np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE)))
    along = [np.einsum("ki,ij,kj->k", one, correlation(s)[lags], one) for s in size]
    return np.outer(along[1], along[0]).reshape(-1).astype(np.float32)
