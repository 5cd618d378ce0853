"""Boxes."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Box = tuple[int, int, int, int]


def box_around(hidden: NDArray[np.bool_], *, margin: int) -> Box | None:
    """The smallest box around what is hidden, grown by `margin` pixels and cut at the frame's edges.

    Returns:
        (y0, y1, x0, x1) with y1 and x1 excluded, for `array[y0:y1, x0:x1]`; None where nothing is hidden.
    """
    rows, columns = np.flatnonzero(hidden.any(axis=1)), np.flatnonzero(hidden.any(axis=0))
    if not rows.size:
        return None
    height, width = hidden.shape
    return (
        max(int(rows[0]) - margin, 0),
        min(int(rows[-1]) + 1 + margin, height),
        max(int(columns[0]) - margin, 0),
        min(int(columns[-1]) + 1 + margin, width),
    )


def masked_pixels(hidden: NDArray[np.bool_]) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Rows and columns of what is hidden, as `np.nonzero` has them, looked for in its box alone."""
    around = box_around(hidden, margin=0)
    if around is None:
        return np.zeros(0, np.intp), np.zeros(0, np.intp)
    y0, y1, x0, x1 = around
    ys, xs = np.nonzero(hidden[y0:y1, x0:x1])
    return ys + y0, xs + x0


def grown(window: Box, *, by: float, shape: tuple[int, int]) -> Box:
    """A window grown on each side by this share of its size, as far as the plate goes."""
    top, bottom, left, right = window
    y, x = round(by * (bottom - top)), round(by * (right - left))
    return max(0, top - y), min(shape[0], bottom + y), max(0, left - x), min(shape[1], right + x)


def joined(one: Box | None, other: Box) -> Box:
    """The smallest window that holds both."""
    if one is None:
        return other
    return min(one[0], other[0]), max(one[1], other[1]), min(one[2], other[2]), max(one[3], other[3])
