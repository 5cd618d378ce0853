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

from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.homography import Homography
from aan_engine.core.sampling import inside, sample
from aan_engine.core.types import Array
from aan_engine.motion.flow_field import MotionField
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.motion.tracks import track_until_visible

Scalar = TypeVar("Scalar", bound=np.generic)

CLEAN_AWAY = 5
"""Frames away that a clean plate counts as: it has no place in time."""


def tracked(shot_motion: ShotMotion, hole: HoleRegion, *, reach: int) -> list[Candidate]:
    """Both directions of time, through the hole along with the camera."""
    return _followed(shot_motion, hole, Kind.TRACKED, reach=reach, displacement=shot_motion.displacement)


def tracked_with_surround(shot_motion: ShotMotion, hole: HoleRegion, *, reach: int) -> list[Candidate]:
    """Both directions of time, through the hole along with its surroundings."""
    return _followed(
        shot_motion, hole, Kind.TRACKED_WITH_SURROUND, reach=reach, displacement=shot_motion.surround_displacement
    )


def _followed(
    shot_motion: ShotMotion,
    hole: HoleRegion,
    kind: Kind,
    *,
    reach: int,
    displacement: Callable[[int, int], Array],
) -> list[Candidate]:
    points, leader = hole.points, hole.nearest_hidden
    candidates = []
    for direction in (1, -1):
        trace = track_until_visible(
            points,
            start=hole.index,
            direction=direction,
            reach=reach,
            frames=shot_motion.proxies.count,
            displacement=displacement,
            visible=shot_motion.images.usable,
            nearest_hidden=leader,
        )
        confidence = (1 / (1 + trace.steps / 10)).astype(np.float32)
        candidates.append(
            make_candidate(shot_motion, hole, kind, frame=trace.frame, position=trace.position, confidence=confidence)
        )
    return candidates


def through_homography(
    shot_motion: ShotMotion, hole: HoleRegion, *, reference: int, homography: Homography, confidence: float
) -> Candidate:
    """The whole neighbourhood seen through one homography (target -> reference)."""
    position = homography.apply(hole.points)
    frame = np.full(len(position), reference, np.int32)
    certainty = np.full(len(position), confidence, np.float32)
    return make_candidate(shot_motion, hole, Kind.HOMOGRAPHY, frame=frame, position=position, confidence=certainty)


def through_homography_flow(
    shot_motion: ShotMotion, hole: HoleRegion, *, reference: int, motion: MotionField
) -> Candidate:
    """The whole neighbourhood seen through a homography and the residual motion around the hole."""
    points = hole.points
    position = points + sample(motion.surround_displacement, points)
    frame = np.full(len(position), reference, np.int32)
    certainty = np.full(len(position), motion.inlier_share, np.float32)
    return make_candidate(shot_motion, hole, Kind.HOMOGRAPHY_FLOW, frame=frame, position=position, confidence=certainty)


def make_candidate(
    shot_motion: ShotMotion,
    hole: HoleRegion,
    kind: Kind,
    *,
    frame: NDArray[np.int32],
    position: Array,
    confidence: Array,
) -> Candidate:
    """A candidate from per-point sources (n,) and (n, 2); whatever is hidden or outside its frame is not valid."""
    n = len(frame)
    colour, stir = np.zeros((n, 3), np.float32), np.zeros(n, np.float32)
    valid = np.zeros(n, bool)
    for source, here in group_by_frame(frame):
        at = position[here]
        picture = shot_motion.images.image(source)
        seen = inside(at, picture.shape) & (sample(shot_motion.images.usable(source), at) > 0.999)
        here, at = here[seen], at[seen]
        colour[here] = sample(picture, at, sharp=True)
        stir[here] = sample(shot_motion.independent_motion(source), at)
        valid[here] = True
    blank = np.float32(0)
    away = np.where(frame < shot_motion.proxies.count, np.abs(frame - hole.index), CLEAN_AWAY)
    return Candidate(
        kind,
        image=_spread(colour, hole),
        valid=_spread(valid, hole),
        frame=_spread(np.where(valid, frame, np.int32(-1)), hole, blank=-1),
        position=_spread(position, hole),
        distance=_spread(np.where(valid, away.astype(np.float32), blank), hole),
        confidence=_spread(np.where(valid, confidence, blank), hole),
        independent_motion=_spread(stir, hole),
    )


def _spread(values: NDArray[Scalar], hole: HoleRegion, *, blank: float = 0) -> NDArray[Scalar]:
    """Values of the n wanted pixels laid out over the box (h, w, ...)."""
    shape = hole.wanted.shape
    out = np.full((shape[0] * shape[1], *values.shape[1:]), blank, values.dtype)
    out[hole.cells] = values
    return out.reshape(*shape, *values.shape[1:])


def synthesised(image: Array, hole: HoleRegion) -> Candidate:
    """The synthesised layer: `image` (h, w, 3) over the box, proposed everywhere."""
    shape = hole.hidden.shape
    return Candidate(
        Kind.SYNTHESISED,
        image=image,
        valid=np.ones(shape, bool),
        frame=np.full(shape, -1, np.int32),
        position=np.zeros((*shape, 2), np.float32),
        distance=np.zeros(shape, np.float32),
        confidence=np.zeros(shape, np.float32),
        independent_motion=np.zeros(shape, np.float32),
    )
