"""Small things that Nuke hands out: formats, boxes, frame ranges, hashes of what lies upstream go as plain ints."""

from __future__ import annotations

from typing import Iterator, List, NamedTuple, Tuple

from .errors import NotInNuke
from .threads import main_thread_only


class Size(NamedTuple):
    """A format as the renderer needs it."""

    width: int
    height: int


@main_thread_only
class Format:
    def __init__(self, width: int, height: int, name: str = "", aspect: float = 1.0) -> None:
        self._width, self._height, self._name, self._aspect = width, height, name, aspect

    def width(self) -> int:
        return self._width

    def height(self) -> int:
        return self._height

    def name(self) -> str:
        return self._name

    def pixelAspect(self) -> float:
        return self._aspect


@main_thread_only
class Box:
    """x, y is the lower left pixel, r, t lies just beyond the upper right one."""

    def __init__(self, x: int, y: int, r: int, t: int) -> None:
        self._edges = (x, y, r, t)

    def x(self) -> int:
        return self._edges[0]

    def y(self) -> int:
        return self._edges[1]

    def r(self) -> int:
        return self._edges[2]

    def t(self) -> int:
        return self._edges[3]

    def w(self) -> int:
        return self._edges[2] - self._edges[0]

    def h(self) -> int:
        return self._edges[3] - self._edges[1]


@main_thread_only
class FrameRange:
    def __init__(self, first: int, last: int, increment: int = 1) -> None:
        self._parts = (int(first), int(last), int(increment))

    def first(self) -> int:
        return self._parts[0]

    def last(self) -> int:
        return self._parts[1]

    def increment(self) -> int:
        return self._parts[2]

    def frames(self) -> int:
        return len(list(self))

    def __iter__(self) -> Iterator[int]:
        first, last, step = self._parts
        return iter(range(first, last + 1, step))


@main_thread_only
class FrameRanges:
    """Of `1001-1010 1020`, of (first, last, increment), or of FrameRange objects."""

    def __init__(self, what: object = "") -> None:
        self._ranges: List[FrameRange] = []
        for part in str(what).split() if isinstance(what, str) else list(what):  # type: ignore[call-overload]
            if isinstance(part, FrameRange):
                self._ranges.append(part)
            elif isinstance(part, int):
                self._ranges.append(FrameRange(part, part))
            else:
                self._ranges.append(FrameRange(*_span(part)))

    def add(self, more: FrameRange) -> None:
        self._ranges.append(more)

    def size(self) -> int:
        return len(self._ranges)

    def toFrameList(self) -> List[int]:
        return sorted({frame for each in self._ranges for frame in each})

    def minFrame(self) -> int:
        return min(self.toFrameList())

    def maxFrame(self) -> int:
        return max(self.toFrameList())

    def __iter__(self) -> Iterator[FrameRange]:
        return iter(self._ranges)


def _span(text: str) -> Tuple[int, int, int]:
    numbers, _, step = str(text).partition("x")
    first, dash, last = numbers.partition("-")
    if not first.isdigit() or (dash and not last.isdigit()) or (step and not step.isdigit()):
        raise NotInNuke(f"no frame range: {text!r}")
    return int(first), int(last or first), int(step or 1)
