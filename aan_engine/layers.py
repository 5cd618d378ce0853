"""Layers: candidates as they are made: points sent somewhere, and what is seen there.

Each way to a source is a function: along the neighbours' motion, through one homography, through one that is bent. They
look at the shot through its `Views`.

Convention: as in `candidate`: positions are (x, y) on the source frame's proxy, pixel centres at integers, origin
top-left, y down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from aan_engine.candidate import Candidate, Kind, Neighbourhood
from aan_engine.motion import Array, Motion, project, sample, within
from aan_engine.origin import by_frame
from aan_engine.trace import follow

Scalar = TypeVar("Scalar", bound=np.generic)

CLEAN_AWAY = 5
"""Frames away that a clean plate counts as: it has no place in time."""


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
    for source, here in by_frame(frame):
        at = position[here]
        picture = views.image(source)
        seen = within(at, picture.shape) & (sample(views.visible(source), at) > 0.999)
        here, at = here[seen], at[seen]
        colour[here] = sample(picture, at, sharp=True)
        stir[here] = sample(views.stir(source), at)
        valid[here] = True
    blank = np.float32(0)
    away = np.where(frame < views.count, np.abs(frame - near.index), CLEAN_AWAY)
    return Candidate(
        kind,
        image=_spread(colour, near),
        valid=_spread(valid, near),
        frame=_spread(np.where(valid, frame, np.int32(-1)), near, blank=-1),
        position=_spread(position, near),
        distance=_spread(np.where(valid, away.astype(np.float32), blank), near),
        trust=_spread(np.where(valid, trust, blank), near),
        stir=_spread(stir, near),
    )


def _spread(values: NDArray[Scalar], near: Neighbourhood, *, blank: float = 0) -> NDArray[Scalar]:
    """Values of the n wanted pixels laid out over the box (h, w, ...)."""
    shape = near.wanted.shape
    out = np.full((shape[0] * shape[1], *values.shape[1:]), blank, values.dtype)
    out[near.cells] = values
    return out.reshape(*shape, *values.shape[1:])


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
