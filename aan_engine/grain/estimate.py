"""Grain: how strong and how coarse a plate's noise is, told from its smooth places, and drawn anew.

Noise is told from structure by the finest differences along both axes at once, where a lens leaves little structure;
and, where a neighbouring frame shows the same places, by what the two frames do not have in common.
Its size follows from how neighbouring differences hang together, under the model of white noise blurred by a Gaussian.
Coarser than `COARSEST` it could as well be texture, and is left alone: nothing is invented.

Convention: values are in the log range of `light`; variances in its square. Levels are the mean of a pixel's three
channels there. Sizes are the Gaussian's standard deviation in plate pixels, along x and y.
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
"""Side of the places that are judged smooth or not."""

SMOOTH = 0.4
"""The share of places, the smoothest of their level, that noise is read from."""

CALM, CALM_BY = 0.3, -1.159
"""Noise is read from the calmest of the smooth places, this share of them; their mean lies here on the normal curve."""

CROWD = 40
"""Places to a level, at least."""

LEVELS = 8

COARSEST = 1.1

QUIET = 5e-4
"""Noise below this (log range; a sixth of a percent of the light) is none: rounding to half makes a tenth of it."""

STEADY = 2.0
"""No level's noise is taken for stronger than so many times the middle one's."""

BAND = 64
"""Rows that are read at a time."""

READ = 3_000_000
"""Pixels that are read, at most."""

_FOURTH = np.correlate(np.convolve(DIFFERENCE, DIFFERENCE), np.convolve(DIFFERENCE, DIFFERENCE), "full")
_APART = np.abs(np.arange(-4, 5))
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
        """(h, w, 3) grain of this size, independent from call to call.

        Args:
            total: (h, w) the variance that is wanted, relative to the plate's.
            fine: (h, w) the same of the power of its finest differences: where it is the larger one, finer grain is
                added than the plate's own.
        """
        both = [self._even((total.shape[0], total.shape[1]), rng) for _ in range(2)]
        power = difference_acf(self.size[0])[0] * difference_acf(self.size[1])[0]
        finer = cv2.sepFilter2D(both[1], -1, DIFFERENCE, DIFFERENCE) / np.sqrt(power)
        again = np.prod([(_FOURTH * correlation(s)[_APART]).sum() for s in self.size]) / power**2
        own = np.clip((again * total - fine) / (again - 1), 0, total)
        return np.asarray(np.sqrt(own)[..., None] * both[0] + np.sqrt(total - own)[..., None] * finer, np.float32)

    def _even(self, shape: tuple[int, int], rng: np.random.Generator) -> Array:
        """(h, w, 3) of this size and of variance 1."""
        (kx, ky), margin = (gaussian_taps(s) for s in self.size), 8
        white = rng.standard_normal((shape[0] + 2 * margin, shape[1] + 2 * margin, 3), dtype=np.float32)
        soft = cv2.sepFilter2D(white, -1, kx, ky)[margin:-margin, margin:-margin]
        return np.asarray(soft / np.sqrt((kx**2).sum() * (ky**2).sum()), np.float32)


@dataclass(frozen=True, eq=False)
class NeighbourSample:
    """A picture's places as a neighbouring frame shows them: leaves and cloth are there again, noise is not.

    Args:
        values: (h, w, 3) log range, resampled to lie over the picture.
        seen: (h, w) bool, where they may be compared.
        fine: 0 .. 1, the share that resampling left of the power of their noise's finest differences.
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
        again: the same places on a neighbouring frame: noise is no more than what differs there.

    Returns:
        None where there is none to speak of, or too little of the picture to tell.
    """
    bands = range(0, pixels.shape[0] - BLOCK - 3, BAND)
    every = max(1, -(-pixels.shape[0] * pixels.shape[1] // READ))
    read = [_places(pixels, shown, second, rows=slice(y, y + BAND + 4)) for y in bands[::every]]
    places = np.concatenate([np.zeros((0, 9 + 2 * LAGS)), *read])
    if len(places) < CROWD:
        return None
    order = np.argsort(places[:, 0], kind="stable")
    levels, crowds, lags = [], [], []
    for crowd in np.array_split(places[order], min(LEVELS, len(places) // CROWD)):
        smooth = crowd[np.argsort(crowd[:, 1], kind="stable")[: max(8, int(SMOOTH * len(crowd)))]]
        levels.append(np.median(smooth[:, 0]))
        twice = smooth[smooth[:, 8] == 1, 5:8]
        # A level that the neighbour hardly shows is no noisier than all that it does show.
        crowds.append((smooth[:, 2:5], twice if len(twice) >= 8 else places[places[:, 8] == 1, 5:8]))
        lags.append(smooth[:, 9:].sum(0) / max(smooth[:, 2:5].sum(), 1e-20))
    together = np.median(lags, axis=0)
    size = (_size(together[:LAGS]), _size(together[LAGS:]))
    if max(size) >= COARSEST:
        return None
    power = np.array([_of_the_calmest(once, size) for once, _ in crowds])
    if second is not None:
        bounds = [_of_the_calmest(twice, size) if len(twice) >= 8 else np.inf for _, twice in crowds]
        power = np.minimum(power, np.stack(np.broadcast_arrays(*bounds, power[0])[:-1]) / (1 + second.fine))
    variance = power / (difference_acf(size[0])[0] * difference_acf(size[1])[0])
    # Noise changes little from level to level; a level of leaves and grass stands out.
    variance = np.minimum(variance, STEADY**2 * np.median(variance, axis=0))
    variance[variance < QUIET**2] = 0
    return GrainModel(np.maximum.accumulate(levels), variance, size) if variance.any() else None


def _of_the_calmest(power: NDArray[np.float64], size: tuple[float, float]) -> NDArray[np.float64]:
    """(3,) the mean power that places (n, 3) have if all that the calmest of them show is noise of this size.

    Texture that passes for smooth is not everywhere alike, noise is: how much calmer than the mean the calmest places
    are by chance is known from how many values of a place are independent (chi-squared, after Wilson and Hilferty).
    """
    reach = 1 - np.arange(1, LAGS + 1) / BLOCK
    alike = np.prod([1 + 2 * (reach * (difference_acf(s)[1:] / difference_acf(s)[0]) ** 2).sum() for s in size])
    spread = 2 / 9 * alike / BLOCK**2
    calmest = np.cbrt(np.sort(power, axis=0)[: max(1, round(CALM * len(power)))]).mean(0)
    return np.asarray((calmest / (1 - spread + CALM_BY * np.sqrt(spread))) ** 3)


def _places(
    pixels: NDArray[np.floating], shown: Mask, second: NeighbourSample | None, *, rows: slice
) -> NDArray[np.float64]:
    """(n, 9 + 2 LAGS) of each place in these rows that is wholly shown: level, structure, power of the finest
    differences by channel, the same of what differs from the neighbouring frame and whether that shows it wholly, and
    the sums over channels of the finest differences' products along x and along y."""
    pixels, shown = pixels[rows], shown[rows]
    values = to_log(np.where(shown[..., None], pixels, 0))
    fine = cv2.sepFilter2D(values, -1, DIFFERENCE, DIFFERENCE)
    seen, off = np.zeros(shown.shape, np.float32), np.zeros_like(values)
    if second is not None:
        # A filter's taps reach two pixels further.
        seen = cv2.erode((second.seen[rows] & shown).astype(np.uint8), np.ones((5, 5), np.uint8)).astype(np.float32)
        off = cv2.sepFilter2D(values - second.values[rows], -1, DIFFERENCE, DIFFERENCE)
    level = channel_mean(values)
    soft = cv2.GaussianBlur(level, (0, 0), 2)
    slope = cv2.Sobel(soft, -1, 1, 0) ** 2 + cv2.Sobel(soft, -1, 0, 1) ** 2
    products = [
        np.einsum("hwc,hwc->hw", fine, np.roll(fine, lag, axis)) for axis in (1, 0) for lag in range(1, LAGS + 1)
    ]
    planes = np.dstack([level, slope, fine**2, off**2, seen, *products])
    whole = cv2.erode(shown.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0)
    means = _in_blocks(planes.astype(np.float64))
    return np.asarray(means[_in_blocks(whole[..., None].astype(np.float64))[..., 0] == 1])


def _in_blocks(planes: NDArray[np.float64]) -> NDArray[np.float64]:
    h, w = (side // BLOCK * BLOCK for side in planes.shape[:2])
    return np.asarray(planes[:h, :w].reshape(h // BLOCK, BLOCK, w // BLOCK, BLOCK, -1).mean((1, 3)))


def _size(together: NDArray[np.float64]) -> float:
    """The size whose differences hang together most like these, (LAGS,) relative to their power."""
    models = np.array([difference_acf(s)[1:] / difference_acf(s)[0] for s in _SIZES])
    return float(_SIZES[((models - together) ** 2).sum(1).argmin()])
