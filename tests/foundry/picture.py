"""A picture as Nuke has it: channels within a bounding box, on a format, y upwards, black outside of the box."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any, Dict, Iterable, NamedTuple, Tuple

import numpy as np

from .values import Size

Array = np.ndarray


class Bounds(NamedTuple):
    """x, y is the lower left pixel; r, t lies beyond the upper right one."""

    x: int
    y: int
    r: int
    t: int

    def union(self, other: Bounds) -> Bounds:
        if self.empty or other.empty:
            return other if self.empty else self
        return Bounds(min(self.x, other.x), min(self.y, other.y), max(self.r, other.r), max(self.t, other.t))

    def intersect(self, other: Bounds) -> Bounds:
        x, y = max(self.x, other.x), max(self.y, other.y)
        return Bounds(x, y, max(x, min(self.r, other.r)), max(y, min(self.t, other.t)))

    @property
    def shape(self) -> Tuple[int, int]:
        return self.t - self.y, self.r - self.x

    @property
    def empty(self) -> bool:
        return self.r <= self.x or self.t <= self.y


NOTHING = Bounds(0, 0, 0, 0)


@dataclass(frozen=True)
class Picture:
    """`channels` by Nuke's names (`rgba.red`), float32, shaped as `box`, the lowest row first."""

    format: Size
    box: Bounds
    channels: Dict[str, Array]
    metadata: Dict[str, Any] = field(default_factory=dict)

    def plane(self, channel: str, box: Bounds) -> Array:
        """One channel over another box: black where there is nothing, and where there is no such channel."""
        found = np.zeros(box.shape, np.float32)
        shared = self.box.intersect(box)
        if channel in self.channels and not shared.empty:
            rows = slice(shared.y - self.box.y, shared.t - self.box.y)
            columns = slice(shared.x - self.box.x, shared.r - self.box.x)
            target = (slice(shared.y - box.y, shared.t - box.y), slice(shared.x - box.x, shared.r - box.x))
            found[target] = self.channels[channel][rows, columns]
        return found

    def over(self, box: Bounds) -> Picture:
        """The same picture with another bounding box."""
        if box == self.box:
            return self
        return replace(self, box=box, channels={name: self.plane(name, box) for name in self.channels})

    def having(self, changed: Dict[str, Array]) -> Picture:
        """With some channels replaced or added; they are shaped as the box."""
        fresh = {
            name: np.asarray(np.broadcast_to(value, self.box.shape), np.float32) for name, value in changed.items()
        }
        return replace(self, channels={**self.channels, **fresh})

    def keeping(self, names: Iterable[str]) -> Picture:
        wanted = set(names)
        return replace(self, channels={name: value for name, value in self.channels.items() if name in wanted})

    def at(self, channel: str, x: int, y: int) -> float:
        return float(self.plane(channel, Bounds(x, y, x + 1, y + 1))[0, 0])


def black(size: Size) -> Picture:
    return Picture(size, NOTHING, {})


def whole(size: Size) -> Bounds:
    return Bounds(0, 0, size.width, size.height)
