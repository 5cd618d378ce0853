"""Candidates: every place where a hidden pixel might be seen, proposed for the network to choose from.

A candidate is a whole layer over the hole's neighbourhood: for each pixel a frame, a position on that frame, and
what speaks for it. Layers also cover the visible rim around the hole, where they can be compared with the plate.

Convention: positions are (x, y) on the source frame's proxy, pixel centres at integers, origin top-left, y down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from enum import IntEnum
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.motion import Array, Mask, Motion, project, sample, within
from aan_engine.trace import follow

Scalar = TypeVar("Scalar", bound=np.generic)

RIM = 8
"""How many visible pixels around the hole a layer covers, for comparison."""


CLEAN_AWAY = 5
"""Frames away that a clean plate counts as: it has no place in time."""


class Kind(IntEnum):
    """Which pathway proposed a candidate."""

    CHAINED = 0
    """Adjacent motion, traced from frame to frame until the pixel comes into view."""
    DIRECT = 1
    """One homography to a distant reference."""
    ATTENDED = 2
    """The best-matching place found by non-local attention."""
    RECURRENT = 3
    """Where the previous frame's answer came from, carried along by motion."""
    PAINTED = 4
    """Synthesised by the residual pathway: on no plate."""
    CARRIED = 5
    """As CHAINED, but through the hole a pixel moves as its surroundings do, not as the camera."""
    BENT = 6
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
        trust: (h, w) float32, 0 .. 1, the alignment's own word.
        stir: (h, w) float32, proxy pixels by which the source pixel moves against the camera: foreground.
    """

    kind: Kind
    image: Array
    valid: Mask
    frame: NDArray[np.int32]
    position: Array
    distance: Array
    trust: Array
    stir: Array


@dataclass(frozen=True, eq=False)
class Neighbourhood:
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
    barred: Mask

    @property
    def points(self) -> Array:
        """(n, 2) the wanted pixels' positions on the whole proxy."""
        ys, xs = np.nonzero(self.wanted)
        return np.stack([xs + self.left, ys + self.top], -1).astype(np.float32)

    @property
    def leader(self) -> NDArray[np.intp]:
        """(n,) for each wanted pixel the index (among the wanted) of the nearest hidden one."""
        number = np.full(self.wanted.shape, -1, np.intp)
        number[self.wanted] = np.arange(int(self.wanted.sum()))
        _, label = cv2.distanceTransformWithLabels(
            (~self.hidden).astype(np.uint8), cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL
        )
        nearest = np.zeros(int(label.max()) + 1, np.intp)
        nearest[label[self.hidden]] = number[self.hidden]
        return nearest[label[self.wanted]]


def neighbourhood(index: int, hidden: Mask, *, barred: Mask | None = None) -> Neighbourhood | None:
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
    apart = np.zeros_like(hidden[box]) if barred is None else barred[box] & ~hidden[box]
    return Neighbourhood(index, int(top), int(left), hidden[box], wanted[box], apart)


@dataclass(frozen=True, eq=False)
class Views:
    """How candidates look at the shot: each a function of frame indices on proxies.

    Args:
        count: frames in the shot.
        image: frame -> (h, w, 3) log range.
        visible: frame -> (h, w) float32, 1 where a pixel may be a source.
        shift: (from, to) -> displacement (h, w, 2) between neighbours, see `Motion.shift`.
        carried: the same, see `Motion.carried`.
        stir: frame -> (h, w) float32, motion against the camera, in pixels.
    """

    count: int
    image: Callable[[int], Array]
    visible: Callable[[int], Array]
    shift: Callable[[int, int], Array]
    carried: Callable[[int, int], Array]
    stir: Callable[[int], Array]


def chained(views: Views, near: Neighbourhood, *, reach: int) -> list[Candidate]:
    """Both directions of time, through the hole along with the camera."""
    return _followed(views, near, Kind.CHAINED, reach=reach, shift=views.shift)


def carried(views: Views, near: Neighbourhood, *, reach: int) -> list[Candidate]:
    """Both directions of time, through the hole along with its surroundings."""
    return _followed(views, near, Kind.CARRIED, reach=reach, shift=views.carried)


def _followed(
    views: Views,
    near: Neighbourhood,
    kind: Kind,
    *,
    reach: int,
    shift: Callable[[int, int], Array],
) -> list[Candidate]:
    points, leader = near.points, near.leader
    layers = []
    for direction in (1, -1):
        trace = follow(
            points,
            start=near.index,
            direction=direction,
            reach=reach,
            frames=views.count,
            shift=shift,
            visible=views.visible,
            leader=leader,
        )
        trust = (1 / (1 + trace.steps / 10)).astype(np.float32)
        layers.append(layer(views, near, kind, frame=trace.frame, position=trace.position, trust=trust))
    return layers


def direct(
    views: Views, near: Neighbourhood, *, reference: int, homography: NDArray[np.float64], trust: float
) -> Candidate:
    """The whole neighbourhood seen through one homography (target -> reference)."""
    position = project(homography, near.points)
    frame = np.full(len(position), reference, np.int32)
    certainty = np.full(len(position), trust, np.float32)
    return layer(views, near, Kind.DIRECT, frame=frame, position=position, trust=certainty)


def bent(views: Views, near: Neighbourhood, *, reference: int, motion: Motion) -> Candidate:
    """The whole neighbourhood seen through a homography and the residual motion around the hole."""
    points = near.points
    position = points + sample(motion.carried, points)
    frame = np.full(len(position), reference, np.int32)
    certainty = np.full(len(position), motion.trust, np.float32)
    return layer(views, near, Kind.BENT, frame=frame, position=position, trust=certainty)


def layer(
    views: Views,
    near: Neighbourhood,
    kind: Kind,
    *,
    frame: NDArray[np.int32],
    position: Array,
    trust: Array,
) -> Candidate:
    """A candidate from per-point sources (n,) and (n, 2); whatever is hidden or outside its frame is not valid."""
    n = len(frame)
    colour, stir = np.zeros((n, 3), np.float32), np.zeros(n, np.float32)
    valid = np.zeros(n, bool)
    for source in np.unique(frame[frame >= 0]):
        here = np.flatnonzero(frame == source)
        at = position[here]
        picture = views.image(int(source))
        seen = within(at, picture.shape) & (sample(views.visible(int(source)), at) > 0.999)
        here, at = here[seen], at[seen]
        colour[here] = sample(picture, at, sharp=True)
        stir[here] = sample(views.stir(int(source)), at)
        valid[here] = True
    blank = np.float32(0)
    away = np.where(frame < views.count, np.abs(frame - near.index), CLEAN_AWAY)
    return Candidate(
        kind,
        image=_spread(colour, near.wanted),
        valid=_spread(valid, near.wanted),
        frame=_spread(np.where(valid, frame, np.int32(-1)), near.wanted, blank=-1),
        position=_spread(position, near.wanted),
        distance=_spread(np.where(valid, away.astype(np.float32), blank), near.wanted),
        trust=_spread(np.where(valid, trust, blank), near.wanted),
        stir=_spread(stir, near.wanted),
    )


def _spread(values: NDArray[Scalar], wanted: Mask, *, blank: float = 0) -> NDArray[Scalar]:
    """Values of the n wanted pixels laid out over the box (h, w, ...)."""
    out = np.full((*wanted.shape, *values.shape[1:]), blank, values.dtype)
    out[wanted] = values
    return out


def painted(image: Array, near: Neighbourhood) -> Candidate:
    """The synthesised layer: `image` (h, w, 3) over the box, proposed everywhere."""
    shape = near.hidden.shape
    return Candidate(
        Kind.PAINTED,
        image=image,
        valid=np.ones(shape, bool),
        frame=np.full(shape, -1, np.int32),
        position=np.zeros((*shape, 2), np.float32),
        distance=np.zeros(shape, np.float32),
        trust=np.zeros(shape, np.float32),
        stir=np.zeros(shape, np.float32),
    )
