"""Proposals: every pathway of the paper asked for its candidates, for one target.

Alignment proposes by chained motion and by direct homographies, recurrence by carrying the previous answer along,
refinement by the cells that the network's attention likes best. (The residual pathway paints: see `decider`.)
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
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
from aan_engine.core.grouping import distinct_frames
from aan_engine.core.sampling import inside, sample
from aan_engine.core.types import Array
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.registration.photometric import Registration

REFERENCES = 3
"""Direct references per target."""

WITH_FLOW = 1
"""Of so many of them, the most telling ones, the residual motion is looked at, too."""

CELL = 8
"""The network's cells, in proxy pixels."""

SLACK = 4
"""A cell's match is polished by up to so many pixels."""

LONGEST_HANDED_ON = 60
"""A source further away than this is not carried along any more: errors add up."""


@dataclass(frozen=True)
class EnabledKinds:
    """Which pathways take part: all of them, unless an ablation says otherwise. No artist's knob.

    Args:
        kinds: the candidates that are asked for; the painted one always is.
        references: distant references per target.
    """

    kinds: frozenset[Kind] = frozenset(Kind)
    references: int = REFERENCES


ALL_KINDS = EnabledKinds()
"""All of them, as shots are filled."""


@dataclass(frozen=True, eq=False)
class PreviousSources:
    """Where each pixel of a frame was finally taken from; kept for the next frame.

    Args:
        index: the frame.
        frame: (h, w) int32 over the whole proxy, source frame index, -1 where none.
        position: (h, w, 2) float32, where in it.
    """

    index: int
    frame: NDArray[np.int32]
    position: Array

    @classmethod
    def of(
        cls, hole: HoleRegion, candidates: list[Candidate], shares: Array, *, size: tuple[int, int]
    ) -> PreviousSources:
        """The winners' sources by (K, h, w) shares over the box; `size` is the proxy's."""
        winner = shares.argmax(0)
        frame, position = np.full(size, -1, np.int32), np.zeros((*size, 2), np.float32)
        h, w = hole.hidden.shape
        box = np.s_[hole.top : hole.top + h, hole.left : hole.left + w]
        frames = np.take_along_axis(np.stack([c.frame for c in candidates]), winner[None], 0)[0]
        positions = np.take_along_axis(np.stack([c.position for c in candidates]), winner[None, ..., None], 0)[0]
        frame[box], position[box] = np.where(hole.hidden, frames, -1), positions
        return cls(hole.index, frame, position)


def registered_references(
    shot_motion: ShotMotion, hole: HoleRegion, *, count: int = REFERENCES
) -> dict[int, Registration]:
    """The references of a target with their homographies; those that turn out to show another place are dropped."""
    chosen = references(shot_motion, hole, count=count)
    shot_motion.prefetch(hole.index)
    found = {r: shot_motion.registration.direct(hole.index, r) for r in chosen}
    return {reference: link for reference, link in found.items() if link is not None}


def generate(
    shot_motion: ShotMotion,
    hole: HoleRegion,
    *,
    links: dict[int, Registration],
    kinds: frozenset[Kind] = EnabledKinds.kinds,
) -> list[Candidate]:
    """All candidates of these kinds that lie on plates and need neither network nor past."""
    candidates: list[Candidate] = []
    if Kind.TRACKED in kinds:
        candidates += tracked(shot_motion, hole, reach=shot_motion.reach)
    if Kind.TRACKED_WITH_SURROUND in kinds:
        candidates += tracked_with_surround(shot_motion, hole, reach=shot_motion.reach)
    if Kind.HOMOGRAPHY in kinds:
        for reference, link in links.items():
            candidates.append(
                through_homography(
                    shot_motion, hole, reference=reference, homography=link.homography, confidence=link.inlier_share
                )
            )
    if Kind.HOMOGRAPHY_FLOW in kinds:
        for reference, link in list(links.items())[:WITH_FLOW]:
            candidates.append(
                through_homography_flow(
                    shot_motion,
                    hole,
                    reference=reference,
                    motion=shot_motion.to_reference(hole.index, reference, direct=link),
                )
            )
    return candidates


def from_previous(shot_motion: ShotMotion, hole: HoleRegion, previous: PreviousSources) -> Candidate:
    """The previous frame's sources, carried along by motion.

    A pixel moves to its place in the previous frame; what it shows there was taken from some plate, and the same
    offset to that source is kept. Pixels visible in the previous frame are left to the chain.
    """
    here = hole.points
    before = here + sample(shot_motion.displacement(hole.index, previous.index), here)
    h, w = shot_motion.proxies.size
    cell = np.rint(before).astype(np.int32)
    on_frame = inside(cell, (h, w))
    x, y = np.clip(cell[:, 0], 0, w - 1), np.clip(cell[:, 1], 0, h - 1)
    source = np.where(on_frame, previous.frame[y, x], -1).astype(np.int32)
    source[(np.abs(source - hole.index) > LONGEST_HANDED_ON) & (source < shot_motion.proxies.count)] = -1
    # The neighbourhood's own slope is lost by this (a translation stands in for it); below a pixel it shifts by
    # less than the rounding did, which is added back.
    position = previous.position[y, x] + (before - cell)
    confidence = np.full(len(here), 0.5, np.float32)
    return make_candidate(shot_motion, hole, Kind.PREVIOUS, frame=source, position=position, confidence=confidence)


def from_attention(
    shot_motion: ShotMotion,
    hole: HoleRegion,
    *,
    frames: NDArray[np.int32],
    rows: NDArray[np.int64],
    columns: NDArray[np.int64],
    confidence: Array,
    template: Array,
) -> Candidate:
    """The cells that attention found for the hole's cells, brought from cell to pixel precision.

    Args:
        frames, rows, columns, confidence: over the target's cells: source frame (-1 where none), its cell, the weight.
        template: (h, w, 3) log range over the whole proxy, the target with a first guess in its hole: what a match's
            surroundings are compared with.

    Convention: cell (r, c) covers proxy pixels 8 r .. 8 r + 7 and 8 c .. 8 c + 7.
    """
    points = hole.points
    at = (points / CELL).astype(np.int32)
    shift = np.zeros((*frames.shape, 2), np.float32)
    across = frames.shape[1]
    for row, column in (divmod(cell, across) for cell in distinct_frames(at[:, 1] * across + at[:, 0])):
        if frames[row, column] >= 0:
            place = (int(rows[row, column]) * CELL, int(columns[row, column]) * CELL)
            source = shot_motion.images.image(int(frames[row, column]))
            shift[row, column] = _matched_to_pixel(template, source, here=(row * CELL, column * CELL), there=place)
    row, column = at[:, 1], at[:, 0]
    return make_candidate(
        shot_motion,
        hole,
        Kind.ATTENTION,
        frame=frames[row, column].astype(np.int32),
        position=points + shift[row, column],
        confidence=confidence[row, column],
    )


def _matched_to_pixel(template: Array, source: Array, *, here: tuple[int, int], there: tuple[int, int]) -> Array:
    """(x, y) from a cell at `here` (top, left) to its best fit near `there`: the cell and two pixels around it."""
    h, w = template.shape[:2]
    top, left = (min(max(v - 2, 0), limit - CELL - 4) for v, limit in zip(here, (h, w), strict=True))
    patch = template[top : top + CELL + 4, left : left + CELL + 4]
    far_top, far_left = there[0] - here[0] + top, there[1] - here[1] + left
    y0, x0 = max(far_top - SLACK, 0), max(far_left - SLACK, 0)
    window = source[y0 : far_top + SLACK + CELL + 4, x0 : far_left + SLACK + CELL + 4]
    if window.shape[0] < patch.shape[0] or window.shape[1] < patch.shape[1]:
        return np.array([there[1] - here[1], there[0] - here[0]], np.float32)
    cost = cv2.matchTemplate(np.ascontiguousarray(window), np.ascontiguousarray(patch), cv2.TM_SQDIFF)
    _, _, (dx, dy), _ = cv2.minMaxLoc(cost)
    return np.array([x0 + dx - left, y0 + dy - top], np.float32)
