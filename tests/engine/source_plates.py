"""Arrays as sources to copy from, without a file behind them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import Box
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

    def region(self, box: Box) -> Array:
        return self.pixels[box.slices].astype(np.float32)

    def log_region(self, box: Box) -> Array:
        return to_log(self.region(box))


def source_of(pixels: NDArray[np.floating], blocked: NDArray[np.bool_] | None = None) -> SourcePlate:
    picture = Picture(pixels, np.zeros(pixels.shape[:2], bool) if blocked is None else blocked)
    return SourcePlate(picture, picture)


@dataclass(frozen=True, eq=False)
class MadeSources:
    """A shot's other frames for a target, as `rendering.target.Sources` wants them; nothing leads between them."""

    plates: Callable[[int], SourcePlate]
    static: Callable[[int], bool] = lambda frame: False
    count: int = 20

    def source(self, frame: int) -> SourcePlate:
        return self.plates(frame)

    def displacement(self, frame: int, to: int) -> Array | None:
        return None

    def is_static(self, frame: int) -> bool:
        return self.static(frame)
