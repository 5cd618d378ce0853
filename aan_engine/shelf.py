"""The shelf: plates at full resolution, taken down to be sampled; a few of them are kept at hand.

It knows how much memory plates may take, and nothing of what is sampled from them.
"""

from __future__ import annotations

from collections import OrderedDict

import numpy as np
from numpy.typing import NDArray

from aan_engine import exr, matte
from aan_engine.motion import Array
from aan_engine.plate import Plate
from aan_engine.shot import Shot
from aan_engine.transport import Source

PLATE_BYTES = 1_500_000_000
"""Plates kept in memory for sampling, at most."""


class Shelf:
    """Plates for sampling, the most recently used of them kept within `PLATE_BYTES`."""

    def __init__(self, shot: Shot) -> None:
        self._shot = shot
        self._kept: OrderedDict[int, Source] = OrderedDict()

    def read(self, index: int) -> tuple[Plate, Array]:
        """The plate and its matte, whole, from disk."""
        file = self._shot.plates[index]
        plate = exr.read(file.path, frame=file.frame)
        return plate, roto_of(self._shot, plate)

    def source(self, index: int) -> Source:
        """The plate as something to sample from."""
        if index not in self._kept:
            plate, roto = self.read(index)
            finite = np.isfinite(plate.pixels).all(-1)
            self._kept[index] = Source(_compact(plate), (roto > 0) | ~finite)
            while (
                len(self._kept) > 1
                and sum(s.pixels.nbytes + s.blocked.nbytes for s in self._kept.values()) > PLATE_BYTES
            ):
                self._kept.popitem(last=False)
        self._kept.move_to_end(index)
        return self._kept[index]


def _compact(plate: Plate) -> NDArray[np.floating]:
    """The beauty in the file's own precision: half plates take half the memory."""
    channels = plate.parts[plate.beauty.part].channels
    kinds = {channels[name].dtype for name in plate.beauty.names}
    return plate.pixels.astype(np.float16) if kinds == {np.dtype(np.float16)} else plate.pixels


def roto_of(shot: Shot, plate: Plate) -> Array:
    """The plate's matte, (H, W) float32 over its data window; see `matte.read`."""
    file = shot.matte_of(plate.frame)
    return matte.read(file.path, frame=plate.frame, channel=shot.matte_channel, like=plate)
