"""The shelf: frames at full resolution, read once and kept at hand as long as there is room.

The same frame is a target in its turn and a source before and after. The shelf knows how much memory frames may take,
and nothing of what is done with them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

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

    @property
    def blocked(self) -> Mask:
        """(H, W), unpacked anew for whoever asks: kept that way it would take eight times the room."""
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
        return self._with_masks(index, touched_up=False)

    def look(self, index: int) -> tuple[Plate, Masks]:
        """The frame as something to copy from, with its masks: what was painted by hand stands in the plate's place."""
        return self._with_masks(index, touched_up=self._is_touched_up(index))

    def source(self, index: int) -> Source:
        """The frame as something to copy from."""
        key = (index, self._is_touched_up(index))
        kept = self._find(key) or self._read(key)[0]
        return Source(kept.plate, kept)

    def _is_touched_up(self, index: int) -> bool:
        return index >= self._roles.count or index in self._roles.painted

    def _with_masks(self, index: int, *, touched_up: bool) -> tuple[Plate, Masks]:
        key = (index, touched_up)
        kept, masks = self._read(key, self._find(key))
        return kept.plate, masks

    def _read(self, key: tuple[int, bool], kept: _Kept | None = None) -> tuple[_Kept, Masks]:
        """The frame with its masks; its plate is not read again if it was `kept`."""
        known = None if kept is None else kept.plate
        plate, masks = self._roles.source(key[0], known) if key[1] else self._roles.target(key[0], known)
        if kept is None:
            # Handed on from here: another thread's frame may have pushed it off the shelf by the next look.
            kept = _Kept(plate, np.packbits(masks.blocked))
            self._keep(key, kept)
        return kept, masks

    def _find(self, key: tuple[int, bool]) -> _Kept | None:
        with self._lock:
            kept = self._kept.get(key)
            if kept is not None:
                self._kept.move_to_end(key)
            return kept

    def _keep(self, key: tuple[int, bool], kept: _Kept) -> None:
        with self._lock:
            self._kept[key] = kept
            while len(self._kept) > 1 and sum(k.nbytes for k in self._kept.values()) > ROOM:
                self._kept.popitem(last=False)
