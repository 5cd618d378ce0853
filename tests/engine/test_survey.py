"""The survey: what a long shot costs in memory, and which references a target gets."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import cv2
import numpy as np
import pytest

from aan_engine.candidates.candidate import neighbourhood
from aan_engine.candidates.generators import linked, propose
from aan_engine.candidates.references import references
from aan_engine.colour.log_encoding import encode
from aan_engine.core.homography import mirrors
from aan_engine.errors import ShotError
from aan_engine.motion.shot_motion import Survey
from aan_engine.plates.proxy import make
from aan_engine.plates.proxy_store import Reel
from tests.engine.shots import SIZE, box_matte, pan


def reel_of(frames: int, *, speed: float = 1.5) -> Reel:
    reel = Reel(frames, SIZE)
    for index, (plate, matte) in enumerate(zip(pan(frames, speed=speed), box_matte(frames), strict=True)):
        reel.put(index, make(plate, matte, size=SIZE))
    return reel


def test_memory_holds_a_window_of_frames_however_long_the_shot() -> None:
    with reel_of(60) as reel:
        survey = Survey(reel, reach=4)
        for index in range(60):
            near = neighbourhood(index, reel.hidden(index))
            assert near is not None
            propose(survey, near, links=linked(survey, near))
        for kept in (survey.gallery._pictures, survey.gallery._pyramids, survey._motions, survey._stirs):
            assert len(kept._kept) <= 3 * (2 * 4 + 12)


def test_motion_that_was_expected_is_the_motion_that_is_found_when_asked_for() -> None:
    with reel_of(12) as reel:
        expecting, asking = Survey(reel, reach=4), Survey(reel, reach=4)
        for survey in (expecting, asking):
            assert survey.bearings.along(0, 8) is not None
        expecting.expect(2)
        for index, to in ((2, 3), (3, 2), (5, 6)):
            told, asked = expecting.motion(index, to), asking.motion(index, to)
            assert told is not None
            assert asked is not None
            np.testing.assert_array_equal(told.shift, asked.shift)
            np.testing.assert_array_equal(told.carried, asked.carried)
        for survey in (expecting, asking):
            survey.close()
        # Steps that nobody has asked for yet are not run ahead to: what they start from depends on the order.
        assert not expecting.bearings.knows(8)


def test_a_camera_that_stands_still_is_told_from_one_that_pans_and_from_a_cut() -> None:
    locked = [*[pan(1)[0]] * 3, *[pan(1, seed=4)[0]] * 3]
    with Reel(6, SIZE) as still, reel_of(6) as moving:
        for index, (plate, matte) in enumerate(zip(locked, box_matte(6), strict=True)):
            still.put(index, make(plate, matte, size=SIZE))
        for reel, stands in ((still, True), (moving, False)):
            bearings = Survey(reel, reach=4).bearings
            assert not bearings.stood(0, 2)  # nobody has looked yet
            for index in range(5):
                bearings.step(index)
            assert bearings.stood(0, 2) == bearings.stood(5, 3) == stands
            assert not bearings.stood(2, 3)
            assert not bearings.stood(1, 4)
            assert not bearings.stood(-1, 0)
            assert not bearings.stood(5, 6)


def test_what_lies_beside_the_matte_is_known_but_lent_to_no_other_frame() -> None:
    (plate,), (matte,) = pan(1), box_matte(1)
    with reel_of(1) as reel:
        assert (reel.hidden(0) == (matte > 0)).all()
        known = reel.image(0)[matte <= 0]
        np.testing.assert_allclose(known, encode(plate)[matte <= 0], atol=2e-3)
        beside = cv2.dilate(matte, np.ones((3, 3), np.uint8)) > 0
        np.testing.assert_array_equal(Survey(reel).gallery.visible(0) > 0, ~beside)


def test_references_are_frames_that_show_what_the_target_hides() -> None:
    with reel_of(41, speed=2) as reel:
        survey = Survey(reel)
        near = neighbourhood(20, reel.hidden(20))
        assert near is not None
        chosen = references(survey, near, count=3)
        # The hole is 16 pixels wide and the camera moves by 2 a frame: ten frames away all of it is in view.
        assert set(chosen[:2]) == {10, 30}
        assert 20 not in chosen


def test_the_direct_link_agrees_with_the_chain_of_neighbours() -> None:
    with reel_of(21, speed=1.5) as reel:
        survey = Survey(reel)
        link, along = survey.bearings.link(0, 20), survey.bearings.along(0, 20)
        assert link is not None
        assert along is not None
        centre = np.array([60, 36, 1.0])
        np.testing.assert_allclose((link.homography @ centre)[:2], (30, 32), atol=0.2)
        np.testing.assert_allclose((along @ centre)[:2], (30, 32), atol=1.5)


def test_a_flash_frame_does_not_cut_the_shot_in_two() -> None:
    plates, mattes = pan(21, speed=1.5), box_matte(21)
    plates[2] = np.full_like(plates[2], 30.0)
    with Reel(21, SIZE) as reel:
        for index, (plate, matte) in enumerate(zip(plates, mattes, strict=True)):
            reel.put(index, make(plate, matte, size=SIZE))
        survey = Survey(reel)
        assert survey.bearings.step(1).kinship < 0.15
        along = survey.bearings.along(0, 20)
        assert along is not None
        np.testing.assert_allclose((along @ [60, 36, 1.0])[:2], (30, 32), atol=1.5)


def test_two_places_stay_apart() -> None:
    with Reel(12, SIZE) as reel:
        plates = pan(6, seed=1) + pan(6, seed=2)
        for index, (plate, matte) in enumerate(zip(plates, box_matte(12), strict=True)):
            reel.put(index, make(plate, matte, size=SIZE))
        assert Survey(reel).bearings.along(0, 11) is None


def test_a_killed_process_leaves_no_reel_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with Reel(3, SIZE) as reel:
        reel.put(1, make(pan(1)[0], box_matte(1)[0], size=SIZE))
        assert reel.hidden(1).any()
        if os.name == "posix":
            assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_for_the_reel_is_said_before_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ShotError, match="no room for the shot's proxies"):
        Reel(2**33, (64, 64))
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_and_a_fold_are_told_from_what_a_camera_sees() -> None:
    turned = np.array([[0.9, -0.3, 40], [0.3, 0.9, -20], [0.0004, 0, 1]], np.float64)
    upside_down = np.array([[1, 0, 0], [0, -1, SIZE[0] - 1], [0, 0, 1]], np.float64)
    folded = np.array([[1, 0, 0], [0, 1, 0], [-2 / SIZE[1], 0, 1]], np.float64)
    assert not mirrors(np.eye(3), shape=SIZE)
    assert not mirrors(turned, shape=SIZE)
    assert mirrors(upside_down, shape=SIZE)
    assert mirrors(folded, shape=SIZE)


def test_a_learned_guess_that_no_camera_can_have_seen_leads_nowhere() -> None:
    plates = [*pan(3), *(plate[::-1] for plate in pan(3))]
    with Reel(6, SIZE) as reel:
        for index, (plate, matte) in enumerate(zip(plates, box_matte(6), strict=True)):
            reel.put(index, make(np.ascontiguousarray(plate), matte, size=SIZE))
        survey = Survey(reel)
        # The place is the same, upside down: such a guess is right, and still no link.
        survey.bearings.ask(lambda target, reference: np.array([[1, 0, 0], [0, -1, SIZE[0] - 1], [0, 0, 1]], float))
        assert survey.bearings.along(0, 4) is None
        assert survey.bearings.link(1, 4) is None
