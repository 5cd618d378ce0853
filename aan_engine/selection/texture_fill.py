"""Texture fill: what no frame shows, filled once per surface in key frames, and carried to every target.

The paper's refinement stage (arXiv 1905.13066, section 3.2) attends from the hole to all that is visible in space and
time. Here it does so by patches, and ends in coordinates instead of colours: plates supply the pixels. Targets are
divided into segments; at the first target of one its key frames are chosen and filled, later ones first taking over
what earlier ones have filled. Each target then takes what its keys show of it, carried by the camera's motion; what
has grown at the edges goes on from its neighbours; and where much is missing still, that target becomes a key itself.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

import cv2
import numpy as np
import torch

from aan_engine.attention.carry import carried
from aan_engine.attention.join import join_correction
from aan_engine.attention.patch_search import PatchQuery, search
from aan_engine.attention.source_map import SourceMap
from aan_engine.attention.survey import choose_keys
from aan_engine.candidates.generators import PreviousSources
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.lru import LruCache
from aan_engine.core.sampling import all_taps_on
from aan_engine.core.types import Array, Mask
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.selection.plan import FillPlan, Texture

SEGMENT = 96
"""Frames that are surveyed together, and share key frames."""

UNSEEN = 0.4
"""Weight of the synthesised candidate from which on a pixel gets texture, see `rendering.texture`."""

SEEN = 0.05
"""Weight of the synthesised candidate up to which a filled pixel may be copied on as texture."""

MOVES, AROUND_MOVING = 1.0, 6
"""Pixels by which something must move against the camera to be no source of texture; and pixels around it, its shadow
and its blur, that are none either."""

LEAST_CALM = 0.25
"""Share of what is visible that must not move; where more moves, as water does, there is nothing else to take."""

MOST_EXTRA, LEAST_AREA = 3, 2e-3
"""Targets of a segment that become key frames because the surveyed ones do not show what they hide, and the share of
the frame that must be missing for that."""

LUMP = 7
"""Pixels that it must be thick: a rim that has come into the picture goes on from its neighbours."""

GROWN = 16.0
"""Pixels by which what is carried goes on beyond its edge."""

REFERENCES = 2
"""Distant frames that a key frame is matched with, beside itself."""

FRAMES_KEPT = 32
"""Frames of which what may be copied is remembered."""

CONFIDENCE_AT_COST, MOST_CONFIDENT = 0.02, 0.5
"""Cost of a match at which confidence has fallen to 1 / e; and the confidence of a perfect match, which is made up
still. None of these was measured separately."""


@dataclass(frozen=True, eq=False)
class PlannedTarget:
    """A target's plan, as far as frames show what it hides, and the picture that the inpainter synthesised for it.

    Args:
        guide: (h, w, 3) log range, over the whole proxy.
        references: distant frames that show the same place, the best first.
    """

    plan: FillPlan
    guide: Array
    references: tuple[int, ...]


@dataclass(eq=False)
class _Segment:
    """The key frames of a segment, all of them; and the maps of those found beforehand, and of those found later."""

    key_frames: set[int] = field(default_factory=set)
    keys: list[SourceMap] = field(default_factory=list)
    extra: list[SourceMap] = field(default_factory=list)

    def add(self, found: SourceMap, *, to: list[SourceMap]) -> None:
        """Keep a key frame's map, unless nothing could be filled."""
        if found.filled.any():
            to.append(found)
            self.key_frames.add(found.index)


class TextureFill:
    """The texture of one shot. `prepare` is for one thread, `texture` for one, which may be another.

    Args:
        targets: the shot's targets.
        plan_alone: plans a target for itself, without the targets before it; None where it hides nothing.
        fills: whether key frames are filled; otherwise they are only found.
        seed: of the random search.
        progress: called with how many key frames of a segment are filled, and of how many.
    """

    def __init__(
        self,
        shot_motion: ShotMotion,
        *,
        targets: Sequence[int],
        plan_alone: Callable[[int], PlannedTarget | None],
        device: torch.device,
        fills: bool = True,
        seed: int = 0,
        progress: Callable[[int, int], None] = lambda done, total: None,
    ) -> None:
        self.fills = fills
        self._shot_motion, self._targets, self._plan_alone = shot_motion, targets, plan_alone
        self._device, self._seed, self._progress = device, seed, progress
        self._segments: dict[int, _Segment] = {}
        self._calm = LruCache(FRAMES_KEPT)

    def is_key(self, index: int) -> bool:
        """Whether a target is a key frame; to be asked once `texture` has answered for it."""
        segment = self._segments.get(index // SEGMENT)
        return segment is not None and index in segment.key_frames

    def prepare(self, index: int) -> None:
        """Find, and fill, the key frames of the segment that target `index` lies in, unless that is done."""
        number = index // SEGMENT
        if number in self._segments:
            return
        policy = self._shot_motion.policy
        members = [t for t in self._targets if t // SEGMENT == number and t not in policy.painted]
        # A key frame is filled from its own plate first of all, so it must serve, if any does.
        members = [t for t in members if policy.serves(t)] or members
        keys = choose_keys(self._shot_motion, members)
        # Where nothing is filled, what the survey promises is all there is to say.
        segment = _Segment(set() if self.fills else set(keys))
        before = self._segments[number - 1].keys if number - 1 in self._segments else []
        # Homographies may lead somewhere and what they show be wrong: the largest hole is looked at in any case.
        for done, key in enumerate((keys or self._largest_hole(members)) if self.fills else ()):
            self._progress(done, max(len(keys), 1))
            planned = self._plan_alone(key)
            if planned is not None and (keys or self._is_much(_unseen(planned.plan, self._shot_motion.proxies.size))):
                segment.add(self._filled(planned, [*before, *segment.keys]), to=segment.keys)
            self._progress(done + 1, max(len(keys), 1))
        self._segments[number] = segment

    def _largest_hole(self, members: Sequence[int]) -> list[int]:
        """The target that hides most, in a list; empty where none hides anything."""
        proxies = self._shot_motion.proxies
        areas = {index: int(proxies.hidden(index).sum()) for index in members}
        largest = max(areas, key=lambda index: (areas[index], -index), default=None)
        return [] if largest is None or not areas[largest] else [largest]

    @staticmethod
    def _is_much(missing: Mask) -> bool:
        """Whether so much is missing, in one lump, that a key frame is worth its time."""
        lump = cv2.erode(missing.astype(np.uint8), np.ones((LUMP, LUMP), np.uint8)).any()
        return bool(missing.sum() > LEAST_AREA * missing.size and lump)

    def texture(self, planned: PlannedTarget) -> Texture | None:
        """The texture of a target; None where all of it is seen, or nothing is found."""
        plan = planned.plan
        wanted = _unseen(plan, self._shot_motion.proxies.size)
        if not wanted.any():
            return None
        index = plan.hole.index
        segment = self._segments[index // SEGMENT]
        before = self._segments.get(index // SEGMENT - 1, _Segment())
        found = self._carried(index, [*before.keys, *before.extra, *segment.keys, *segment.extra], wanted)
        missing = wanted & ~found.filled
        if len(segment.extra) < MOST_EXTRA and self._is_much(missing):
            searched = self._searched(planned, found, missing)
            if searched is not found:
                segment.add(searched, to=segment.extra)
            found = searched
        found = self._continued(found, wanted)
        free = wanted & found.filled
        if not free.any():
            return None
        picture = _picture(plan, self._shot_motion.images.image(index))
        correction = join_correction(found, self._shot_motion.images, picture=picture, guide=planned.guide, free=free)
        box = plan.hole.box.slices
        confidence = MOST_CONFIDENT * np.exp(-found.cost / CONFIDENCE_AT_COST).astype(np.float32)
        return Texture(found.frame[box], found.position[box], confidence[box], correction[box])

    def _continued(self, found: SourceMap, wanted: Mask) -> SourceMap:
        """`found`, going on beyond its edge as far as its sources go on."""
        longer = found.extended(wanted, reach=GROWN)
        ys, xs = np.nonzero(longer.filled & ~found.filled)
        refused = np.zeros_like(wanted)
        for number, here in group_by_frame(longer.frame[ys, xs]):
            y, x = ys[here], xs[here]
            refused[y, x] = ~all_taps_on(self._usable(number).astype(np.float32), longer.position[y, x])
        return longer.without(refused)

    def _filled(self, planned: PlannedTarget, others: Sequence[SourceMap]) -> SourceMap:
        """A key frame's map: what the other keys show of it, and the rest searched for."""
        wanted = _unseen(planned.plan, self._shot_motion.proxies.size)
        found = self._carried(planned.plan.hole.index, others, wanted)
        return self._searched(planned, found, wanted & ~found.filled)

    def _carried(self, index: int, keys: Sequence[SourceMap], wanted: Mask) -> SourceMap:
        found = SourceMap.empty(index, wanted.shape)
        for key in keys:
            missing = wanted & ~found.filled
            if not missing.any():
                break
            here = carried(self._shot_motion, key, to=index, wanted=missing, usable=self._usable)
            found = found.joined(here, missing)
        return found

    def _searched(self, planned: PlannedTarget, found: SourceMap, missing: Mask) -> SourceMap:
        """`found` with the missing pixels matched to visible patches, by attention."""
        if not missing.any():
            return found
        images, others = self._shot_motion.images, planned.references[:REFERENCES]
        index = planned.plan.hole.index
        picture = _picture(planned.plan, images.image(index))
        picture = np.where(found.filled[..., None], found.colours(images), picture)
        seen = _seen(planned.plan, missing.shape)
        query = PatchQuery(
            np.stack([picture, *(images.image(other) for other in others)]),
            missing,
            np.stack([self._usable(index) | seen.filled, *(self._usable(other) for other in others)]),
        )
        matches = search(query, seed=self._seed + index, device=self._device)
        if matches is None:
            return found
        x, y = matches.position.astype(np.intp).T
        numbers = np.array([index, *others], np.int32)
        # What other pathways have filled is as good a source as what is visible: its own source is copied.
        again = (matches.picture == 0) & seen.filled[y, x]
        result = SourceMap(index, found.frame.copy(), found.position.copy(), found.cost.copy())
        result.frame[missing] = np.where(again, seen.frame[y, x], numbers[matches.picture])
        result.position[missing] = np.where(again[:, None], seen.position[y, x], matches.position)
        result.cost[missing] = matches.cost
        return result

    def _usable(self, index: int) -> Mask:
        """(h, w) bool, what texture may be taken from: visible, allowed, and not moving by itself."""
        return self._calm.get(index, lambda: self._find_usable(index))

    def _find_usable(self, index: int) -> Mask:
        visible = self._shot_motion.images.usable(index) > 0
        moving = (self._shot_motion.independent_motion(index) > MOVES).astype(np.uint8)
        side = 2 * AROUND_MOVING + 1
        calm = visible & (cv2.dilate(moving, np.ones((side, side), np.uint8)) == 0)
        return calm if calm.sum() > LEAST_CALM * visible.sum() else visible


def _unseen(plan: FillPlan, size: tuple[int, int]) -> Mask:
    """(h, w) bool over the whole proxy, the pixels that the plan would synthesise."""
    unseen = np.zeros(size, np.bool_)
    unseen[plan.hole.box.slices] = plan.hole.hidden & (plan.weights[-1] > UNSEEN)
    return unseen


def _seen(plan: FillPlan, size: tuple[int, int]) -> SourceMap:
    """The hidden pixels that a plan fills from other frames, and the heaviest source of each."""
    heaviest = PreviousSources.of(plan.hole, plan.candidates, weights=plan.weights, size=size)
    frame, box = heaviest.frame, plan.hole.box.slices
    frame[box] = np.where(plan.weights[-1] < SEEN, frame[box], -1)
    return SourceMap(heaviest.index, frame, heaviest.position, np.zeros(size, np.float32))


def _picture(plan: FillPlan, image: Array) -> Array:
    """(h, w, 3) log range, a proxy with its hole filled by its plan."""
    blend = np.einsum("khw,khwc->hwc", plan.weights, np.stack([c.image for c in plan.candidates])) + plan.correction
    picture, box = image.copy(), plan.hole.box.slices
    picture[box] = np.where(plan.hole.hidden[..., None], blend, picture[box])
    return picture
