"""Scene-linear light to the working log range, and back.

The network's proxies live in the working range: there noise, shadows and highlights have similar weight. Knows
nothing of colour spaces or files; primaries pass through as they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The toe: light of this size is where the curve turns from linear to logarithmic. The gain puts linear 1 at exactly 1.
TOE = 0.1
GAIN = 1.0 / float(np.arcsinh(1.0 / TOE))

TINY = 1e-8
"""Below this size the curve is its tangent, and 1 more would swallow it."""

AT_ONCE = 1 << 16
"""Values that are worked on at a time: what lies between them and the result stays in the processor's cache."""


def to_log(linear: ArrayLike) -> NDArray[np.float32]:
    """Scene-linear light to the working range: `y = GAIN asinh(x / TOE)`.

    Any finite value has an image: 0 -> 0, 0.18 -> 0.45, 1 -> 1, 65504 -> 4.70; odd-symmetric through negatives,
    strictly monotonic, smooth everywhere, logarithmic well above `TOE`. Nothing is clamped. NaN stays NaN and
    infinities stay infinite: callers mask them.

    Convention: channel by channel, any shape; `decode(encode(x))` returns x within 1e-6 of itself over half's range.
    """
    return _curved(linear, _asinh)


def from_log(encoded: ArrayLike) -> NDArray[np.float32]:
    """The working range back to scene-linear light: `x = TOE sinh(y / GAIN)`; see `encode`."""
    return _curved(encoded, _sinh)


def channel_mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 3) -> (...): the mean of the channels; `mean` takes ten times as long over so short an axis."""
    return np.asarray((values[..., 0] + values[..., 1] + values[..., 2]) / np.float32(3), np.float32)


def _curved(values: ArrayLike, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float32]:
    """A curve for sizes from 0 on, laid over values of either sign."""
    given = np.asarray(values)
    flat, found = given.reshape(-1), np.empty(given.size, np.float32)
    with np.errstate(invalid="ignore", over="ignore"):  # signalling NaNs of a plate pass without a warning
        for begin in range(0, flat.size, AT_ONCE):
            part = flat[begin : begin + AT_ONCE].astype(np.float64)
            found[begin : begin + AT_ONCE] = np.copysign(curve(np.abs(part)), part)
    return found.reshape(given.shape)


def _asinh(size: NDArray[np.float64]) -> NDArray[np.float64]:
    size = size / TOE
    # The library's own asinh and sinh take two and a half times as long.
    return GAIN * np.where(size < TINY, size, np.log(size + np.sqrt(size * size + 1)))


def _sinh(size: NDArray[np.float64]) -> NDArray[np.float64]:
    size = size / GAIN
    grown = np.exp(size)
    return TOE * np.where(size < TINY, size, 0.5 * (grown - 1 / grown))
