"""Candidate builders: from positions on source frames to a candidate, with the colours and figures found there.

One function for each way to a source: tracked along the motion between neighbouring frames, through one homography,
or through a homography with residual flow. All read the shot through its `ShotMotion`.

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
from aan_engine.core.sampling import all_taps_on, sample
from aan_engine.core.types import Array
from aan_engine.motion.flow_field import MotionField
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.motion.tracks import track_until_visible

Scalar = TypeVar("Scalar", bound=np.generic)

CLEAN_AWAY = 5
"""Frames of distance that a clean plate counts as: it has no place in time. Not measured separately."""

STEPS_TO_HALF = 10
"""Tracking steps after which a track's confidence has fallen to a half. The chooser was trained with it; not measured
separately."""


def tracked(shot_motion: ShotMotion, hole: HoleRegion, *, reach: int) -> list[Candidate]:
    """Two candidates, towards later and earlier frames; hidden pixels move as the camera does.

    Args:
        reach: frames that are followed at most.
    """
    return _tracked(shot_motion, hole, Kind.TRACKED, reach=reach, displacement=shot_motion.displacement)


def tracked_with_surround(shot_motion: ShotMotion, hole: HoleRegion, *, reach: int) -> list[Candidate]:
    """Two candidates, towards later and earlier frames; hidden pixels move as the hole's surroundings do."""
    return _tracked(
        shot_motion, hole, Kind.TRACKED_WITH_SURROUND, reach=reach, displacement=shot_motion.surround_displacement
    )


def _tracked(
    shot_motion: ShotMotion,
    hole: HoleRegion,
    kind: Kind,
    *,
    reach: int,
    displacement: Callable[[int, int], Array],
) -> list[Candidate]:
    candidates = []
    for direction in (1, -1):
        tracks = track_until_visible(
            hole.points,
            start=hole.index,
            direction=direction,
            reach=reach,
            frames=shot_motion.proxies.count,
            displacement=displacement,
            visible=shot_motion.images.usable,
            nearest_hidden=hole.nearest_hidden,
        )
        confidence = (1 / (1 + tracks.steps / STEPS_TO_HALF)).astype(np.float32)
        candidates.append(
            make_candidate(shot_motion, hole, kind, frame=tracks.frame, position=tracks.position, confidence=confidence)
        )
    return candidates


def through_homography(
    shot_motion: ShotMotion, hole: HoleRegion, *, reference: int, homography: Homography, confidence: float
) -> Candidate:
    """The whole region as a reference frame shows it, through one homography (target -> reference)."""
    position = homography.apply(hole.points)
    frame = np.full(len(position), reference, np.int32)
    everywhere = np.full(len(position), confidence, np.float32)
    return make_candidate(shot_motion, hole, Kind.HOMOGRAPHY, frame=frame, position=position, confidence=everywhere)


def through_homography_flow(
    shot_motion: ShotMotion, hole: HoleRegion, *, reference: int, motion: MotionField
) -> Candidate:
    """The whole region as a reference frame shows it, through a homography and the residual flow around the hole."""
    points = hole.points
    position = points + sample(motion.surround_displacement, points)
    frame = np.full(len(position), reference, np.int32)
    everywhere = np.full(len(position), motion.inlier_share, np.float32)
    return make_candidate(
        shot_motion, hole, Kind.HOMOGRAPHY_FLOW, frame=frame, position=position, confidence=everywhere
    )


def make_candidate(
    shot_motion: ShotMotion,
    hole: HoleRegion,
    kind: Kind,
    *,
    frame: NDArray[np.int32],
    position: Array,
    confidence: Array,
) -> Candidate:
    """A candidate from the sources of the region's n pixels; not valid where the source is hidden or off its frame.

    Args:
        frame: (n,) index of the source frame, negative for none.
        position: (n, 2) position on it.
        confidence: (n,) in 0 .. 1.
    """
    n = len(frame)
    colour, independent_motion = np.zeros((n, 3), np.float32), np.zeros(n, np.float32)
    valid = np.zeros(n, bool)
    for source, members in group_by_frame(frame):
        at = position[members]
        image = shot_motion.images.image(source)
        usable = all_taps_on(shot_motion.images.usable(source), at)
        members, at = members[usable], at[usable]
        colour[members] = sample(image, at, sharp=True)
        independent_motion[members] = sample(shot_motion.independent_motion(source), at)
        valid[members] = True
    zero = np.float32(0)
    distance = np.where(frame < shot_motion.proxies.count, np.abs(frame - hole.index), CLEAN_AWAY)
    return Candidate(
        kind,
        image=_over_box(colour, hole),
        valid=_over_box(valid, hole),
        frame=_over_box(np.where(valid, frame, np.int32(-1)), hole, blank=-1),
        position=_over_box(position, hole),
        distance=_over_box(np.where(valid, distance.astype(np.float32), zero), hole),
        confidence=_over_box(np.where(valid, confidence, zero), hole),
        independent_motion=_over_box(independent_motion, hole),
    )


def _over_box(values: NDArray[Scalar], hole: HoleRegion, *, blank: float = 0) -> NDArray[Scalar]:
    """Values (n, ...) of the region's pixels laid out over the box (h, w, ...), `blank` elsewhere."""
    shape = hole.region.shape
    out = np.full((shape[0] * shape[1], *values.shape[1:]), blank, values.dtype)
    out[hole.cells] = values
    return out.reshape(*shape, *values.shape[1:])


def synthesised(image: Array, hole: HoleRegion) -> Candidate:
    """The inpainter's picture as a candidate: `image` (h, w, 3) log range over the box, valid everywhere."""
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
