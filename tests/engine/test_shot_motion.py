"""The survey: what a long shot costs in memory, and which references a target gets."""

from __future__ import annotations

import os
import tempfile
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from aan_engine.candidates.candidate import hole_region
from aan_engine.candidates.generators import generate, registered_references
from aan_engine.candidates.references import references
from aan_engine.colour.log_encoding import to_log
from aan_engine.core.homography import Homography
from aan_engine.errors import ShotError
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.registration import shot_registration
from aan_engine.registration.photometric import Registration
from aan_engine.registration.proxy_images import ProxyImages
from aan_engine.registration.shot_registration import ShotRegistration
from tests.engine.shots import SIZE, Array, box_matte, pan

SMALL = (48, 80)
"""For shots with cuts and flashes, where every search runs to its end."""


def reel_of(frames: int, *, speed: float = 1.5) -> ProxyStore:
    return stored(pan(frames, speed=speed))


def stored(plates: list[Array], *, side: int = 16) -> ProxyStore:
    """The proxies of these plates, as large as they are, with a square hole in the middle."""
    size = plates[0].shape[:2]
    proxies = ProxyStore(len(plates), size)
    for index, (plate, matte) in enumerate(zip(plates, box_matte(len(plates), size=size, side=side), strict=True)):
        proxies.put(index, make_proxy(plate, matte, size=size))
    return proxies


def test_memory_holds_a_window_of_frames_however_long_the_shot() -> None:
    reach, frames = 3, 28
    with reel_of(frames) as proxies:
        shot_motion = ShotMotion(proxies, reach=reach)
        for index in range(frames):
            hole = hole_region(index, proxies.hidden(index))
            assert hole is not None
            generate(shot_motion, hole, registrations=registered_references(shot_motion, hole))
        window = 2 * reach + 12
        for kept, most in (
            (shot_motion.images._pictures, 2 * window),
            (shot_motion.images._pyramids, window),
            (shot_motion._motions, 4 * reach + 8),
            (shot_motion._independent, window),
        ):
            assert len(kept._kept) <= most


def test_motion_that_was_expected_is_the_motion_that_is_found_when_asked_for() -> None:
    with reel_of(12) as proxies:
        expecting, asking = ShotMotion(proxies, reach=4), ShotMotion(proxies, reach=4)
        for shot_motion in (expecting, asking):
            assert shot_motion.registration.chained(0, 8) is not None
        expecting.prefetch(2)
        for index, to in ((2, 3), (3, 2), (5, 6)):
            told, asked = expecting.motion(index, to), asking.motion(index, to)
            assert told is not None
            assert asked is not None
            np.testing.assert_array_equal(told.displacement, asked.displacement)
            np.testing.assert_array_equal(told.surround_displacement, asked.surround_displacement)
        for shot_motion in (expecting, asking):
            shot_motion.close()


def test_a_camera_that_stands_still_is_told_from_one_that_pans_and_from_a_cut() -> None:
    locked = [*pan(1, size=SMALL) * 3, *pan(1, seed=4, size=SMALL) * 3]
    with stored(locked) as still, reel_of(6) as moving:
        for proxies, stands in ((still, True), (moving, False)):
            registration = ShotMotion(proxies, reach=4).registration
            assert registration.is_static(0, 2) == registration.is_static(5, 3) == stands
            assert not registration.is_static(2, 3)
            assert not registration.is_static(1, 4)
            assert not registration.is_static(-1, 0)
            assert not registration.is_static(5, 6)


def test_what_lies_beside_the_matte_is_known_but_lent_to_no_other_frame() -> None:
    (plate,), (matte,) = pan(1), box_matte(1)
    with reel_of(1) as proxies:
        assert (proxies.hidden(0) == (matte > 0)).all()
        known = proxies.image(0)[matte <= 0]
        np.testing.assert_allclose(known, to_log(plate)[matte <= 0], atol=2e-3)
        beside = cv2.dilate(matte, np.ones((3, 3), np.uint8)) > 0
        np.testing.assert_array_equal(ShotMotion(proxies).images.visible(0) > 0, ~beside)


def test_references_are_frames_that_show_what_the_target_hides() -> None:
    with reel_of(41, speed=2) as proxies:
        shot_motion = ShotMotion(proxies)
        hole = hole_region(20, proxies.hidden(20))
        assert hole is not None
        chosen = references(shot_motion, hole, count=3)
        # The hole is 16 pixels wide and the camera moves by 2 a frame: ten frames away all of it is in view.
        assert set(chosen[:2]) == {10, 30}
        assert 20 not in chosen


def test_the_direct_link_agrees_with_the_chain_of_neighbours() -> None:
    with reel_of(21, speed=1.5) as proxies:
        shot_motion = ShotMotion(proxies)
        link, along = shot_motion.registration.direct(0, 20), shot_motion.registration.chained(0, 20)
        assert link is not None
        assert along is not None
        centre = np.array([60, 36], np.float32)
        np.testing.assert_allclose(link.homography.apply(centre), (30, 32), atol=0.2)
        np.testing.assert_allclose(along.apply(centre), (30, 32), atol=1.5)


def test_a_flash_frame_does_not_cut_the_shot_in_two() -> None:
    plates = pan(9, speed=1.5, size=SMALL)
    plates[2] = np.full_like(plates[2], 30.0)
    with stored(plates, side=10) as proxies:
        shot_motion = ShotMotion(proxies)
        assert shot_motion.registration.adjacent(1).significance < 0.15
        along = shot_motion.registration.chained(0, 8)
        assert along is not None
        np.testing.assert_allclose(along.apply(np.array([40, 24], np.float32)), (28, 22.4), atol=0.6)


def test_two_places_stay_apart() -> None:
    with stored(pan(4, seed=1, size=SMALL) + pan(4, seed=2, size=SMALL), side=10) as proxies:
        assert ShotMotion(proxies).registration.chained(0, 7) is None


def test_a_killed_process_leaves_no_reel_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with ProxyStore(3, SIZE) as proxies:
        proxies.put(1, make_proxy(pan(1)[0], box_matte(1)[0], size=SIZE))
        assert proxies.hidden(1).any()
        if os.name == "posix":
            assert list(tmp_path.iterdir()) == []
    assert list(tmp_path.iterdir()) == []


def test_a_disk_without_room_for_the_reel_is_said_before_it_is_needed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    with pytest.raises(ShotError, match="no room for the shot's proxies"):
        ProxyStore(2**33, (64, 64))
    assert list(tmp_path.iterdir()) == []


def test_a_mirror_and_a_fold_are_told_from_what_a_camera_sees() -> None:
    turned = Homography(np.array([[0.9, -0.3, 40], [0.3, 0.9, -20], [0.0004, 0, 1]], np.float64))
    upside_down = Homography(np.array([[1, 0, 0], [0, -1, SIZE[0] - 1], [0, 0, 1]], np.float64))
    folded = Homography(np.array([[1, 0, 0], [0, 1, 0], [-2 / SIZE[1], 0, 1]], np.float64))
    assert not Homography.identity().flips_orientation(SIZE)
    assert not turned.flips_orientation(SIZE)
    assert upside_down.flips_orientation(SIZE)
    assert folded.flips_orientation(SIZE)


def test_a_learned_guess_that_no_camera_can_have_seen_leads_nowhere() -> None:
    plates = pan(3, size=SMALL)
    with stored([*plates, *(np.ascontiguousarray(plate[::-1]) for plate in plates)]) as proxies:
        # The place is the same, upside down: such an estimate is right, and still no camera's.
        mirrored = Homography(np.array([[1, 0, 0], [0, -1, SMALL[0] - 1], [0, 0, 1]], np.float64))
        registration = ShotRegistration(ProxyImages(proxies), count=6, estimator=lambda target, reference: mirrored)
        assert registration.chained(0, 4) is None
        assert registration.direct(1, 4) is None


def registrations(frames: ProxyStore, questions: list[tuple[str, int, int]], *, threads: int = 1) -> dict[Any, bytes]:
    """The bits of what a fresh registration answers to these questions, asked in this order."""
    registration = ShotRegistration(ProxyImages(frames), count=frames.count)

    def answer(question: tuple[str, int, int]) -> tuple[Any, bytes]:
        kind, one, other = question
        if kind == "static":
            return question, bytes([registration.is_static(one, other)])
        found = getattr(registration, kind)(*((one,) if kind in ("adjacent", "reliability") else (one, other)))
        values = [found] if not isinstance(found, Registration) else [found.inlier_share, found.significance]
        homography = found.homography if isinstance(found, Registration) else found
        if isinstance(homography, Homography):
            values = [v for v in values if not isinstance(v, Homography)] + homography.matrix.ravel().tolist()
        return question, repr(values).encode()

    with ThreadPoolExecutor(threads) as pool:
        return dict(pool.map(answer, questions))


@pytest.mark.parametrize("still", [False, True])
def test_no_answer_depends_on_what_was_asked_before_by_how_many_or_in_how_long_a_shot(
    still: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neighbours, chains, direct registrations, whether the camera stands, asked in any order: equal bits.

    Segments and anchors are closer together than usual, so that a short shot has several.
    """
    monkeypatch.setattr(shot_registration, "SEGMENT", 8)
    monkeypatch.setattr(shot_registration, "ANCHOR_EVERY", 4)
    plates = pan(20, speed=1.5, size=SMALL)
    if still:
        plates[12:] = plates[12:13] * 8
    plates[5] = np.full_like(plates[5], 30.0)  # a flash, to be skipped
    questions = [("adjacent", i, 0) for i in (0, 4, 7, 8, 14, 17)] + [("reliability", i, 0) for i in (3, 13)]
    questions += [(kind, a, b) for kind in ("chained", "direct") for a, b in ((2, 15), (16, 1), (13, 2), (14, 2))]
    questions += [("static", 13, 17), ("static", 1, 4), ("static", 9, 14)]
    shuffled = [questions[i] for i in np.random.default_rng(still).permutation(len(questions))]
    with stored(plates, side=10) as whole, stored(plates[:19], side=10) as shorter:
        expected = registrations(whole, questions)
        assert registrations(whole, shuffled) == expected
        assert registrations(whole, shuffled[::-1], threads=4) == expected
        assert registrations(shorter, shuffled) == expected


def test_progress_is_told_in_the_thread_that_made_the_registration_alone() -> None:
    told: list[tuple[int, int]] = []
    with reel_of(12) as proxies:
        registration = ShotRegistration(
            ProxyImages(proxies), count=12, progress=lambda count: told.append((count, threading.get_ident()))
        )
        with ThreadPoolExecutor(1) as pool:
            pool.submit(registration.adjacent, 3).result()
        assert told == []
        registration.adjacent(6)
    assert [count for count, _ in told] == [5, 6, 7]
    assert {thread for _, thread in told} == {threading.get_ident()}
