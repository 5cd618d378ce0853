"""The grain model: white noise under a Gaussian. Its autocorrelation, and what resampling leaves of it.

What `estimate` fits, `GrainModel.synthesise` draws, and `denoise` takes for noise.

The finest differences of a picture are its second differences, (1, -2, 1), along both axes at once.

Convention: sizes are the Gaussian's standard deviation in plate pixels, along x and y; 0 is white noise.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array

LAGS = 3
"""Lags, in pixels, over which the autocorrelation of finest differences is compared; not measured separately."""

DIFFERENCE = np.array([1, -2, 1], np.float32)
"""The taps of the second difference along an axis."""

TWICE = np.correlate(DIFFERENCE, DIFFERENCE, "full").astype(np.float64)
"""Autocorrelation of white noise's second differences over lags -2 ... 2."""


def gaussian_taps(size: float) -> NDArray[np.float64]:
    """(15,) the taps, summing to 1, of the Gaussian that makes white noise into grain of this size."""
    taps = np.arange(-7, 8)
    kernel = (taps == 0).astype(np.float64) if size <= 0 else np.exp(-0.5 * (taps / max(size, 0.05)) ** 2)
    return np.asarray(kernel / kernel.sum(), np.float64)


def correlation(size: float) -> NDArray[np.float64]:
    """(15,) the autocorrelation of grain of this size over lags 0, 1, 2 ... along an axis; 1 at lag 0."""
    kernel = gaussian_taps(size)
    found = np.correlate(kernel, kernel, "full")[len(kernel) - 1 :]
    return np.asarray(found / found[0], np.float64)


def resampling_gain(at: Array, size: tuple[float, float]) -> Array:
    """What bicubic samples at plate positions (n, 2) keep of the power of grain: (n, 3), 0 .. 1.

    The share of its variance, then of the power of its finest differences, which resampling takes first, then of its
    lowest frequencies, which it leaves alone: 1. See `FillBuffer`.

    Convention: OpenCV's bicubic kernel, a = -0.75, positions rounded to 1/32 of a pixel as it does.
    """
    x, y = (np.rint(at * 32).astype(np.int64) % 32).T
    return _gains(size)[32 * x + y]


@lru_cache(maxsize=16)
def _gains(size: tuple[float, float]) -> Array:
    """(32 * 32, 3) see `resampling_gain`, by the fractions of x and y in 1/32 of a pixel."""
    shares = []
    for along in size:
        acf = _resampled_acf(along)
        fine = acf[:, [2, 1, 0, 1, 2]] @ TWICE / difference_acf(along)[0]
        shares.append(np.stack([acf[:, 0], fine, np.ones_like(fine)], -1))
    return np.clip(shares[0][:, None] * shares[1][None], 0, 1).astype(np.float32).reshape(-1, 3)


@lru_cache(maxsize=16)
def _resampled_acf(size: float) -> NDArray[np.float64]:
    """(32, 3) the autocovariance of bicubic samples over lags 0, 1 and 2, by their fraction; the grain's own is 1."""
    taps, rho = _cubic(np.arange(32) / 32), correlation(size)
    lags = np.subtract.outer(np.arange(4), np.arange(4))
    return np.stack([np.einsum("ni,ij,nj->n", taps, rho[np.abs(lags + lag)], taps) for lag in range(3)], -1)


def _cubic(fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) the weights of the pixels at -1, 0, 1 and 2 for samples at (n,) fractions, 0 .. 1."""
    x, a = np.abs(fraction[:, None] - np.array([-1, 0, 1, 2])), -0.75
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


@lru_cache(maxsize=64)
def difference_acf(size: float) -> NDArray[np.float64]:
    """(1 + LAGS,) the autocovariance of second differences along an axis, of grain of this size and of variance 1."""
    rho = correlation(size)
    return np.array(
        [sum(t * rho[abs(d + o)] for o, t in zip(range(-2, 3), TWICE, strict=True)) for d in range(1 + LAGS)]
    )
