"""Layers: candidates as they are made: points sent somewhere, and what is seen there.

Each way to a source is a function: along the neighbours' motion, through one homography, through one that is bent. They
look at the shot through its `Survey`.

Convention: as in `candidate`: positions are (x, y) on the source frame's proxy, pixel centres at integers, origin
top-left, y down.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from aan_engine.candidates.candidate import Candidate, Kind, Neighbourhood
from aan_engine.core.grouping import by_frame
from aan_engine.core.homography import project
from aan_engine.core.sampling import sample, within
from aan_engine.core.types import Array
from aan_engine.motion.flow_field import Motion
from aan_engine.motion.shot_motion import Survey
from aan_engine.motion.tracks import follow

Scalar = TypeVar("Scalar", bound=np.generic)

CLEAN_AWAY = 5
"""Frames away that a clean plate counts as: it has no place in time."""


def chained(survey: Survey, near: Neighbourhood, *, reach: int) -> list[Candidate]:
    """Both directions of time, through the hole along with the camera."""
    return _followed(survey, near, Kind.CHAINED, reach=reach, shift=survey.shift)


def carried(survey: Survey, near: Neighbourhood, *, reach: int) -> list[Candidate]:
    """Both directions of time, through the hole along with its surroundings."""
    return _followed(survey, near, Kind.CARRIED, reach=reach, shift=survey.carried)


def _followed(
    survey: Survey,
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
            frames=survey.reel.count,
            shift=shift,
            visible=survey.gallery.open,
            leader=leader,
        )
        trust = (1 / (1 + trace.steps / 10)).astype(np.float32)
        layers.append(layer(survey, near, kind, frame=trace.frame, position=trace.position, trust=trust))
    return layers


def direct(
    survey: Survey, near: Neighbourhood, *, reference: int, homography: NDArray[np.float64], trust: float
) -> Candidate:
    """The whole neighbourhood seen through one homography (target -> reference)."""
    position = project(homography, near.points)
    frame = np.full(len(position), reference, np.int32)
    certainty = np.full(len(position), trust, np.float32)
    return layer(survey, near, Kind.DIRECT, frame=frame, position=position, trust=certainty)


def bent(survey: Survey, near: Neighbourhood, *, reference: int, motion: Motion) -> Candidate:
    """The whole neighbourhood seen through a homography and the residual motion around the hole."""
    points = near.points
    position = points + sample(motion.carried, points)
    frame = np.full(len(position), reference, np.int32)
    certainty = np.full(len(position), motion.trust, np.float32)
    return layer(survey, near, Kind.BENT, frame=frame, position=position, trust=certainty)


def layer(
    survey: Survey,
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
        picture = survey.gallery.image(source)
        seen = within(at, picture.shape) & (sample(survey.gallery.open(source), at) > 0.999)
        here, at = here[seen], at[seen]
        colour[here] = sample(picture, at, sharp=True)
        stir[here] = sample(survey.stir(source), at)
        valid[here] = True
    blank = np.float32(0)
    away = np.where(frame < survey.reel.count, np.abs(frame - near.index), CLEAN_AWAY)
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
