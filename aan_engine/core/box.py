"""Boxes: rectangles of pixels, in one convention for the whole engine.

Convention: rows count down from the top, columns to the right, both from 0 at the first pixel's centre. A box runs from
`top` to `bottom` and from `left` to `right`, the latter of each pair excluded. EXR files say the same with the last row
and column included: `Box.from_exr` and `Box.as_exr` are the only places that know.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil, floor

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask


@dataclass(frozen=True, kw_only=True)
class Box:
    """A rectangle of pixels, or of positions on an EXR file's infinite plane; never turned inside out, may be empty.

    Args:
        top, bottom: rows, `bottom` excluded.
        left, right: columns, `right` excluded.
    """

    top: int
    bottom: int
    left: int
    right: int

    @classmethod
    def whole(cls, shape: tuple[int, ...]) -> Box:
        """All of a picture of `shape` (h, w ...)."""
        return cls(top=0, bottom=shape[0], left=0, right=shape[1])

    @classmethod
    def around_mask(cls, mask: Mask, *, margin: int = 0) -> Box | None:
        """The smallest box around what is True in (h, w), grown by `margin` and cut at the edges; None without any."""
        rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
        if not rows.size:
            return None
        found = cls(top=int(rows[0]), bottom=int(rows[-1]) + 1, left=int(columns[0]), right=int(columns[-1]) + 1)
        return found.grown(margin, margin).clipped(mask.shape)

    @classmethod
    def around_points(cls, points: Array, *, margin: int, shape: tuple[int, ...]) -> Box:
        """The pixels of a picture of `shape` (h, w ...) around positions (..., 2), of which there is at least one.

        From `margin` pixels before to `margin` pixels beyond all pixels beside the positions; a position outside counts
        as the nearest pixel.

        Convention: positions are (x, y).
        """

        def span(along: Array, size: int) -> tuple[int, int]:
            low, high = (min(max(float(end), 0), size - 1) for end in (along.min(), along.max()))
            return max(floor(low) - margin, 0), min(ceil(high) + margin + 1, size)

        (left, right), (top, bottom) = span(points[..., 0], shape[1]), span(points[..., 1], shape[0])
        return cls(top=top, bottom=bottom, left=left, right=right)

    @classmethod
    def from_exr(cls, window: tuple[int, int, int, int]) -> Box:
        """An EXR window (xMin, yMin, xMax, yMax), whose ends are included."""
        x0, y0, x1, y1 = window
        return cls(top=y0, bottom=y1 + 1, left=x0, right=x1 + 1)

    def as_exr(self) -> tuple[int, int, int, int]:
        """(xMin, yMin, xMax, yMax), ends included, as EXR files have it."""
        return self.left, self.top, self.right - 1, self.bottom - 1

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.bottom - self.top, self.right - self.left

    @property
    def area(self) -> int:
        """Pixels in it."""
        return (self.bottom - self.top) * (self.right - self.left)

    @property
    def slices(self) -> tuple[slice, slice]:
        """For `array[box.slices]`."""
        return slice(self.top, self.bottom), slice(self.left, self.right)

    def contains(self, other: Box) -> bool:
        """Whether all of `other` is in it."""
        return self.union(other) == self

    def union(self, other: Box) -> Box:
        """The smallest box that holds both."""
        return Box(
            top=min(self.top, other.top),
            bottom=max(self.bottom, other.bottom),
            left=min(self.left, other.left),
            right=max(self.right, other.right),
        )

    def intersection(self, other: Box) -> Box:
        """What both hold; of no area where they have nothing in common."""
        top, left = max(self.top, other.top), max(self.left, other.left)
        bottom, right = max(min(self.bottom, other.bottom), top), max(min(self.right, other.right), left)
        return Box(top=top, bottom=bottom, left=left, right=right)

    def clipped(self, shape: tuple[int, ...]) -> Box:
        """As far as it lies on a picture of `shape` (h, w ...)."""
        return self.intersection(Box.whole(shape))

    def grown(self, rows: int, columns: int) -> Box:
        """Larger by so many pixels on each side."""
        return Box(top=self.top - rows, bottom=self.bottom + rows, left=self.left - columns, right=self.right + columns)

    def shifted(self, down: int, right: int) -> Box:
        """Moved by so many pixels."""
        return Box(top=self.top + down, bottom=self.bottom + down, left=self.left + right, right=self.right + right)

    def relative_to(self, other: Box) -> Box:
        """The same box, its rows and columns counted from the first pixel of `other`."""
        return self.shifted(-other.top, -other.left)


def masked_pixels(mask: Mask) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns (n,) each of what is True, as `np.nonzero` has them, searched for in its box alone."""
    box = Box.around_mask(mask)
    if box is None:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    ys, xs = np.nonzero(mask[box.slices])
    return ys + box.top, xs + box.left


def tiles(box: Box, side: int, *, aligned: bool = True) -> list[Box]:
    """The tiles of `side` pixels that cover a box, row by row; the last ones may go beyond it.

    Args:
        aligned: whether tiles begin at multiples of `side`, so that they are the same whichever box asked for them;
            otherwise they begin at the box's own corner.
    """
    top, left = (box.top // side * side, box.left // side * side) if aligned else (box.top, box.left)
    return [
        Box(top=y, bottom=y + side, left=x, right=x + side)
        for y in range(top, box.bottom, side)
        for x in range(left, box.right, side)
    ]
