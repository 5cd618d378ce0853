"""Scene-linear light to the working log range, and back.

The network's proxies live in the working range: there noise, shadows and highlights have similar weight. Knows
nothing of colour spaces or files; primaries pass through as they are.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

# The toe: light of this size is where the curve turns from linear to logarithmic. The gain puts linear 1 at exactly 1.
TOE = 0.1
GAIN = 1.0 / float(np.arcsinh(1.0 / TOE))


def encode(linear: ArrayLike) -> NDArray[np.float32]:
    """Scene-linear light to the working range: `y = GAIN asinh(x / TOE)`.

    Any finite value has an image: 0 -> 0, 0.18 -> 0.45, 1 -> 1, 65504 -> 4.70; odd-symmetric through negatives,
    strictly monotonic, smooth everywhere, logarithmic well above `TOE`. Nothing is clamped. NaN stays NaN and
    infinities stay infinite: callers mask them.

    Convention: channel by channel, any shape; `decode(encode(x))` returns x within 1e-6 of itself over half's range.
    """
    with np.errstate(invalid="ignore"):  # signalling NaNs of a plate pass without a warning
        return (GAIN * np.arcsinh(np.asarray(linear, dtype=np.float64) / TOE)).astype(np.float32)


def decode(encoded: ArrayLike) -> NDArray[np.float32]:
    """The working range back to scene-linear light: `x = TOE sinh(y / GAIN)`; see `encode`."""
    with np.errstate(over="ignore", invalid="ignore"):
        return (TOE * np.sinh(np.asarray(encoded, dtype=np.float64) / GAIN)).astype(np.float32)
