"""Candidates: proposals of what a hidden pixel shows, from which the chooser network picks.

A candidate covers the whole region that is worked on, the hole and its rim: for each pixel a source frame, a position
on that frame, the colour there, and measures for or against it. On the rim, where the target itself is
visible, a candidate can be compared with the truth.

Convention: positions are (x, y) on the source frame's proxy, pixel centres at integers, origin top-left, y down.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask

RIM = 8
"""Visible proxy pixels around the hole that candidates cover, for comparison. The chooser was trained with as many."""

CELL = 8
"""Side, in proxy pixels, of a cell of the networks' feature maps; boxes begin and end on cells."""


class Kind(IntEnum):
    """How a candidate was found. The numbers are those of the chooser's embedding: they must not change."""

    TRACKED = 0
    """Followed from frame to frame along the camera's motion until the pixel comes into view."""
    HOMOGRAPHY = 1
    """One homography to a distant reference frame."""
    ATTENTION = 2
    """A patch that looks alike, found by attention: the texture of what no frame shows. The chooser does
    not score it: it enters afterwards, see `selection.texture_fill`."""
    PREVIOUS = 3
    """The source of the previous target's fill, moved along by the motion between the two targets."""
    SYNTHESISED = 4
    """Made up by the inpainter: on no plate."""
    TRACKED_WITH_SURROUND = 5
    """As TRACKED, but a hidden pixel moves as the visible surroundings of the hole do, foreground included."""
    HOMOGRAPHY_FLOW = 6
    """As HOMOGRAPHY, plus the optical flow that the homography leaves unexplained around the hole."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One proposal for every pixel of a box of the target's proxy.

    Args:
        kind: how it was found.
        image: (h, w, 3) float32, log range: the proposed colours; 0 where `valid` is False.
        valid: (h, w) bool, where there is a proposal.
        frame: (h, w) int32, index of the source frame; -1 where synthesised or not valid.
        position: (h, w, 2) float32, position on that frame.
        distance: (h, w) float32, frames between source and target.
        confidence: (h, w) float32 in 0 .. 1, how reliable the alignment is that led there.
        independent_motion: (h, w) float32, proxy pixels per frame by which the source pixel moves relative to the
            camera's motion: large on foreground.
    """

    kind: Kind
    image: Array
    valid: Mask
    frame: NDArray[np.int32]
    position: Array
    distance: Array
    confidence: Array
    independent_motion: Array


@dataclass(frozen=True, eq=False)
class HoleRegion:
    """The part of a target's proxy that is worked on: the hole, its visible rim, and the box around both.

    Args:
        index: the target's index in the shot.
        top, left: the box's first row and column on the proxy.
        hidden: (h, w) bool over the box: the hole.
        region: (h, w) bool over the box: the hole and its rim.
        unusable: (h, w) bool over the box: visible pixels of something else (an object that passes in front, a shadow).
            They are no surroundings of the hole: nothing is compared with them or joined to them.
    """

    index: int
    top: int
    left: int
    hidden: Mask
    region: Mask
    unusable: Mask

    @cached_property
    def box(self) -> Box:
        """The box on the proxy: `image[hole.box.slices]` is the part of a whole proxy that the masks cover."""
        height, width = self.hidden.shape
        return Box(top=self.top, bottom=self.top + height, left=self.left, right=self.left + width)

    @cached_property
    def cells(self) -> NDArray[np.intp]:
        """(n,) flat indices of the region's pixels in the box."""
        return np.flatnonzero(self.region)

    @cached_property
    def points(self) -> Array:
        """(n, 2) float32 positions (x, y) of the region's pixels on the whole proxy."""
        ys, xs = np.divmod(self.cells, self.region.shape[1])
        return np.stack([xs + self.left, ys + self.top], -1).astype(np.float32)

    @cached_property
    def nearest_hidden(self) -> NDArray[np.intp]:
        """(n,) for each of the region's pixels the index, among them, of the nearest hidden one."""
        number = np.full(self.region.shape, -1, np.intp)
        number[self.region] = np.arange(int(self.region.sum()))
        _, label = cv2.distanceTransformWithLabels(
            (~self.hidden).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        nearest = np.zeros(int(label.max()) + 1, np.intp)
        nearest[label[self.hidden]] = number[self.hidden]
        return nearest[label[self.region]]


def hole_region(index: int, hidden: Mask, *, unusable: Mask | None = None) -> HoleRegion | None:
    """The region of a target whose proxy hides `hidden` (h, w) bool; None without a hole.

    The box holds the rim and at least one cell more on each side, as far as the proxy reaches, and its sides are
    multiples of `CELL` except at the proxy's own edges.

    Args:
        unusable: (h, w) bool over the proxy, see `HoleRegion`; what is hidden does not count.
    """
    if not hidden.any():
        return None
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM + 1, 2 * RIM + 1))
    region = cv2.dilate(hidden.astype(np.uint8), disc) > 0
    rows, columns = np.flatnonzero(region.any(1)), np.flatnonzero(region.any(0))
    h, w = hidden.shape
    top, left = max(0, rows[0] - CELL) // CELL * CELL, max(0, columns[0] - CELL) // CELL * CELL
    bottom, right = min(h, (rows[-1] + 2 * CELL) // CELL * CELL), min(w, (columns[-1] + 2 * CELL) // CELL * CELL)
    box = np.s_[top:bottom, left:right]
    visible_unusable = np.zeros_like(hidden[box]) if unusable is None else unusable[box] & ~hidden[box]
    return HoleRegion(index, int(top), int(left), hidden[box], region[box], visible_unusable)
