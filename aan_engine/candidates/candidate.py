"""Candidates: every place where a hidden pixel might be seen, proposed for the network to choose from.

A candidate is a whole layer over the hole's neighbourhood: for each pixel a frame, a position on that frame, and
what speaks for it. Layers also cover the visible rim around the hole, where they can be compared with the plate.

Convention: positions are (x, y) on the source frame's proxy, pixel centres at integers, origin top-left, y down.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask

RIM = 8
"""How many visible pixels around the hole a layer covers, for comparison."""


class Kind(IntEnum):
    """Which pathway proposed a candidate."""

    TRACKED = 0
    """Adjacent motion, traced from frame to frame until the pixel comes into view."""
    HOMOGRAPHY = 1
    """One homography to a distant reference."""
    ATTENTION = 2
    """The best-matching place found by non-local attention."""
    PREVIOUS = 3
    """Where the previous frame's answer came from, carried along by motion."""
    SYNTHESISED = 4
    """Synthesised by the residual pathway: on no plate."""
    TRACKED_WITH_SURROUND = 5
    """As CHAINED, but through the hole a pixel moves as its surroundings do, not as the camera."""
    HOMOGRAPHY_FLOW = 6
    """As DIRECT, with the residual motion that the homography leaves."""


@dataclass(frozen=True, eq=False)
class Candidate:
    """One layer of proposals over a box of the target's proxy.

    Args:
        kind: the pathway.
        image: (h, w, 3) float32, log range: what would be copied; 0 where `valid` is False.
        valid: (h, w) bool, where the layer proposes anything.
        frame: (h, w) int32, index of the source frame, -1 where none (painted, or not valid).
        position: (h, w, 2) float32, where in that frame.
        distance: (h, w) float32, how many frames away.
        confidence: (h, w) float32, 0 .. 1, the alignment's own word.
        stir: (h, w) float32, proxy pixels by which the source pixel moves against the camera: foreground.
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
    """The part of a target's proxy that is worked on: the hole, its rim, and the box around both.

    Args:
        index: the target's index in the shot.
        top, left: the box's corner on the proxy.
        hidden: (h, w) bool over the box.
        wanted: (h, w) bool over the box: the hole and its rim.
        barred: (h, w) bool over the box: what stands there (something that passes in front, a shadow) is no part of the
            hole's surroundings: nothing is compared with it.
    """

    index: int
    top: int
    left: int
    hidden: Mask
    wanted: Mask
    unusable: Mask

    @cached_property
    def cells(self) -> NDArray[np.intp]:
        """(n,) the wanted pixels' flat indices in the box."""
        return np.flatnonzero(self.wanted)

    @cached_property
    def points(self) -> Array:
        """(n, 2) the wanted pixels' positions on the whole proxy."""
        ys, xs = np.divmod(self.cells, self.wanted.shape[1])
        return np.stack([xs + self.left, ys + self.top], -1).astype(np.float32)

    @cached_property
    def nearest_hidden(self) -> NDArray[np.intp]:
        """(n,) for each wanted pixel the index (among the wanted) of the nearest hidden one."""
        number = np.full(self.wanted.shape, -1, np.intp)
        number[self.wanted] = np.arange(int(self.wanted.sum()))
        _, label = cv2.distanceTransformWithLabels(
            (~self.hidden).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        nearest = np.zeros(int(label.max()) + 1, np.intp)
        nearest[label[self.hidden]] = number[self.hidden]
        return nearest[label[self.wanted]]


def hole_region(index: int, hidden: Mask, *, unusable: Mask | None = None) -> HoleRegion | None:
    """The box around `hidden` (h, w) with its rim, its sides multiples of 8 where the proxy is; None without a hole."""
    if not hidden.any():
        return None
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * RIM + 1, 2 * RIM + 1))
    wanted = cv2.dilate(hidden.astype(np.uint8), disc) > 0
    rows, columns = np.flatnonzero(wanted.any(1)), np.flatnonzero(wanted.any(0))
    h, w = hidden.shape
    top, left = max(0, rows[0] - 8) // 8 * 8, max(0, columns[0] - 8) // 8 * 8
    bottom, right = min(h, (rows[-1] + 16) // 8 * 8), min(w, (columns[-1] + 16) // 8 * 8)
    box = np.s_[top:bottom, left:right]
    apart = np.zeros_like(hidden[box]) if unusable is None else unusable[box] & ~hidden[box]
    return HoleRegion(index, int(top), int(left), hidden[box], wanted[box], apart)
