"""The proxy's scale: positions and displacements between a plate and its proxy.

Convention: positions are (x, y), pixel centres at integers, origin at the first pixel of either picture, y down. A
proxy pixel's centre p lies on the plate at (p + .5) / s - .5, with s the proxy's size over the plate's, per axis.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array

Positions = NDArray[np.floating[Any]]


@dataclass(frozen=True, eq=False)
class ProxyScale:
    """How many proxy pixels there are to a plate pixel.

    Args:
        factor: (2,) float32, along x and y; at most 1 each.
    """

    factor: Array

    @classmethod
    def between(cls, plate: tuple[int, ...], proxy: tuple[int, ...]) -> ProxyScale:
        """By both pictures' shapes (h, w ...)."""
        return cls(np.array([proxy[1] / plate[1], proxy[0] / plate[0]], np.float32))

    @property
    def coarseness(self) -> float:
        """Plate pixels to a proxy pixel, along the axis that has fewer."""
        return float(1 / self.factor.max())

    def to_proxy(self, points: Positions) -> Positions:
        """Plate positions (..., 2) on the proxy."""
        return (points + 0.5) * self.factor - 0.5

    def to_plate(self, points: Positions) -> Positions:
        """Proxy positions (..., 2) on the plate."""
        return (points + 0.5) / self.factor - 0.5

    def length_on_plate(self, pixels: float) -> float:
        """So many proxy pixels in plate pixels, along the axis that has more."""
        return pixels / float(self.factor.min())
