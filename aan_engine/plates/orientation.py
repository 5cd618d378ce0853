"""How a stored picture is turned and mirrored to be shown: EXIF and TIFF orientation, and a movie's display matrix.

Plates and mattes are turned as they are read, so that the engine and its results know the picture as it is shown.

Convention: turns are clockwise, on the screen; rows count down, columns to the right, see `core.box`.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import atan2, degrees

import numpy as np

from aan_engine.core.box import Box
from aan_engine.core.types import Array

# A matrix whose smaller pair of numbers is below this share of the larger one turns by a whole number of quarters.
_NEARLY_ZERO = 0.01


@dataclass(frozen=True)
class Orientation:
    """One of the eight orientations. What is set is done in this order.

    Args:
        transposed: rows become columns.
        flipped: the order of the rows is reversed.
        mirrored: the order of the columns is reversed.
    """

    transposed: bool = False
    flipped: bool = False
    mirrored: bool = False

    @property
    def text(self) -> str:
        """For people, as in "turned by 90 degrees"; empty where pictures are shown as they are stored."""
        return _TEXTS[self]

    def turn(self, pixels: Array) -> Array:
        """(H, W) as stored -> (H, W) or (W, H) as shown, contiguous."""
        shown = pixels.T if self.transposed else pixels
        shown = shown[::-1] if self.flipped else shown
        return np.ascontiguousarray(shown[:, ::-1] if self.mirrored else shown)

    def turn_window(self, window: Box, *, display: Box) -> Box:
        """A window as stored -> as shown.

        Args:
            display: the display window as stored. As shown it has the same first pixel.
        """
        inside = window.relative_to(display)
        height, width = display.shape
        rows, columns = (inside.top, inside.bottom), (inside.left, inside.right)
        if self.transposed:
            rows, columns, height, width = columns, rows, width, height
        top, bottom = (height - rows[1], height - rows[0]) if self.flipped else rows
        left, right = (width - columns[1], width - columns[0]) if self.mirrored else columns
        return Box(top=top, bottom=bottom, left=left, right=right).shifted(display.top, display.left)

    def turn_aspect(self, aspect: float) -> float:
        """A pixel's width divided by its height, as stored -> as shown."""
        return 1 / aspect if self.transposed else aspect


UPRIGHT = Orientation()
"""The picture is shown as it is stored."""

_BY_EXIF = (
    UPRIGHT,
    Orientation(mirrored=True),
    Orientation(flipped=True, mirrored=True),
    Orientation(flipped=True),
    Orientation(transposed=True),
    Orientation(transposed=True, mirrored=True),
    Orientation(transposed=True, flipped=True, mirrored=True),
    Orientation(transposed=True, flipped=True),
)
_TEXTS = dict(
    zip(
        _BY_EXIF,
        (
            "",
            "mirrored",
            "turned by 180 degrees",
            "mirrored top to bottom",
            "turned by 90 degrees and mirrored",
            "turned by 90 degrees",
            "turned by 270 degrees and mirrored",
            "turned by 270 degrees",
        ),
        strict=True,
    )
)


def of_exif(number: int) -> Orientation:
    """The orientation of an EXIF or TIFF tag, 1 .. 8; anything else says nothing, and is upright."""
    return _BY_EXIF[number - 1] if 1 <= number <= len(_BY_EXIF) else UPRIGHT


def of_matrix(matrix: Sequence[int]) -> Orientation | None:
    """The orientation of a movie's display matrix; None where it turns by no whole number of quarters.

    Only the turn and the mirroring count: players ignore its scale and its shift.

    Args:
        matrix: nine numbers, row by row, as in FFmpeg's side data and in QuickTime's track header: a stored position
            (x, y) is shown at (m0 x + m3 y, m1 x + m4 y).
    """
    right, down = (matrix[0], matrix[1]), (matrix[3], matrix[4])  # where the axes of the stored picture point to
    straight, crossed = (abs(right[0]), abs(down[1])), (abs(right[1]), abs(down[0]))
    if not any((*straight, *crossed)):
        return UPRIGHT  # an empty matrix says nothing
    if max(crossed) <= _NEARLY_ZERO * min(straight):
        return Orientation(flipped=down[1] < 0, mirrored=right[0] < 0)
    if max(straight) <= _NEARLY_ZERO * min(crossed):
        return Orientation(transposed=True, flipped=right[1] < 0, mirrored=down[0] < 0)
    return None


def angle_of(matrix: Sequence[int]) -> int:
    """The turn of a display matrix in whole degrees, 0 .. 359, for people."""
    return round(degrees(atan2(matrix[1], matrix[0]))) % 360
