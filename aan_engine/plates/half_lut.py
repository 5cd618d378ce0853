"""Three channels as one float32 picture, half precision by table lookup.

Half precision has 65,536 values. A table of all of them stays in the processor's cache, and returns log-range values as
fast as linear ones.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import to_log

Array = NDArray[Any]

BAND_ROWS = 64
"""Rows that are converted at a time."""


def stack_channels(channels: list[Array], table: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """Three channels (h, w) as one picture, (h, w, 3) float32.

    Args:
        channels: of float types; converted to float32 unless all are half.
        table: returns (65536,) float32, the value for each bit pattern of half.
    """
    stacked = np.empty((*channels[0].shape, 3), np.float32)
    # Band by band: one whole channel of a large plate would push the others out of the cache.
    bands = [np.s_[row : row + BAND_ROWS] for row in range(0, len(stacked), BAND_ROWS)]
    if stacked.size and all_half(channels):
        for band in bands:
            bits = cv2.merge([values[band].view(np.uint16) for values in channels])
            table().take(bits, out=stacked[band], mode="clip")
        return stacked
    # Converting a signalling NaN would warn.
    with np.errstate(invalid="ignore"):
        for band in bands:
            for column, values in enumerate(channels):
                stacked[band][..., column] = values[band]
    return stacked


def all_half(channels: list[Array]) -> bool:
    """Whether every channel is in half precision."""
    return all(values.dtype == np.float16 for values in channels)


@lru_cache(maxsize=1)
def linear_table() -> NDArray[np.float32]:
    """(65536,) float32, every half by its bit pattern: lookup is twice as fast as conversion."""
    with np.errstate(invalid="ignore"):
        return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


@lru_cache(maxsize=1)
def log_table() -> NDArray[np.float32]:
    """(65536,) float32, every half in the log range: lookup is five times as fast as computing it."""
    return to_log(linear_table())
