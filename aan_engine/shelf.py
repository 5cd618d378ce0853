"""The shelf: frames at full resolution, read once and kept at hand as long as there is room.

The same frame is a target in its turn and a source before and after. The shelf knows how much memory frames may take,
and nothing of what is done with them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aan_engine.motion import Mask
from aan_engine.plate import Plate
from aan_engine.roles import Masks, Roles
from aan_engine.source import Source

ROOM = 800_000_000
"""Bytes of frames kept, at most."""


@dataclass(frozen=True, eq=False)
class _Kept:
    """A frame, and a bit for each pixel: whether it may be taken from."""

    plate: Plate
    bits: NDArray[np.uint8]

    @property
    def nbytes(self) -> int:
        return self.plate.nbytes + self.bits.nbytes

    @cached_property
    def blocked(self) -> Mask:
        height, width = self.plate.shape
        return np.unpackbits(self.bits, count=height * width).view(np.bool_).reshape(height, width)


class Shelf:
    """Frames of one job, the most recently used of them kept within `ROOM`; for two threads at a time."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._kept: OrderedDict[tuple[int, bool], _Kept] = OrderedDict()
        self._lock = threading.Lock()

    def target(self, index: int) -> tuple[Plate, Masks]:
        """The frame as it came, to be filled, with its masks."""
        return self._taken(index, touched_up=False)

    def look(self, index: int) -> tuple[Plate, Masks]:
        """The frame as something to copy from, with its masks: what was painted by hand stands in the plate's place."""
        return self._taken(index, touched_up=self._is_touched_up(index))

    def source(self, index: int) -> Source:
        """The frame as something to copy from."""
        touched_up = self._is_touched_up(index)
        kept = self._find(index, touched_up)
        if kept is None:
            self._taken(index, touched_up=touched_up)
            kept = self._find(index, touched_up)
            assert kept is not None  # the latest always stays
        return Source(kept.plate, _Kept(kept.plate, kept.bits))

    def _is_touched_up(self, index: int) -> bool:
        return index >= self._roles.count or index in self._roles.painted

    def _taken(self, index: int, *, touched_up: bool) -> tuple[Plate, Masks]:
        kept = self._find(index, touched_up)
        known = None if kept is None else kept.plate
        plate, masks = self._roles.source(index, known) if touched_up else self._roles.target(index, known)
        if kept is None:
            self._keep((index, touched_up), _Kept(plate, np.packbits(masks.blocked)))
        return plate, masks

    def _find(self, index: int, touched_up: bool) -> _Kept | None:
        with self._lock:
            kept = self._kept.get((index, touched_up))
            if kept is not None:
                self._kept.move_to_end((index, touched_up))
            return kept

    def _keep(self, key: tuple[int, bool], kept: _Kept) -> None:
        with self._lock:
            self._kept[key] = kept
            while len(self._kept) > 1 and sum(k.nbytes for k in self._kept.values()) > ROOM:
                self._kept.popitem(last=False)
