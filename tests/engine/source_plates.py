"""Arrays as sources to copy from, without a file behind them."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import to_log
from aan_engine.plates.source_plate import SourcePlate
from tests.engine.shots import Array


@dataclass(frozen=True, eq=False)
class Picture:
    """An array as a source's picture, and what is blocked of it."""

    pixels: Array
    blocked: NDArray[np.bool_]

    @property
    def shape(self) -> tuple[int, int]:
        return self.blocked.shape[0], self.blocked.shape[1]

    def region(self, top: int, bottom: int, left: int, right: int) -> Array:
        return self.pixels[top:bottom, left:right].astype(np.float32)

    def log_region(self, top: int, bottom: int, left: int, right: int) -> Array:
        return to_log(self.region(top, bottom, left, right))


def source_of(pixels: NDArray[np.floating], blocked: NDArray[np.bool_] | None = None) -> SourcePlate:
    picture = Picture(pixels, np.zeros(pixels.shape[:2], bool) if blocked is None else blocked)
    return SourcePlate(picture, picture)
