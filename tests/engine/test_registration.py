"""Registration: homographies refined to sub-pixel, robust to what does not follow the camera."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.core.homography import Homography
from aan_engine.registration.overlap_score import inlier_share
from aan_engine.registration.photometric import Registration, prefer_static, refine_homography
from aan_engine.registration.pyramid import Pyramid
from tests.engine.synthetic import BETWEEN, MOVED, PLACED, SIZE, corner_error, seen_through, textured, whole


def test_a_frame_is_registered_with_itself_by_the_identity() -> None:
    picture = Pyramid(seen_through(textured(), PLACED), whole())
    found = refine_homography(picture, picture, start=Homography.identity())
    assert corner_error(found.homography, Homography.identity()) < 1e-3
    assert found.inlier_share > 0.99


def test_a_known_homography_is_found_to_a_twentieth_of_a_pixel() -> None:
    target = Pyramid(seen_through(textured(), PLACED), whole())
    reference = Pyramid(seen_through(textured(), MOVED), whole())
    found = refine_homography(target, reference, start=Homography.identity())
    assert corner_error(found.homography, BETWEEN) < 0.05


def test_registration_backwards_is_the_inverse() -> None:
    target = Pyramid(seen_through(textured(), PLACED), whole())
    reference = Pyramid(seen_through(textured(), MOVED), whole())
    there = refine_homography(target, reference, start=Homography.identity()).homography
    back = refine_homography(reference, target, start=Homography.identity()).homography
    assert corner_error(back @ there, Homography.identity()) < 0.1


def test_moving_foreground_holes_and_a_change_of_exposure_do_not_pull_the_homography_away() -> None:
    a, b = seen_through(textured(), PLACED), seen_through(textured(), MOVED) * 0.9 + 0.08
    other = textured(7)[:50, :60]
    a[30:80, 40:100], b[40:90, 90:150] = other, other
    visible = whole()
    visible[60:100, 140:190] = False
    a[~visible] = 0
    found = refine_homography(Pyramid(a, visible), Pyramid(b, whole()), start=Homography.identity())
    assert corner_error(found.homography, BETWEEN) < 0.25


@pytest.mark.parametrize("seed", range(1, 6))
def test_a_different_place_is_no_kin_and_the_same_place_is(seed: int) -> None:
    one = Pyramid(seen_through(textured(seed), PLACED), whole())
    other = Pyramid(seen_through(textured(seed + 10), PLACED), whole())
    again = Pyramid(seen_through(textured(seed), MOVED), whole())
    assert refine_homography(one, other, start=Homography.identity()).significance < 0.15
    assert refine_homography(one, again, start=Homography.identity()).significance > 0.8


@pytest.mark.parametrize(
    "start", [Homography.identity(), BETWEEN, Homography(np.array([[1, 0, 300.0], [0, 1, 0], [0, 0, 1]], np.float64))]
)
def test_the_result_is_never_trusted_less_than_the_start(start: NDArray[np.float64]) -> None:
    target = Pyramid(seen_through(textured(), PLACED), whole())
    reference = Pyramid(seen_through(textured(), MOVED), whole())
    assert refine_homography(target, reference, start=start).inlier_share >= inlier_share(
        target, reference, homography=start
    )


def test_a_camera_that_stands_still_is_not_drawn_along_by_what_moves_before_it() -> None:
    world = seen_through(textured(), PLACED)
    rng = np.random.default_rng(3)
    frames = []
    for x in (30, 36):
        frame = world + rng.normal(0, 0.004, world.shape).astype(np.float32)
        frame[20:100, x : x + 90] = world[::-1][20:100, 30:120]
        frames.append(frame)
    target, reference = (Pyramid(frame, np.ones(SIZE, bool)) for frame in frames)
    drawn = Homography(np.array([[1.004, 0, 0.5], [0, 1.002, 0.3], [0, 0, 1.0]], np.float64))
    found = prefer_static((target, reference), found=Registration(drawn, 0.9, 0.9))
    assert found.homography.is_identity
    assert found.inlier_share > 0.3


def test_a_camera_that_does_move_keeps_its_homography() -> None:
    move = Homography(np.array([[1, 0, 0.6], [0, 1, -0.4], [0, 0, 1.0]], np.float64))
    target, reference = (
        Pyramid(seen_through(textured(), PLACED @ m), np.ones(SIZE, bool))
        for m in (Homography.identity(), move.inverse())
    )
    found = Registration(move, 0.99, 0.99)
    assert prefer_static((target, reference), found=found) is found


def test_a_way_of_looking_in_which_nothing_fits_does_not_hold_a_camera_that_moves() -> None:
    """Light evened out from what a hole left may fit nowhere, and there any answer is as sharp as the identity."""
    move = Homography(np.array([[1, 0, 9.0], [0, 1, -4], [0, 0, 1.0]], np.float64))
    frames = [seen_through(textured(), PLACED @ m) for m in (Homography.identity(), move.inverse())]
    plain = Pyramid(frames[0], whole()), Pyramid(frames[1], whole())
    noise = np.random.default_rng(1).normal(0, 1, (2, *SIZE)).astype(np.float32)
    odd = Pyramid(noise[0], whole()), Pyramid(noise[1], whole())
    found = Registration(move, 0.99, 0.99)
    assert prefer_static(plain, odd, found=found) is found
    assert prefer_static(odd, plain, found=found) is found


def test_a_camera_that_stands_still_under_a_lamp_that_moves_is_seen_where_light_is_evened_out() -> None:
    world = seen_through(textured(), PLACED)
    lamp = np.linspace(0, 0.5, SIZE[1], dtype=np.float32)
    lit = Pyramid(world, whole()), Pyramid(world + lamp, whole())
    even = Pyramid(world, whole()), Pyramid(world, whole())
    drawn = Homography(np.array([[1.004, 0, 0.5], [0, 1.002, 0.3], [0, 0, 1.0]], np.float64))
    assert prefer_static(lit, even, found=Registration(drawn, 0.6, 0.6)).homography.is_identity
