"""A cutting: the part of a plate's picture that is copied from, kept when the plate itself has gone.

Convention: windows are (top, bottom, left, right) in the plate's rows and columns, `bottom` and `right` excluded.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import joined
from aan_engine.plates.plate import Part, PictureChannels, Plate, linear_region, log_region

Window = tuple[int, int, int, int]


@dataclass(frozen=True, eq=False)
class PlateCrop:
    """A window of a plate's picture, in the file's own type; every other channel is left out.

    Args:
        plate: the plate, with nothing in it but that.
    """

    window: Window
    plate: Plate

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self.plate.nbytes

    def holds(self, window: Window) -> bool:
        """Whether all of a window is in it."""
        return joined(self.window, window) == self.window

    def region(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.float32]:
        """As `Plate.region`, of a window that it holds."""
        y, x = self.window[0], self.window[2]
        return linear_region(self.plate, (top - y, bottom - y, left - x, right - x))

    def log_region(self, top: int, bottom: int, left: int, right: int) -> NDArray[np.float32]:
        """As `Plate.logs`, of a window that it holds."""
        y, x = self.window[0], self.window[2]
        return log_region(self.plate, (top - y, bottom - y, left - x, right - x))


def crop_plate(plate: Plate, window: Window) -> PlateCrop:
    """The cutting of a plate."""
    top, bottom, left, right = window
    part = plate.parts[plate.picture.part]
    channels = {name: np.ascontiguousarray(part.channels[name][top:bottom, left:right]) for name in plate.picture.names}
    kept = Part(part.description, {}, channels, {})
    return PlateCrop(
        window, Plate(plate.path, plate.frame, (kept,), PictureChannels(0, plate.picture.names), plate.encoding)
    )
