"""Denoising in the DCT domain, against a known noise: power subtraction, then an empirical Wiener filter.

The picture is cut into overlapping blocks and each block transformed into cosines, twice. In the first pass a
coefficient is shrunk by power subtraction, max(0, 1 - a N / c^2), with N the noise's variance in it. That picture is a
pilot: its coefficients p are taken for the structure's, and the second pass shrinks the noisy ones by the Wiener gain
p^2 / (p^2 + b N). (Empirical Wiener filtering after Ghael, Sayeed and Baraniuk, 1997.) Where blocks overlap their mean
is taken.

Where every coefficient is structure noise stays; the share that does is returned as well. There a second sample of the
same place, another frame's, helps: where both agree to within their noise, their mean is a better guess of the
structure, and the noise that stays can be either one's. But gains that depend on both samples leave a trace of both
noises in the result, so the sample whose noise is not to stay has little weight in that mean.

Constants that do not say how they were found were not measured separately.

Convention: as in `estimate`. Blocks are `SIDE` by `SIDE` and begin every `STEP` pixels; a cell is `STEP` by `STEP`, so
that a block covers two by two of them.
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

SUBTRACTION = 6.0
"""How many times the noise's variance the first pass subtracts from a coefficient's power."""

WIENER_NOISE = 7.0
"""How many times the noise's variance the second pass puts in the Wiener gain's denominator."""

PILOT_CORRELATION = 0.7
"""How far the pilot's error goes along with the noise of the coefficient that its gain is applied to: what is left of
noise is more than the gain alone would leave."""

MAX_DIFFERENCE = 9.0
"""Two samples' coefficients agree where their squared difference is at most so many times its expected value."""

SECOND_WEIGHT = 0.1
"""Weight, in the guess of the structure, of the sample whose noise does not stay."""

MIN_KNOWN = 0.5
"""The share of a block that the second sample must show."""

MARGIN = SIDE
"""Pixels that a picture must have around what is asked of it."""


@dataclass(frozen=True, eq=False)
class SecondSample:
    """A second sample of a picture, with independent noise.

    Args:
        difference: (h, w, 3) log range, the second sample less the first.
        known: (h, w) bool, where there is one.
        instead: (h, w) bool, where the noise that stays is to be this sample's and not the first one's.
    """

    difference: Array
    known: Mask
    instead: Mask


def dct_denoise(
    values: Array, grain: GrainModel, second: SecondSample | None = None, *, where: Mask | None = None
) -> tuple[Array, Array]:
    """The picture without its noise, as far as structure allows.

    Args:
        values: (h, w, 3) log range.
        second: a second sample of it.
        where: (h, w) bool, the pixels that are asked for, by default all. The results mean nothing elsewhere.

    Returns:
        (h, w, 3) log range, and (h, w) 0 .. 1: the share of the noise's variance that is still in it.
    """
    h, w = values.shape[:2]
    picture = _planes(values)
    asked = _blocks_on(_cells(_padded(np.ones((h, w), np.bool_) if where is None else where)))
    around = _blocks_on(_cells_under(asked))
    samples = _sample_blocks(picture, second, grain, chosen=around)
    pilot = _overlap_mean(samples.noisy * samples.subtraction_gains(), around)
    samples = samples.only(asked[around])
    gains = samples.wiener_gains(_dct(pilot, asked))
    # A coefficient's noise also pushes its own gain up: see `PILOT_CORRELATION`.
    passed = gains * (1 + 2 * PILOT_CORRELATION * (1 - gains))
    passed[..., 0] = 1
    spectrum = _noise_spectrum(grain.size)
    left = (passed**2 @ spectrum).mean(0) / spectrum.sum()
    smooth = _overlap_mean(samples.noisy * gains, asked)
    left = _overlap_mean_of(left, asked)
    inner = np.s_[SIDE : SIDE + h, SIDE : SIDE + w]
    return np.ascontiguousarray(smooth.transpose(1, 2, 0)[inner]), np.minimum(left[inner], 1)


@dataclass(frozen=True, eq=False)
class _BlockSamples:
    """DCT coefficients of n blocks, (3, n, 64) each.

    Args:
        noisy: what is denoised.
        best: the guess of the structure that the first pass's gains depend on.
        noise: the variance of the noise in `best`.
    """

    noisy: Array
    best: Array
    noise: Array

    def only(self, chosen: Mask) -> _BlockSamples:
        return _BlockSamples(*(values[:, chosen] for values in (self.noisy, self.best, self.noise)))

    def subtraction_gains(self) -> Array:
        """The first pass; a block's mean is always kept."""
        gains = np.maximum(1 - np.float32(SUBTRACTION) * self.noise / np.maximum(self.best**2, np.float32(1e-12)), 0)
        gains[..., 0] = 1
        return np.asarray(gains, np.float32)

    def wiener_gains(self, pilot: Array) -> Array:
        """The second pass, by the pilot's coefficients."""
        power = pilot**2
        gains = power / (power + np.float32(WIENER_NOISE) * self.noise + np.float32(1e-20))
        gains[..., 0] = 1
        return np.asarray(gains, np.float32)


def _sample_blocks(picture: Array, second: SecondSample | None, grain: GrainModel, *, chosen: Mask) -> _BlockSamples:
    """The chosen blocks of the picture, exchanged for the second sample's where that is asked for and both agree."""
    noisy = _dct(picture, chosen)
    noise = grain.at(noisy[..., 0].mean(0) / SIDE).T[..., None] * _noise_spectrum(grain.size)
    if second is None:
        return _BlockSamples(noisy, noisy, noise)
    difference = _dct(_planes(second.difference), chosen)
    known = _blocks(_padded(second.known), chosen).mean((-2, -1))
    # The difference has the noise of both samples.
    agreed = (difference**2 < np.float32(2 * MAX_DIFFERENCE) * noise) & (known > MIN_KNOWN)[:, None]
    exchanged = _dct(_planes(second.difference * second.instead[..., None]), chosen)
    noisy += agreed * exchanged
    # From what is denoised to the other sample; their weighted mean has less noise.
    to_other = agreed * (difference - 2 * exchanged)
    noise *= 1 - np.float32(2 * SECOND_WEIGHT * (1 - SECOND_WEIGHT)) * agreed
    return _BlockSamples(noisy, noisy + np.float32(SECOND_WEIGHT) * to_other, noise)


def _padded(values: NDArray[Any]) -> NDArray[Any]:
    """(..., h, w) with a block around it, and to whole steps."""
    h, w = values.shape[-2:]
    across = [(0, 0)] * (values.ndim - 2)
    return np.pad(values, (*across, (SIDE, SIDE + -h % STEP), (SIDE, SIDE + -w % STEP)), mode="edge")


def _planes(values: Array) -> Array:
    """(3, h, w) of (h, w, 3), padded."""
    return np.asarray(_padded(values.transpose(2, 0, 1)))


def _cells(mask: Mask) -> Mask:
    """(h / STEP, w / STEP) which cells have any pixel of the mask."""
    h, w = (side // STEP for side in mask.shape)
    return np.asarray(mask.reshape(h, STEP, w, STEP).any((1, 3)))


def _blocks_on(cells: Mask) -> Mask:
    """(rows, columns) which blocks cover any of these cells."""
    return np.asarray(cells[:-1, :-1] | cells[1:, :-1] | cells[:-1, 1:] | cells[1:, 1:])


def _cells_under(chosen: Mask) -> Mask:
    """The cells under these blocks."""
    return _blocks_on(np.pad(chosen, 1))


def _blocks(planes: NDArray[Any], chosen: Mask) -> NDArray[Any]:
    """(..., n, 8, 8) the chosen blocks of planes (..., h, w)."""
    return np.asarray(sliding_window_view(planes, (SIDE, SIDE), (-2, -1))[..., ::STEP, ::STEP, :, :][..., chosen, :, :])


def _dct(planes: Array, chosen: Mask) -> Array:
    """(3, n, 64) the coefficients of the chosen blocks, the mean first."""
    # One matrix product: a transform of each block would be as many small ones.
    found = _blocks(planes, chosen).reshape(-1, SIDE * SIDE) @ _COSINES.T
    return np.asarray(found.reshape(3, -1, SIDE * SIDE), np.float32)


def _overlap_mean(coefficients: Array, chosen: Mask) -> Array:
    """(3, h, w) the planes that the chosen blocks' coefficients make: their mean where they overlap, 0 beside them."""
    blocks = (coefficients.reshape(-1, SIDE * SIDE) @ _COSINES).reshape(3, -1, 2, STEP, 2, STEP)
    cells = _cell_means(blocks.transpose(2, 4, 1, 0, 3, 5), chosen)
    h, w = cells.shape[:2]
    return cells.transpose(2, 0, 3, 1, 4).reshape(3, h * STEP, w * STEP)


def _overlap_mean_of(values: Array, chosen: Mask) -> Array:
    """(h, w) as `_overlap_mean`, of one value (n,) to a block."""
    cells = _cell_means(np.broadcast_to(values, (2, 2, len(values))), chosen)
    return cells.repeat(STEP, 0).repeat(STEP, 1)


def _cell_means(quarters: Array, chosen: Mask) -> Array:
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
    """(8, 8) the orthonormal DCT-II, by frequency and position."""
    k, i = np.mgrid[:SIDE, :SIDE]
    found = np.cos(np.pi * (i + 0.5) * k / SIDE) * np.sqrt(2 / SIDE)
    found[0] = np.sqrt(1 / SIDE)
    return np.asarray(found, np.float64)


_COSINES = np.einsum("uy,vx->uvyx", _basis(), _basis()).reshape(SIDE * SIDE, SIDE * SIDE).astype(np.float32)
"""(64, 64) the blocks' cosines, by frequency and position."""


def _noise_spectrum(size: tuple[float, float]) -> Array:
    """(64,) the variance that noise of variance 1 and of this size has in each coefficient."""
    one, lags = _basis(), np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE)))
    along = [np.einsum("ki,ij,kj->k", one, correlation(s)[lags], one) for s in size]
    return np.outer(along[1], along[0]).reshape(-1).astype(np.float32)
