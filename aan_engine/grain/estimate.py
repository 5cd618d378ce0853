"""Grain estimation: how strong and how coarse a plate's noise is, from its smooth blocks; and grain drawn anew.

Noise is separated from structure by the finest differences along both axes at once, where a lens leaves little
structure; and, where a neighbouring frame shows the same, by the part that the two frames do not share.
Its size follows from the autocorrelation of those differences, under the model of white noise under a Gaussian
(`model`). Noise of `COARSEST` and more could as well be texture: it is not estimated, and nothing is added.

Constants that do not say how they were found were not measured separately.

Convention: values are in the log range of `log_encoding`; variances in its square. Levels are the mean of a pixel's
three channels there. Sizes are the Gaussian's standard deviation in plate pixels, along x and y.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import channel_mean, to_log
from aan_engine.core.types import Array, Mask
from aan_engine.grain.model import DIFFERENCE, LAGS, correlation, difference_acf, gaussian_taps

BLOCK = 8
"""Side of the blocks that are judged smooth or not, in pixels."""

SMOOTH = 0.4
"""The share of a level's blocks, those of the lowest gradient, that noise is estimated from."""

CALM, CALM_MEAN = 0.3, -1.159
"""The share of the smooth blocks, those of the lowest power, that noise is estimated from; and the mean of a standard
normal variable below its quantile of that share."""

MIN_BLOCKS = 40
"""Blocks to a level, at least: with fewer there are fewer levels."""

MIN_SMOOTH, MIN_COMPARED = 8, 8
"""Smooth blocks of a level, at least; and blocks that the neighbouring frame must show for a bound."""

LEVELS = 8

COARSEST = 1.1

QUIET = 5e-4
"""Standard deviations below this count as none (log range; a sixth of a percent of the light). Rounding to half float
makes a tenth of it."""

STEADY = 2.0
"""No level's noise may be more than so many times as strong as the middle one's."""

BAND = 64
"""Rows that are read at a time."""

MAX_READ = 3_000_000
"""Pixels that are read, at most: of larger pictures every so many-th band."""

_FOURTH = np.correlate(np.convolve(DIFFERENCE, DIFFERENCE), np.convolve(DIFFERENCE, DIFFERENCE), "full")
"""Autocorrelation of white noise's fourth differences over `_FOURTH_LAGS`."""

_FOURTH_LAGS = np.abs(np.arange(-4, 5))
_SIZES = np.arange(0, 2.01, 0.05)


@dataclass(frozen=True, eq=False)
class GrainModel:
    """The noise of one plate.

    Args:
        levels: (n,) ascending; below the first and above the last, the noise is theirs.
        variance: (n, 3) by level and channel.
        size: along x and y.
    """

    levels: NDArray[np.float64]
    variance: NDArray[np.float64]
    size: tuple[float, float] = (0.0, 0.0)

    def at(self, level: Array) -> Array:
        """The variance (..., 3) of pixels of these levels (...)."""
        found = [np.interp(level, self.levels, self.variance[:, c]) for c in range(3)]
        return np.stack(found, -1).astype(np.float32)

    def synthesise(self, total: Array, fine: Array, rng: np.random.Generator) -> Array:
        """(h, w, 3) grain of this size, relative to the plate's standard deviation, independent from call to call.

        A mixture of two noises: the plate's own, and its second differences along both axes, which are finer.

        Args:
            total: (h, w) the variance to be drawn, relative to the plate's.
            fine: (h, w) the power of its finest differences, relative to the plate's; where it is larger than `total`
                the finer noise has its part.
        """
        own, other = (self._unit((total.shape[0], total.shape[1]), rng) for _ in range(2))
        power = difference_acf(self.size[0])[0] * difference_acf(self.size[1])[0]
        finer = cv2.sepFilter2D(other, -1, DIFFERENCE, DIFFERENCE) / np.sqrt(power)
        # How many times the own noise's power the finer noise has in its finest differences, at the same variance.
        ratio = np.prod([(_FOURTH * correlation(s)[_FOURTH_LAGS]).sum() for s in self.size]) / power**2
        share = np.clip((ratio * total - fine) / (ratio - 1), 0, total)
        return np.asarray(np.sqrt(share)[..., None] * own + np.sqrt(total - share)[..., None] * finer, np.float32)

    def _unit(self, shape: tuple[int, int], rng: np.random.Generator) -> Array:
        """(h, w, 3) noise of this size and of variance 1."""
        (kx, ky), margin = (gaussian_taps(s) for s in self.size), 8
        white = rng.standard_normal((shape[0] + 2 * margin, shape[1] + 2 * margin, 3), dtype=np.float32)
        soft = cv2.sepFilter2D(white, -1, kx, ky)[margin:-margin, margin:-margin]
        return np.asarray(soft / np.sqrt((kx**2).sum() * (ky**2).sum()), np.float32)


@dataclass(frozen=True, eq=False)
class NeighbourSample:
    """A picture as a neighbouring frame shows it: leaves and cloth are there again, noise is not.

    Args:
        values: (h, w, 3) log range, resampled to lie over the picture.
        seen: (h, w) bool, where the two may be compared.
        fine: 0 .. 1, the share that resampling left of the power of its noise's finest differences.
    """

    values: Array
    seen: Mask
    fine: float


def estimate_grain(
    pixels: NDArray[np.floating], shown: Mask, second: NeighbourSample | None = None
) -> GrainModel | None:
    """The noise of a picture.

    Args:
        pixels: (h, w, 3) scene-linear.
        shown: (h, w) bool, where it shows what is to be measured.
        second: the same on a neighbouring frame: noise is no more than what differs there.

    Returns:
        None where there is next to none, where it is as coarse as texture, or where too little is shown to tell.
    """
    bands = range(0, pixels.shape[0] - BLOCK - 3, BAND)
    every = max(1, -(-pixels.shape[0] * pixels.shape[1] // MAX_READ))
    found = [_measure(pixels, shown, second, rows=slice(y, y + BAND + 4)) for y in bands[::every]]
    blocks = _Blocks(np.concatenate([np.zeros((0, _Blocks.COLUMNS)), *found]))
    if len(blocks.table) < MIN_BLOCKS:
        return None
    levels, acfs, smooth_blocks = [], [], []
    for group in blocks.by_level(min(LEVELS, len(blocks.table) // MIN_BLOCKS)):
        smooth = group.smoothest(max(MIN_SMOOTH, int(SMOOTH * len(group.table))))
        levels.append(np.median(smooth.level))
        acfs.append(smooth.products.sum(0) / max(smooth.power.sum(), 1e-20))
        smooth_blocks.append(smooth)
    acf = np.median(acfs, axis=0)
    size = (_fit_size(acf[:LAGS]), _fit_size(acf[LAGS:]))
    if max(size) >= COARSEST:
        return None
    power = np.array([_noise_power(smooth.power, size) for smooth in smooth_blocks])
    if second is not None:
        # Where the neighbour hardly shows a level, the bound is that of all blocks that it does show.
        bounds = []
        for smooth in smooth_blocks:
            compared = smooth.compared if len(smooth.compared) >= MIN_COMPARED else blocks.compared
            bounds.append(_noise_power(compared, size) if len(compared) >= MIN_COMPARED else np.full(3, np.inf))
        # The difference has this frame's noise and what resampling left of the other's.
        power = np.minimum(power, np.stack(bounds) / (1 + second.fine))
    variance = power / (difference_acf(size[0])[0] * difference_acf(size[1])[0])
    # Noise changes little from level to level; a level that stands out is one of leaves and grass.
    variance = np.minimum(variance, STEADY**2 * np.median(variance, axis=0))
    variance[variance < QUIET**2] = 0
    return GrainModel(np.maximum.accumulate(levels), variance, size) if variance.any() else None


@dataclass(frozen=True, eq=False)
class _Blocks:
    """Means over n blocks that are wholly shown, one row of `table` (n, COLUMNS) float64 each."""

    table: NDArray[np.float64]

    COLUMNS = 9 + 2 * LAGS

    @property
    def level(self) -> NDArray[np.float64]:
        """(n,)."""
        return self.table[:, 0]

    @property
    def power(self) -> NDArray[np.float64]:
        """(n, 3) power of the finest differences by channel."""
        return self.table[:, 2:5]

    @property
    def compared(self) -> NDArray[np.float64]:
        """(m, 3) the same of the difference to the neighbouring frame, of the m blocks that it wholly shows."""
        return self.table[self.table[:, 8] == 1, 5:8]

    @property
    def products(self) -> NDArray[np.float64]:
        """(n, 2 LAGS) autocovariance of the finest differences, summed over channels: lags along x, then along y."""
        return self.table[:, 9:]

    def by_level(self, count: int) -> list[_Blocks]:
        """In `count` groups of about the same size, ascending by level."""
        order = np.argsort(self.level, kind="stable")
        return [_Blocks(group) for group in np.array_split(self.table[order], count)]

    def smoothest(self, count: int) -> _Blocks:
        """Those of the lowest gradient (column 1)."""
        return _Blocks(self.table[np.argsort(self.table[:, 1], kind="stable")[:count]])


def _measure(
    pixels: NDArray[np.floating], shown: Mask, second: NeighbourSample | None, *, rows: slice
) -> NDArray[np.float64]:
    """The blocks of these rows as `_Blocks.table`: level, squared gradient, power of the finest differences, the same
    of the difference to the neighbouring frame, the share that it shows, and products over `LAGS`."""
    pixels, shown = pixels[rows], shown[rows]
    values = to_log(np.where(shown[..., None], pixels, 0))
    fine = cv2.sepFilter2D(values, -1, DIFFERENCE, DIFFERENCE)
    seen, difference = np.zeros(shown.shape, np.float32), np.zeros_like(values)
    if second is not None:
        # A filter's taps reach two pixels further.
        seen = cv2.erode((second.seen[rows] & shown).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
        difference = cv2.sepFilter2D(values - second.values[rows], -1, DIFFERENCE, DIFFERENCE)
    level = channel_mean(values)
    soft = cv2.GaussianBlur(level, (0, 0), 2)
    gradient = cv2.Sobel(soft, -1, 1, 0) ** 2 + cv2.Sobel(soft, -1, 0, 1) ** 2
    products = [
        np.einsum("hwc,hwc->hw", fine, np.roll(fine, lag, axis)) for axis in (1, 0) for lag in range(1, LAGS + 1)
    ]
    planes = np.dstack([level, gradient, fine**2, difference**2, seen, *products])
    whole = cv2.erode(shown.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0)
    means = _block_means(planes.astype(np.float64))
    return np.asarray(means[_block_means(whole[..., None].astype(np.float64))[..., 0] == 1])


def _block_means(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    """(h / BLOCK, w / BLOCK, c) of (h, w, c); what does not make a whole block is left out."""
    h, w = (side // BLOCK * BLOCK for side in planes.shape[:2])
    return np.asarray(planes[:h, :w].reshape(h // BLOCK, BLOCK, w // BLOCK, BLOCK, -1).mean((1, 3)))


def _noise_power(power: NDArray[np.float64], size: tuple[float, float]) -> NDArray[np.float64]:
    """(3,) the mean power that noise of this size has, by the calmest of blocks of power (n, 3).

    Texture that passes for smooth is not everywhere alike, noise is. The power of a block of noise is chi-squared; its
    cube root is about normal (Wilson and Hilferty), so that the mean over all follows from that of the calmest. The
    degrees of freedom are the block's effective sample size: neighbouring differences are correlated.
    """
    overlap = 1 - np.arange(1, LAGS + 1) / BLOCK
    inflation = np.prod([1 + 2 * (overlap * (difference_acf(s)[1:] / difference_acf(s)[0]) ** 2).sum() for s in size])
    spread = 2 / 9 * inflation / BLOCK**2
    calmest = np.cbrt(np.sort(power, axis=0)[: max(1, round(CALM * len(power)))]).mean(0)
    return np.asarray((calmest / (1 - spread + CALM_MEAN * np.sqrt(spread))) ** 3)


def _fit_size(acf: NDArray[np.float64]) -> float:
    """The size whose finest differences have the autocorrelation nearest to this one, (LAGS,), by least squares."""
    models = np.array([difference_acf(s)[1:] / difference_acf(s)[0] for s in _SIZES])
    return float(_SIZES[((models - acf) ** 2).sum(1).argmin()])
