"""Texture fill: a surface is filled once, in key frames, from what may be copied, and carried to every target."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import cv2
import numpy as np
import pytest
import torch

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.sampling import pixel_grid
from aan_engine.core.types import Array, Mask
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.plates.source_policy import SourcePolicy
from aan_engine.selection import texture_fill
from aan_engine.selection.plan import Texture
from aan_engine.selection.texture_fill import AROUND_MOVING, PlannedTarget, TextureFill
from tests.engine.fill_plans import decided
from tests.engine.shots import SIZE, box_matte, pan
from tests.engine.texture_maps import SPEED, block, key_map, motion_of, straight_pan

FRAMES = 5


@dataclass(eq=False)
class Planner:
    """Plans targets for which nothing is seen, and remembers which were asked for as key frames."""

    shot_motion: ShotMotion
    asked: list[int] = field(default_factory=list)
    references: tuple[int, ...] = ()
    share: float = 0

    def plan(self, index: int) -> PlannedTarget:
        hidden = self.shot_motion.proxies.hidden(index)
        plan = decided(hidden, (0, 0), share=self.share)
        guide = np.where(hidden[..., None], np.float32(0.4), self.shot_motion.images.image(index))
        return PlannedTarget(replace(plan, hole=replace(plan.hole, index=index)), guide, self.references)

    def alone(self, index: int) -> PlannedTarget:
        self.asked.append(index)
        return self.plan(index)


def filler(planner: Planner, targets: range = range(FRAMES), *, seed: int = 0) -> TextureFill:
    return TextureFill(
        planner.shot_motion, targets=targets, plan_alone=planner.alone, device=torch.device("cpu"), seed=seed
    )


def world_holes() -> list[Array]:
    return [block(50 - SPEED * t) for t in range(FRAMES)]


def offsets(texture: Texture, planner: Planner, index: int) -> Array:
    """(h, w, 2) how far from itself each pixel of the box is copied from."""
    return texture.position - pixel_grid(SIZE)[planner.plan(index).plan.hole.box.slices]


def test_a_surface_is_filled_once_and_every_target_copies_the_same_points_from_its_own_plate() -> None:
    with motion_of(straight_pan(FRAMES), world_holes()) as shot_motion:
        planner = Planner(shot_motion)
        texture = filler(planner)
        told: list[tuple[int, int]] = []
        texture._progress = lambda done, total: told.append((done, total))
        assert not texture.is_key(0)
        found = []
        for index in range(FRAMES):
            texture.prepare(index)
            found.append(texture.texture(planner.plan(index)))
        assert len(planner.asked) == 1
        assert told == [(0, 1), (1, 1)]
        assert [texture.is_key(index) for index in range(FRAMES)] == [i in planner.asked for i in range(FRAMES)]
        hidden = world_holes()
        first: Array | None = None
        for index, here in enumerate(found):
            assert here is not None
            box = planner.plan(index).plan.hole.box
            inside = cv2.erode(hidden[index], np.ones((5, 5)))[box.slices] > 0
            assert (here.frame[inside] == index).mean() > 0.8
            assert (here.confidence[inside] <= 0.5).all()
            moved = offsets(here, planner, index)[inside]
            first = moved if first is None else first
            assert np.median(np.abs(moved - first)) < 0.2


def test_the_same_seed_finds_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("aan_engine.attention.patch_search.MOST_PRODUCTS", 0)
    found = []
    with motion_of(straight_pan(FRAMES), world_holes()) as shot_motion:
        planner = Planner(shot_motion)
        for seed in (3, 3, 4):
            texture = filler(planner, seed=seed)
            texture.prepare(2)
            here = texture.texture(planner.plan(2))
            assert here is not None
            found.append(here.position.tobytes() + here.frame.tobytes() + here.correction.tobytes())
    assert found[0] == found[1] != found[2]


def test_what_is_seen_has_no_texture() -> None:
    with motion_of(straight_pan(FRAMES), world_holes()) as shot_motion:
        planner = Planner(shot_motion, share=0.9)
        texture = filler(planner)
        texture.prepare(0)
        assert texture.texture(planner.plan(0)) is None


def test_a_target_without_a_key_frame_that_shows_its_hole_is_filled_for_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two holes far apart in the world, and a key frame for the one only."""
    mattes = [block(30), block(30), block(80)]
    with motion_of(pan(1) * 3, mattes) as shot_motion:
        planner = Planner(shot_motion)
        texture = filler(planner, range(3))
        monkeypatch.setattr(texture_fill, "choose_keys", lambda shot_motion, targets: [0])
        found = []
        for index in range(3):
            texture.prepare(index)
            found.append(texture.texture(planner.plan(index)))
        assert planner.asked == [0]
        assert [0 if f is None else int((f.frame >= 0).sum()) for f in found] == [256] * 3


def test_where_nothing_may_be_copied_there_is_no_texture() -> None:
    with motion_of(pan(1) * 3, box_matte(3), policy=SourcePolicy(source_indices=frozenset())) as shot_motion:
        planner = Planner(shot_motion)
        texture = filler(planner, range(3))
        for index in range(3):
            texture.prepare(index)
            assert texture.texture(planner.plan(index)) is None


def with_a_thing(frames: int, *, size: int) -> tuple[list[Array], list[Mask]]:
    """A still picture, and something square in it that moves by 4 pixels a frame; and where that is."""
    plates, masks = pan(1) * frames, []
    thing = pan(1, seed=7)[0]
    for t in range(frames):
        mask = np.zeros(SIZE, np.bool_)
        mask[20 : 20 + size, 70 + 4 * t : 70 + 4 * t + size] = True
        plates[t] = np.where(mask[..., None], np.roll(thing, 4 * t, axis=1), plates[t])
        masks.append(mask)
    return plates, masks


def test_what_moves_by_itself_may_not_be_copied_nor_may_its_shadow() -> None:
    plates, things = with_a_thing(3, size=24)
    with motion_of(plates, [block(20)] * 3) as shot_motion:
        usable = filler(Planner(shot_motion), range(3))._usable(1)
        inner = cv2.erode(things[1].astype(np.uint8), np.ones((5, 5))) > 0
        assert not usable[inner].any()
        around = cv2.dilate(inner.astype(np.uint8), np.ones((2 * AROUND_MOVING + 1,) * 2)) > 0
        assert not usable[around].any()
        assert usable[:, :14].mean() > 0.95
        assert not (usable & shot_motion.proxies.hidden(1)).any()


def test_where_almost_all_moves_there_is_nothing_else_to_take() -> None:
    with motion_of(pan(1) * 3, [block(20)] * 3) as shot_motion:
        shot_motion.independent_motion = lambda index: np.full(SIZE, 9, np.float32)  # type: ignore[method-assign]
        usable = filler(Planner(shot_motion), range(3))._usable(1)
        np.testing.assert_array_equal(usable, shot_motion.images.usable(1) > 0)


def test_texture_goes_on_beyond_its_edge_only_as_far_as_its_source_may_be_copied() -> None:
    barred = np.zeros(SIZE, np.bool_)
    barred[:, 100:] = True
    with motion_of(pan(1), [block(40, side=30)], unusable=[barred]) as shot_motion:
        wanted = block(40, side=30) > 0
        found = key_map(0, wanted & (block(40, side=18) > 0), shift=(40, 0))
        grown = filler(Planner(shot_motion), range(1))._continued(found, wanted)
        assert grown.filled[28:44, 40:58].all()
        columns = np.nonzero(grown.filled.any(0))[0]
        # Column 98 is the last that no bicubic value with a barred pixel is made of.
        assert columns.max() == 98 - 40
        # Down, the same columns go on.
        assert grown.filled[46:56, 40:56].all()


def test_what_another_pathway_has_filled_is_copied_from_its_own_source(monkeypatch: pytest.MonkeyPatch) -> None:
    """The left half of a hole is seen on another frame; texture that is taken from it names that frame."""
    plates = straight_pan(FRAMES)
    with motion_of(plates, [block(40, side=40, top=16)] * FRAMES) as shot_motion:
        planner = Planner(shot_motion)
        planned = planner.plan(0)
        weights = planned.plan.weights.copy()
        columns = np.arange(weights.shape[2]) + planned.plan.hole.left
        weights[0], weights[1] = columns < 64, columns >= 64
        direct, grey = planned.plan.candidates
        direct = replace(direct, image=to_log(plates[0])[planned.plan.hole.box.slices])
        planned = replace(planned, plan=replace(planned.plan, weights=weights, candidates=[direct, grey]))
        # Nothing but the hole itself may be copied from the frame.
        texture = filler(planner)
        texture._calm.get(0, lambda: np.zeros(SIZE, np.bool_))
        monkeypatch.setattr(texture_fill, "choose_keys", lambda shot_motion, targets: [])
        monkeypatch.setattr(texture_fill.TextureFill, "_largest_hole", lambda texture, members: [])
        texture.prepare(0)
        found = texture.texture(planned)
        assert found is not None
        filled = found.frame >= 0
        assert filled.sum() == 16 * 40
        assert set(found.frame[filled].tolist()) == {3}
