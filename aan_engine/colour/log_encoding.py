"""Scene-linear light to the log range in which frames are compared, and back.

Proxies, registration and the networks work in this range: there noise, shadows and highlights have similar weight.
Each channel is encoded by itself, so primaries stay what they are.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike, NDArray

TOE = 0.1
"""Light around which the curve turns from linear to logarithmic. Not measured separately; the
shipped weights were trained with it."""

GAIN = 1.0 / float(np.arcsinh(1.0 / TOE))
"""Puts linear 1 at exactly 1."""

TANGENT_BELOW = 1e-8
"""Below this argument asinh and sinh equal their argument in double precision; the formulas would cancel to 0."""

CHUNK = 1 << 16
"""Values that are encoded at a time, so that the intermediate arrays stay in the processor's cache."""


def to_log(linear: ArrayLike) -> NDArray[np.float32]:
    """Scene-linear light to the log range: `y = GAIN asinh(x / TOE)`.

    Any finite value has an image: 0 -> 0, 0.18 -> 0.45, 1 -> 1, 65504 -> 4.70; odd-symmetric through negatives,
    strictly monotonic, smooth everywhere, logarithmic well above `TOE`. Nothing is clamped. NaN stays NaN and
    infinities stay infinite: callers mask them.

    Convention: channel by channel, any shape; `from_log(to_log(x))` returns x within 1e-6 of itself over half's range.
    """
    return _apply_odd(linear, _asinh)


def from_log(encoded: ArrayLike) -> NDArray[np.float32]:
    """The log range back to scene-linear light: `x = TOE sinh(y / GAIN)`; see `to_log`."""
    return _apply_odd(encoded, _sinh)


def channel_mean(values: NDArray[np.float32]) -> NDArray[np.float32]:
    """(..., 3) -> (...): the mean of the channels; `ndarray.mean` takes ten times as long over so short an axis."""
    return np.asarray((values[..., 0] + values[..., 1] + values[..., 2]) / np.float32(3), np.float32)


def _apply_odd(values: ArrayLike, curve: Callable[[NDArray[np.float64]], NDArray[np.float64]]) -> NDArray[np.float32]:
    """A curve given for values from 0 on, continued through negative ones as an odd function."""
    given = np.asarray(values)
    flat, result = given.reshape(-1), np.empty(given.size, np.float32)
    with np.errstate(invalid="ignore", over="ignore"):  # signalling NaNs of a plate pass without a warning
        for begin in range(0, flat.size, CHUNK):
            part = flat[begin : begin + CHUNK].astype(np.float64)
            result[begin : begin + CHUNK] = np.copysign(curve(np.abs(part)), part)
    return result.reshape(given.shape)


def _asinh(light: NDArray[np.float64]) -> NDArray[np.float64]:
    x = light / TOE
    # NumPy's own asinh and sinh take two and a half times as long.
    return GAIN * np.where(x < TANGENT_BELOW, x, np.log(x + np.sqrt(x * x + 1)))


def _sinh(encoded: NDArray[np.float64]) -> NDArray[np.float64]:
    x = encoded / GAIN
    power = np.exp(x)
    return TOE * np.where(x < TANGENT_BELOW, x, 0.5 * (power - 1 / power))
