"""Carrying: texture stands still in the scene, and each frame copies it from its own plate where that shows it."""

from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest

from aan_engine.attention.carry import carried
from aan_engine.core.sampling import pixel_grid
from aan_engine.core.types import Array, Mask
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from tests.engine.shots import SIZE, box_matte, pan
from tests.engine.texture_maps import CLEAR, SPEED, block, key_map, motion_of, straight_pan


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


def test_positions_follow_the_camera_by_fractions_of_a_pixel() -> None:
    frames, key, to = 5, 1, 4
    mattes = [block(50 - round(1.3 * t)) for t in range(frames)]
    with motion_of(pan(frames, speed=1.3), mattes) as shot_motion:
        found = key_map(key, shot_motion.proxies.hidden(key), shift=(30, 0))
        wanted = shot_motion.proxies.hidden(to)
        there = carried(shot_motion, found, to=to, wanted=wanted, usable=everything(shot_motion))
        inner = cv2.erode(wanted.astype(np.uint8), np.ones((5, 5))) > 0
        assert (there.frame[inner] == to).all()
        # Distances within the picture stay as they are, whatever the fraction that the camera has moved by.
        off = there.position[inner] - pixel_grid(SIZE)[inner] - np.array((30, 0), np.float32)
        assert np.abs(off).max() < 0.15


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
    plates[to] = 4 * plates[to]
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
    plates = [*straight_pan(4), *pan(4, seed=2)]
    mattes = [*world_holes(4), *[CLEAR] * 4]
    with ProxyStore(8, SIZE, extra=1) as proxies:
        for index in range(8):
            proxies.put(index, make_proxy(plates[index], mattes[index], size=SIZE))
        proxies.put(8, make_proxy(plates[2], CLEAR, size=SIZE))
        shot_motion = ShotMotion(proxies, reach=4)
        found = key_map(1, proxies.hidden(1), shift=(30 - SPEED, 0), frame=8)
        wanted = proxies.hidden(3)
        there = carried(shot_motion, found, to=3, wanted=wanted, usable=everything(shot_motion))
        inner = cv2.erode(wanted.astype(np.uint8), np.ones((3, 3))) > 0
        assert (there.frame[inner] == 3).all()
        moved = np.roll(found.colours(shot_motion.images), -SPEED * 2, axis=1)
        assert np.abs(there.colours(shot_motion.images) - moved)[inner].mean() < 0.01
        shot_motion.close()
