"""Halves: a picture's channels laid beside each other as float32, half precision looked up instead of converted.

There are no more than 65,536 of them. A table of these stays in the processor's cache, and gives the log range as
quickly as it gives light.
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
"""Rows of a plate that are laid out at a time."""


def stack_channels(shown: list[Array], halves: Callable[[], NDArray[np.float32]]) -> NDArray[np.float32]:
    """(h, w, 3) float32: three channels beside each other; those of halves as a table has them."""
    found = np.empty((*shown[0].shape, 3), np.float32)
    # A band at a time: channel after channel over a whole plate, each would push the others out of the cache.
    bands = [np.s_[row : row + BAND_ROWS] for row in range(0, len(found), BAND_ROWS)]
    if found.size and all_half(shown):
        for band in bands:
            bits = cv2.merge([values[band].view(np.uint16) for values in shown])
            halves().take(bits, out=found[band], mode="clip")
        return found
    # Signalling NaNs of a plate must not raise a warning on their way to float32.
    with np.errstate(invalid="ignore"):
        for band in bands:
            for column, values in enumerate(shown):
                found[band][..., column] = values[band]
    return found


def all_half(shown: list[Array]) -> bool:
    """Whether every channel is one of halves."""
    return all(values.dtype == np.float16 for values in shown)


@lru_cache(maxsize=1)
def linear_table() -> NDArray[np.float32]:
    """(65536,) all that a half can be, by its bits: looked up twice as fast as converted."""
    with np.errstate(invalid="ignore"):
        return np.arange(1 << 16, dtype=np.uint16).view(np.float16).astype(np.float32)


@lru_cache(maxsize=1)
def log_table() -> NDArray[np.float32]:
    """(65536,) the same in the log range: looked up five times as fast as worked out."""
    return to_log(linear_table())
