"""Texture fill: which frames are filled, how their texture is carried to others, and how copies are joined."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import cv2
import numpy as np
import pytest

from aan_engine.attention.carry import carried
from aan_engine.attention.join import join_correction
from aan_engine.attention.source_map import SourceMap
from aan_engine.attention.survey import choose_keys, never_seen
from aan_engine.core.sampling import pixel_grid
from aan_engine.core.types import Array, Mask
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.plates.source_policy import ALL_SOURCES, SourcePolicy
from aan_engine.registration.proxy_images import ProxyImages
from tests.engine.shots import SIZE, box_matte, pan

SPEED = 3
"""Pixels a frame by which the camera pans right: the world moves left by as many, see `pan`."""

CLEAR = np.zeros(SIZE, np.float32)


def block(left: int, *, top: int = 28, side: int = 16) -> Array:
    matte = CLEAR.copy()
    matte[top : top + side, max(left, 0) : max(left + side, 0)] = 1
    return matte


@contextmanager
def motion_of(
    plates: Sequence[Array],
    mattes: Sequence[Array],
    *,
    policy: SourcePolicy = ALL_SOURCES,
    unusable: Sequence[Mask] | None = None,
) -> Iterator[ShotMotion]:
    with ProxyStore(len(plates), SIZE) as proxies:
        for index, (plate, matte) in enumerate(zip(plates, mattes, strict=True)):
            barred = None if unusable is None else unusable[index]
            proxies.put(index, make_proxy(plate, matte, size=SIZE, unusable=barred))
        shot_motion = ShotMotion(proxies, reach=4, policy=policy)
        yield shot_motion
        shot_motion.close()


def straight_pan(frames: int) -> list[Array]:
    """A pan by whole pixels, without any rise."""
    wide = pan(1, size=(SIZE[0], SIZE[1] + SPEED * frames))[0]
    return [np.ascontiguousarray(wide[:, SPEED * t : SPEED * t + SIZE[1]]) for t in range(frames)]


# The survey.


def test_a_locked_off_camera_has_one_key_frame() -> None:
    with motion_of(pan(1) * 6, box_matte(6)) as shot_motion:
        assert len(choose_keys(shot_motion, range(6))) == 1
        beside = never_seen(shot_motion, 3)
        np.testing.assert_array_equal(beside, shot_motion.proxies.hidden(3))


def test_a_hole_that_another_frame_shows_has_no_key_frame() -> None:
    with motion_of(straight_pan(10), box_matte(10)) as shot_motion:
        assert choose_keys(shot_motion, range(10)) == []
        assert not never_seen(shot_motion, 0).any()


def test_targets_that_hide_nothing_have_no_key_frame() -> None:
    with motion_of(pan(2), [CLEAR] * 2) as shot_motion:
        assert choose_keys(shot_motion, range(2)) == []
    with motion_of(pan(1), [CLEAR]) as shot_motion:
        assert choose_keys(shot_motion, []) == []


def test_frames_that_may_not_serve_show_nothing() -> None:
    policy = SourcePolicy(source_indices=frozenset({0}))
    with motion_of(straight_pan(10), box_matte(10), policy=policy) as shot_motion:
        assert never_seen(shot_motion, 1).sum() > 0.7 * shot_motion.proxies.hidden(1).sum()
        assert choose_keys(shot_motion, range(10)) != []


@pytest.mark.parametrize("step", [2, 3, 5])
def test_frames_that_may_serve_are_asked_whatever_step_the_artist_wants(step: int) -> None:
    policy = SourcePolicy(source_indices=frozenset(range(0, 13, step)))
    with motion_of(straight_pan(13), box_matte(13), policy=policy) as shot_motion:
        assert not never_seen(shot_motion, 0).any()


def test_the_key_frames_of_a_pan_that_a_hole_leaves_and_enters_show_all_that_is_missing() -> None:
    """One hole leaves on the left while another one comes in on the right."""
    frames = 8
    mattes = [np.maximum(block(12 - SPEED * t, side=30), block(110 - SPEED * t, side=30)) for t in range(frames)]
    with motion_of(straight_pan(frames), mattes) as shot_motion:
        keys = choose_keys(shot_motion, range(frames))
        assert 1 < len(keys) <= 3
        assert set(keys) <= set(range(frames))
        for index in range(frames):
            missing = never_seen(shot_motion, index)
            shown = np.zeros_like(missing)
            for key in keys:
                there = never_seen(shot_motion, key)
                shown |= np.roll(there, SPEED * (key - index), axis=1)
            assert (missing & ~shown).mean() < 0.005


def test_nothing_beyond_a_cut_is_seen() -> None:
    plates = pan(3, seed=1) + pan(3, seed=2)
    mattes = box_matte(3) + [CLEAR] * 3
    with motion_of(plates[:1] * 3 + plates[3:4] * 3, mattes) as shot_motion:
        assert never_seen(shot_motion, 0).sum() == 256


# Carrying.


def key_map(index: int, missing: Mask, *, shift: tuple[int, int], frame: int | None = None) -> SourceMap:
    """A map that copies the missing pixels from beside themselves."""
    empty = SourceMap.empty(index, SIZE)
    position = pixel_grid(SIZE) + np.array(shift, np.float32)
    taken = np.where(missing, np.int32(index if frame is None else frame), np.int32(-1))
    return SourceMap(index, taken, position, np.where(missing, 0.01, empty.cost).astype(np.float32))


def everything(shot_motion: ShotMotion) -> Callable[[int], Mask]:
    return lambda index: shot_motion.images.usable(index) > 0


def world_holes(frames: int, *, top: int = 28, side: int = 16) -> list[Array]:
    """Mattes over one block of the world: no frame shows what is behind it."""
    return [block(50 - SPEED * t, top=top, side=side) for t in range(frames)]


def test_texture_stands_still_in_the_scene_and_is_copied_from_the_frame_s_own_plate() -> None:
    frames, key, to = 6, 1, 5
    with motion_of(straight_pan(frames), world_holes(frames)) as shot_motion:
        found = key_map(key, shot_motion.proxies.hidden(key), shift=(30, 0))
        wanted = shot_motion.proxies.hidden(to)
        there = carried(shot_motion, found, to=to, wanted=wanted, usable=everything(shot_motion))
        inner = cv2.erode(wanted.astype(np.uint8), np.ones((3, 3))) > 0
        assert (there.frame[inner] == to).all()
        assert not there.filled[~wanted].any()
        # In the key frame the source lies 30 pixels to the right; on every other frame's own plate, too.
        expected = pixel_grid(SIZE) + np.array((30, 0), np.float32)
        np.testing.assert_allclose(there.position[inner], expected[inner], atol=0.3)
        np.testing.assert_allclose(there.cost[inner], 0.01, atol=1e-6)
        # What is copied is what the key frame copies.
        moved = np.roll(found.colours(shot_motion.images), SPEED * (key - to), axis=1)
        assert np.abs(there.colours(shot_motion.images) - moved)[inner].mean() < 0.01


def test_a_map_that_copies_from_a_third_frame_is_carried_to_the_own_plate_too() -> None:
    frames, key, to, third = 6, 1, 4, 3
    with motion_of(straight_pan(frames), world_holes(frames)) as shot_motion:
        found = key_map(key, shot_motion.proxies.hidden(key), shift=(30 + SPEED * (key - third), 0), frame=third)
        wanted = shot_motion.proxies.hidden(to)
        there = carried(shot_motion, found, to=to, wanted=wanted, usable=everything(shot_motion))
        inner = cv2.erode(wanted.astype(np.uint8), np.ones((3, 3))) > 0
        assert (there.frame[inner] == to).all()
        expected = pixel_grid(SIZE) + np.array((30, 0), np.float32)
        np.testing.assert_allclose(there.position[inner], expected[inner], atol=0.3)


@pytest.mark.parametrize("down_to", [30, 42])
def test_where_something_passes_in_front_of_it_the_key_frame_s_plate_supplies_it(down_to: int) -> None:
    """In front of less than half of the sources, or of most of them."""
    frames, key, to = 6, 1, 4
    plates, mattes = straight_pan(frames), world_holes(frames, top=20, side=32)
    front = np.zeros(SIZE, np.bool_)
    front[12:down_to, 60:110] = True
    plates[to] = np.where(front[..., None], np.float32(2), plates[to])
    with motion_of(plates, mattes) as shot_motion:
        found = key_map(key, shot_motion.proxies.hidden(key), shift=(34, 0))
        wanted = shot_motion.proxies.hidden(to)
        there = carried(shot_motion, found, to=to, wanted=wanted, usable=everything(shot_motion))
        own = there.frame == to
        x, y = np.rint(there.position[own]).astype(int).T
        assert not front[y, x].any(), "nothing is copied from what is in front"
        inner = cv2.erode(wanted.astype(np.uint8), np.ones((3, 3))) > 0
        lower = inner & (np.arange(SIZE[0]) > down_to + 7)[:, None]
        assert (there.frame[lower] == to).all()
        upper = inner & (np.arange(SIZE[0]) < down_to)[:, None]
        assert (there.frame[upper] == key).all()
        # Positions on the key frame's plate are that frame's.
        expected = pixel_grid(SIZE) + np.array((34 + SPEED * (to - key), 0), np.float32)
        np.testing.assert_allclose(there.position[upper], expected[upper], atol=0.3)


def test_what_the_own_plate_hides_or_bars_is_taken_from_the_key_frame_s() -> None:
    frames, key, to = 6, 1, 4
    barred = [np.zeros(SIZE, np.bool_) for _ in range(frames)]
    barred[to][:, 60:] = True
    with motion_of(straight_pan(frames), world_holes(frames), unusable=barred) as shot_motion:
        found = key_map(key, shot_motion.proxies.hidden(key), shift=(30, 0))
        wanted = shot_motion.proxies.hidden(to)
        there = carried(shot_motion, found, to=to, wanted=wanted, usable=everything(shot_motion))
        own = there.filled & (there.frame == to)
        assert (there.position[own][:, 0] < 59).all()
        assert (there.frame == key).sum() > 0.3 * wanted.sum()


def test_a_change_of_light_is_nothing_in_front() -> None:
    frames, key, to = 6, 1, 4
    plates = straight_pan(frames)
    plates[to] = 1.5 * plates[to]
    with motion_of(plates, world_holes(frames)) as shot_motion:
        found = key_map(key, shot_motion.proxies.hidden(key), shift=(30, 0))
        wanted = shot_motion.proxies.hidden(to)
        there = carried(shot_motion, found, to=to, wanted=wanted, usable=everything(shot_motion))
        assert (there.frame[wanted] == to).mean() > 0.85


def test_nothing_is_carried_across_a_cut() -> None:
    plates = pan(3, seed=1) + pan(3, seed=2)
    with motion_of(plates, box_matte(6)) as shot_motion:
        found = key_map(1, shot_motion.proxies.hidden(1), shift=(30, 0))
        there = carried(shot_motion, found, to=4, wanted=shot_motion.proxies.hidden(4), usable=everything(shot_motion))
        assert not there.filled.any()


def test_a_map_that_copies_from_a_clean_plate_is_carried() -> None:
    """The clean plate follows on the shot's last frame, and shows another place than that: no chain leads through."""
    plates = [*straight_pan(4), pan(1, seed=2)[0]]
    mattes = [*world_holes(4), CLEAR]
    with ProxyStore(5, SIZE, extra=1) as proxies:
        for index in range(5):
            proxies.put(index, make_proxy(plates[index], mattes[index], size=SIZE))
        proxies.put(5, make_proxy(plates[2], CLEAR, size=SIZE))
        shot_motion = ShotMotion(proxies, reach=4)
        found = key_map(1, proxies.hidden(1), shift=(30 - SPEED, 0), frame=5)
        wanted = proxies.hidden(3)
        there = carried(shot_motion, found, to=3, wanted=wanted, usable=everything(shot_motion))
        inner = cv2.erode(wanted.astype(np.uint8), np.ones((3, 3))) > 0
        assert (there.frame[inner] == 3).all()
        moved = np.roll(found.colours(shot_motion.images), -SPEED * 2, axis=1)
        assert np.abs(there.colours(shot_motion.images) - moved)[inner].mean() < 0.01
        shot_motion.close()


# Source maps and the join.


def images_of(plate: Array) -> ProxyImages:
    """One frame, all of it visible; `plate` is in the log range already."""
    proxies = ProxyStore(1, (plate.shape[0], plate.shape[1]))
    proxies.put(0, make_proxy(np.ones_like(plate), np.zeros(plate.shape[:2], np.float32), size=plate.shape[:2]))
    images = ProxyImages(proxies)
    images.image(0)[:] = plate
    return images


def test_what_is_copied_goes_on_beyond_its_edge_as_far_as_it_may() -> None:
    wanted = block(40, side=30) > 0
    found = key_map(0, wanted & (block(40, side=20) > 0), shift=(-30, 5))
    grown = found.extended(wanted, reach=4.5)
    assert not grown.filled[~wanted].any()
    assert grown.filled[28:48, 40:64].all()
    assert grown.filled[28:52, 40:60].all()
    assert not grown.filled[53:, :].any()
    np.testing.assert_array_equal(
        grown.position[grown.filled], (pixel_grid(SIZE) + np.array((-30, 5), np.float32))[grown.filled]
    )
    assert not SourceMap.empty(0, SIZE).extended(wanted, reach=9).filled.any()


def grain(seed: int = 0) -> Array:
    return 0.02 * np.random.default_rng(seed).standard_normal((*SIZE, 3)).astype(np.float32)


def step_across(picture: Array, free: Mask) -> float:
    """The mean step across the vertical borders of the free block, less what the picture does beside them."""
    ys, xs = np.nonzero(free)
    rows, left, right = slice(ys.min(), ys.max() + 1), xs.min(), xs.max()
    steps = [picture[rows, left] - picture[rows, left - 1], picture[rows, right] - picture[rows, right + 1]]
    return float(np.mean([np.abs(step.mean(0)).max() for step in steps]))


def test_a_step_in_brightness_between_texture_and_plate_is_closed() -> None:
    plate = 0.5 + grain()
    plate[:, :40] += 0.15
    free = block(70) > 0
    texture = key_map(0, free, shift=(-60, 0))
    images = images_of(plate)
    # The guide does not help: it is as bright as what is copied.
    guide = np.where(free[..., None], np.float32(0.65), plate)
    correction = join_correction(texture, images, picture=plate, guide=guide, free=free)
    before = np.where(free[..., None], texture.colours(images), plate)
    after = np.where(free[..., None], before + correction, plate)
    assert step_across(before, free) > 0.12
    assert step_across(after, free) < 0.25 * step_across(before, free)
    # The detail stays.
    inner = cv2.erode(free.astype(np.uint8), np.ones((3, 3))) > 0
    assert np.abs(cv2.Laplacian(correction, cv2.CV_32F)[inner]).mean() < 0.02


def test_a_step_between_two_chunks_is_closed() -> None:
    plate = 0.5 + grain()
    plate[:, :20] += 0.1
    free = block(60, side=20) > 0
    half = block(60, side=10) > 0
    half[38:48, 60:70] = True
    texture = key_map(0, free, shift=(25, 0)).joined(key_map(0, half, shift=(-58, 0)), half)
    images = images_of(plate)
    guide = np.where(free[..., None], texture.colours(images), plate)
    correction = join_correction(texture, images, picture=plate, guide=guide, free=free)

    def step(picture: Array) -> float:
        return float(np.abs((picture[30:46, 69] - picture[30:46, 70]).mean(0)).max())

    before = texture.colours(images)
    assert step(before) > 0.08
    assert step(before + correction) < 0.35 * step(before)


def test_texture_of_another_brightness_ends_at_the_guide_s() -> None:
    plate = 0.5 + grain()
    plate[:, :40] -= 0.3
    free = block(70) > 0
    images = images_of(plate)
    guide = np.where(free[..., None], np.float32(0.5), plate)
    texture = key_map(0, free, shift=(-60, 0))
    correction = join_correction(texture, images, picture=plate, guide=guide, free=free)
    ends = (texture.colours(images) + correction)[free]
    assert abs(float(ends.mean()) - 0.5) < 0.2 * 0.3
    assert ends.std(0).mean() > 0.8 * 0.02, "its grain stays"


def test_two_things_that_meet_stay_apart() -> None:
    plate = 0.5 + grain()
    plate[:, :60] += 1.0
    free = np.zeros(SIZE, np.bool_)
    free[28:44, 52:68] = True
    # The texture goes on with each thing on its own side.
    left = free & (np.arange(SIZE[1]) < 60)
    texture = key_map(0, free, shift=(30, 0)).joined(key_map(0, left, shift=(-30, 0)), left)
    images = images_of(plate)
    guide = np.where(free[..., None], texture.colours(images), plate)
    correction = join_correction(texture, images, picture=plate, guide=guide, free=free)
    assert np.abs(correction[free]).mean() < 0.05


def test_nothing_is_added_where_nothing_is_copied() -> None:
    plate = 0.5 + grain()
    free = block(70) > 0
    images = images_of(plate)
    texture = key_map(0, free, shift=(-60, 0))
    correction = join_correction(texture, images, picture=plate, guide=plate + 0.1, free=free)
    beside = cv2.dilate(free.astype(np.uint8), np.ones((3, 3))) > 0
    assert not correction[~beside].any()


@pytest.mark.parametrize("edge", ["left", "top", "whole height", "everything"])
def test_joins_at_the_frame_s_edge_are_finite(edge: str) -> None:
    free = np.zeros(SIZE, np.bool_)
    free[
        {"left": np.s_[20:40, :12], "top": np.s_[:9, 30:50], "whole height": np.s_[:, 30:50], "everything": np.s_[:]}[
            edge
        ]
    ] = True
    plate = 0.5 + grain()
    correction = join_correction(
        key_map(0, free, shift=(3, 2)), images_of(plate), picture=plate, guide=plate, free=free
    )
    assert np.isfinite(correction).all()
    assert np.abs(correction).max() < 0.3
