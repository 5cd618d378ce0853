"""The survey: few frames that show what no frame of a shot shows, and none where there is nothing of that kind."""

from __future__ import annotations

import numpy as np
import pytest

from aan_engine.attention.survey import choose_keys, never_seen
from aan_engine.plates.source_policy import SourcePolicy
from tests.engine.shots import box_matte, pan
from tests.engine.texture_maps import CLEAR, SPEED, block, motion_of, straight_pan


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
