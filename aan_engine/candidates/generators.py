"""Candidate generators: all candidates of a target, kind by kind.

They follow the stages of the align-and-attend network (arXiv 1905.13066): alignment gives tracked and homography
candidates, recurrence the previous target's sources moved along. (The residual stage synthesises: that candidate is
made in `selection`. Refinement fills what no candidate shows: `attention`.)
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.candidates.builders import (
    make_candidate,
    through_homography,
    through_homography_flow,
    tracked,
    tracked_with_surround,
)
from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind
from aan_engine.candidates.references import references
from aan_engine.core.sampling import inside, sample
from aan_engine.core.types import Array
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.registration.photometric import Registration

REFERENCES = 3
"""Distant references per target. Eight gain .03 dB over the three scenes of `evaluation/ablation.md`, two lose .1
dB."""

WITH_FLOW = 1
"""References, the best first, that also get a candidate with residual flow. Not measured separately."""

LONGEST_HANDED_ON = 60
"""Frames of distance up to which a source is handed on from target to target: position errors add up. Not measured
separately."""

PREVIOUS_CONFIDENCE = 0.5
"""The confidence of a source that was handed on. The chooser was trained with it; not measured separately."""


@dataclass(frozen=True)
class EnabledKinds:
    """What is proposed: everything, unless an ablation leaves something out. Not a control of the artist's.

    Args:
        kinds: the kinds of candidates; the synthesised one is always there.
        references: distant references per target.
    """

    kinds: frozenset[Kind] = frozenset(Kind)
    references: int = REFERENCES


ALL_KINDS = EnabledKinds()
"""Everything, as shots are filled."""

SEEN_KINDS = EnabledKinds(frozenset(Kind) - {Kind.ATTENTION})
"""Without texture for what no frame shows."""


@dataclass(frozen=True, eq=False)
class PreviousSources:
    """Where each hidden pixel of a target was copied from, kept for the next target.

    Args:
        index: the target's index in the shot.
        frame: (h, w) int32 over the whole proxy: source frame, -1 where none.
        position: (h, w, 2) float32: position on that frame.
    """

    index: int
    frame: NDArray[np.int32]
    position: Array

    @classmethod
    def of(
        cls, hole: HoleRegion, candidates: list[Candidate], *, weights: Array, size: tuple[int, int]
    ) -> PreviousSources:
        """The source of the candidate with the largest weight.

        Args:
            weights: (K, h, w) of the K candidates over the box.
            size: (h, w) of the proxy.
        """
        winner = weights.argmax(0)
        frame, position = np.full(size, -1, np.int32), np.zeros((*size, 2), np.float32)
        frames = np.take_along_axis(np.stack([c.frame for c in candidates]), winner[None], 0)[0]
        positions = np.take_along_axis(np.stack([c.position for c in candidates]), winner[None, ..., None], 0)[0]
        box = hole.box.slices
        frame[box], position[box] = np.where(hole.hidden, frames, -1), positions
        return cls(hole.index, frame, position)


def registered_references(
    shot_motion: ShotMotion, hole: HoleRegion, *, count: int = REFERENCES
) -> dict[int, Registration]:
    """The target's reference frames and their direct homographies; those that show another place are dropped."""
    chosen = references(shot_motion, hole, count=count)
    shot_motion.prefetch(hole.index)
    registrations = {frame: shot_motion.registration.direct(hole.index, frame) for frame in chosen}
    return {frame: registration for frame, registration in registrations.items() if registration is not None}


def generate(
    shot_motion: ShotMotion,
    hole: HoleRegion,
    *,
    registrations: dict[int, Registration],
    kinds: frozenset[Kind] = EnabledKinds.kinds,
) -> list[Candidate]:
    """All candidates of these kinds that need neither a network nor the previous target.

    Args:
        registrations: reference frame -> its direct homography, the best first; see `registered_references`.
    """
    candidates: list[Candidate] = []
    if Kind.TRACKED in kinds:
        candidates += tracked(shot_motion, hole, reach=shot_motion.reach)
    if Kind.TRACKED_WITH_SURROUND in kinds:
        candidates += tracked_with_surround(shot_motion, hole, reach=shot_motion.reach)
    if Kind.HOMOGRAPHY in kinds:
        for reference, found in registrations.items():
            candidates.append(
                through_homography(
                    shot_motion, hole, reference=reference, homography=found.homography, confidence=found.inlier_share
                )
            )
    if Kind.HOMOGRAPHY_FLOW in kinds:
        for reference, found in list(registrations.items())[:WITH_FLOW]:
            motion = shot_motion.to_reference(hole.index, reference, direct=found)
            candidates.append(through_homography_flow(shot_motion, hole, reference=reference, motion=motion))
    return candidates


def from_previous(shot_motion: ShotMotion, hole: HoleRegion, previous: PreviousSources) -> Candidate:
    """The previous target's sources, moved along by the motion from this target to that one.

    A pixel goes to its position in the previous target; the source that was copied there is copied again, at the same
    offset. Where the previous target shows the pixel itself, nothing is proposed: tracking finds that.
    """
    here = hole.points
    there = here + sample(shot_motion.displacement(hole.index, previous.index), here)
    h, w = shot_motion.proxies.size
    nearest = np.rint(there).astype(np.int32)
    on_frame = inside(nearest, (h, w))
    x, y = np.clip(nearest[:, 0], 0, w - 1), np.clip(nearest[:, 1], 0, h - 1)
    source = np.where(on_frame, previous.frame[y, x], -1).astype(np.int32)
    source[(np.abs(source - hole.index) > LONGEST_HANDED_ON) & (source < shot_motion.proxies.count)] = -1
    # The rest of the rounding is added to the source position as it is: a translation stands in for the local scale
    # and rotation between the two, which over less than a pixel makes less difference than the rounding.
    position = previous.position[y, x] + (there - nearest)
    confidence = np.full(len(here), PREVIOUS_CONFIDENCE, np.float32)
    return make_candidate(shot_motion, hole, Kind.PREVIOUS, frame=source, position=position, confidence=confidence)
