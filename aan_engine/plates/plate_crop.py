"""A crop: the box of a plate's picture that is copied from, kept when the plate itself has been dropped from memory.

Convention: boxes count from the first pixel of the plate's `window`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.plates.plate import Part, PictureChannels, Plate


@dataclass(frozen=True, eq=False)
class PlateCrop:
    """A box of a plate's picture in the file's own type, without any other channel.

    Args:
        box: its place on the plate.
        plate: a plate that holds these pixels only, without a canvas; its description is still that of the whole plate.
    """

    box: Box
    plate: Plate

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.plate.nbytes

    def region(self, box: Box) -> NDArray[np.float32]:
        """As `Plate.region`, of a box that it contains."""
        return self.plate.region(box.relative_to(self.box))

    def log_region(self, box: Box) -> NDArray[np.float32]:
        """As `Plate.log_region`, of a box that it contains."""
        return self.plate.log_region(box.relative_to(self.box))


def crop_plate(plate: Plate, box: Box) -> PlateCrop:
    """The crop of a plate."""
    part = plate.parts[plate.picture.part]
    stored = zip(plate.picture.names, plate.stored(box), strict=True)
    channels = {name: np.ascontiguousarray(values) for name, values in stored}
    kept = Part(part.description, {}, channels, {})
    return PlateCrop(
        box, Plate(plate.path, plate.frame, (kept,), PictureChannels(0, plate.picture.names), plate.encoding)
    )
