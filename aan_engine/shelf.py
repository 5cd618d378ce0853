"""The shelf: frames at full resolution, taken down to be sampled; a few of them are kept at hand.

It knows how much memory plates may take, and nothing of what is sampled from them.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from aan_engine.plate import Plate
from aan_engine.roles import Masks, Roles
from aan_engine.source import Source

PLATE_BYTES = 1_500_000_000
"""Plates kept in memory for sampling, at most."""


class Shelf:
    """Frames for sampling, the most recently used of them kept within `PLATE_BYTES`."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._kept: OrderedDict[int, Source] = OrderedDict()

    def source(self, index: int) -> Source:
        """The frame as something to sample from."""
        if index not in self._kept:
            self.keep(index, *self._roles.source(index))
        self._kept.move_to_end(index)
        return self._kept[index]

    def as_target(self, plate: Plate, masks: Masks) -> Source:
        """The target's own plate, and where it shows nothing of the background."""
        return Source(_compact(plate), masks.blocked)

    def keep(self, index: int, plate: Plate, masks: Masks) -> None:
        """Have a frame at hand that was read for another reason."""
        self._kept[index] = Source(_compact(plate), masks.blocked)
        while len(self._kept) > 1 and sum(s.nbytes for s in self._kept.values()) > PLATE_BYTES:
            self._kept.popitem(last=False)


def _compact(plate: Plate) -> NDArray[np.floating]:
    """The beauty in the file's own precision: half plates take half the memory."""
    channels = plate.parts[plate.beauty.part].channels
    kinds = {channels[name].dtype for name in plate.beauty.names}
    # Half holds the code values of a log plate, but not all the light that they may stand for.
    compact = kinds == {np.dtype(np.float16)} and plate.encoding is None
    return plate.pixels.astype(np.float16) if compact else plate.pixels
