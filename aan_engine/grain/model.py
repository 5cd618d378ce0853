"""Noise: white noise blurred by a Gaussian, how it hangs together, and what resampling leaves of it.

The model that `grain` is told and drawn by.

Convention: sizes are the Gaussian's standard deviation in plate pixels, along x and y; 0 is white noise.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array

LAGS = 3
"""Pixels over which differences are held against each other."""

DIFFERENCE = np.array([1, -2, 1], np.float32)
"""The finest difference along an axis."""

TWICE = np.correlate(DIFFERENCE, DIFFERENCE, "full").astype(np.float64)
"""How the finest differences of white noise hang together over -2 ... 2 pixels."""


def gaussian_taps(size: float) -> NDArray[np.float64]:
    """(15,) the Gaussian that makes white noise into grain of this size."""
    taps = np.arange(-7, 8)
    kernel = (taps == 0).astype(np.float64) if size <= 0 else np.exp(-0.5 * (taps / max(size, 0.05)) ** 2)
    return np.asarray(kernel / kernel.sum(), np.float64)


def correlation(size: float) -> NDArray[np.float64]:
    """(15,) how noise of this size hangs together over 0, 1, 2 ... pixels along an axis."""
    kernel = gaussian_taps(size)
    found = np.correlate(kernel, kernel, "full")[len(kernel) - 1 :]
    return np.asarray(found / found[0], np.float64)


def resampling_gain(at: Array, size: tuple[float, float]) -> Array:
    """What bicubic samples at plate positions (n, 2) keep of the noise: (n, 3), 0 .. 1.

    First the share of its variance, then of the power of its finest differences, which resampling takes first, then of
    its softest part, which it leaves alone.

    Convention: OpenCV's kernel, a = -0.75, positions rounded to 1/32 of a pixel as it does.
    """
    x, y = (np.rint(at * 32).astype(np.int64) % 32).T
    return _gains(size)[32 * x + y]


@lru_cache(maxsize=16)
def _gains(size: tuple[float, float]) -> Array:
    """(32 * 32, 3) see `kept_shares`, by the fractions of x and y."""
    shares = []
    for along in size:
        left = _resampled_acf(along)
        fine = left[:, [2, 1, 0, 1, 2]] @ TWICE / difference_acf(along)[0]
        shares.append(np.stack([left[:, 0], fine, np.ones_like(fine)], -1))
    return np.clip(shares[0][:, None] * shares[1][None], 0, 1).astype(np.float32).reshape(-1, 3)


@lru_cache(maxsize=16)
def _resampled_acf(size: float) -> NDArray[np.float64]:
    """(32, 3) how samples a whole 0, 1 and 2 pixels apart hang together, by their fraction of a pixel; noise has 1."""
    taps, rho = _cubic(np.arange(32) / 32), correlation(size)
    apart = np.subtract.outer(np.arange(4), np.arange(4))
    return np.stack([np.einsum("ni,ij,nj->n", taps, rho[np.abs(apart + lag)], taps) for lag in range(3)], -1)


def _cubic(fraction: NDArray[np.float64]) -> NDArray[np.float64]:
    """(n, 4) the weights of the pixels at -1, 0, 1 and 2."""
    x, a = np.abs(fraction[:, None] - np.array([-1, 0, 1, 2])), -0.75
    near = ((a + 2) * x - (a + 3)) * x * x + 1
    far = ((a * x - 5 * a) * x + 8 * a) * x - 4 * a
    return np.where(x <= 1, near, np.where(x < 2, far, 0))


@lru_cache(maxsize=64)
def difference_acf(size: float) -> NDArray[np.float64]:
    """(1 + LAGS,) along an axis: the products of the second differences of noise of this size over 0, 1 ... pixels."""
    rho = correlation(size)
    return np.array(
        [sum(t * rho[abs(d + o)] for o, t in zip(range(-2, 3), TWICE, strict=True)) for d in range(1 + LAGS)]
    )
