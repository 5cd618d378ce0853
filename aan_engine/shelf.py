"""The shelf: frames at full resolution, read once and kept at hand as long as there is room.

The same frame is a target in its turn and a source before and after. The shelf knows how much memory frames may take,
and nothing of what is done with them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict

from aan_engine.plate import Plate
from aan_engine.roles import Masks, Roles
from aan_engine.source import Source

ROOM = 1_200_000_000
"""Bytes of frames kept, at most."""


class Shelf:
    """Frames of one job, the most recently used of them kept within `ROOM`; for two threads at a time."""

    def __init__(self, roles: Roles) -> None:
        self._roles = roles
        self._kept: OrderedDict[tuple[int, bool], tuple[Plate, Masks]] = OrderedDict()
        self._lock = threading.Lock()

    def target(self, index: int) -> tuple[Plate, Masks]:
        """The frame as it came, to be filled."""
        return self._frame(index, touched_up=False)

    def source(self, index: int) -> Source:
        """The frame as something to copy from."""
        return Source(*self.look(index))

    def look(self, index: int) -> tuple[Plate, Masks]:
        """The frame as something to copy from, with its masks: what was painted by hand stands in the plate's place."""
        return self._frame(index, touched_up=index >= self._roles.count or index in self._roles.painted)

    def _frame(self, index: int, *, touched_up: bool) -> tuple[Plate, Masks]:
        key = (index, touched_up)
        with self._lock:
            if key in self._kept:
                self._kept.move_to_end(key)
                return self._kept[key]
        found = self._roles.source(index) if touched_up else self._roles.target(index)
        with self._lock:
            self._kept[key] = found
            while len(self._kept) > 1 and sum(p.nbytes + m.nbytes for p, m in self._kept.values()) > ROOM:
                self._kept.popitem(last=False)
        return found
