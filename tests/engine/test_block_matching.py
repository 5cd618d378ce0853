"""Matching: a homography found by looking around, where following the picture's slope gets lost."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.core.homography import Homography
from aan_engine.registration.block_matching import match_homographies
from aan_engine.registration.overlap_score import precision
from aan_engine.registration.photometric import Registration, refine_homography
from aan_engine.registration.pyramid import Pyramid
from aan_engine.registration.recovery import PATIENCE, RecoveryBudget, is_reliable, recover
from tests.engine.synthetic import PLACED, SIZE, corner_error, seen_through, textured, whole

FAR = Homography(np.array([[1.06, -0.05, 60.0], [0.07, 0.96, 20.0], [2e-4, -1e-4, 1]], np.float64))
BETWEEN = FAR.inverse() @ PLACED
"""Moves corners by some twenty pixels: a tenth of the frame, far beyond registration's own reach."""


def holed(seed: int) -> NDArray[np.bool_]:
    visible = whole()
    rng = np.random.default_rng(seed)
    for top, left in zip(rng.integers(0, 90, 4), rng.integers(0, 170, 4), strict=True):
        visible[top : top + 26, left : left + 34] = False
    return visible


def pair(seed: int) -> tuple[Pyramid, Pyramid]:
    """Far apart, with holes in both and a change of exposure."""
    one, two = seen_through(textured(seed), PLACED), seen_through(textured(seed), FAR) * 0.9 + 0.08
    seen = holed(seed), holed(seed + 50)
    one[~seen[0]], two[~seen[1]] = 0, 3
    return Pyramid(one, seen[0]), Pyramid(two, seen[1])


@pytest.mark.parametrize("seed", range(1, 5))
def test_what_lies_far_off_is_found_to_a_pixel_through_holes_and_a_change_of_exposure(seed: int) -> None:
    target, reference = pair(seed)
    assert corner_error(Homography.identity(), BETWEEN) > 10
    _, joined = match_homographies(target, reference, start=Homography.identity())
    assert corner_error(joined, BETWEEN) < 1.5


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_search_mends_an_answer_that_got_lost(seed: int) -> None:
    target, reference = pair(seed)
    lost = Registration(Homography.identity(), 0.1, 0.0)
    found = recover(target, reference, known=lost, starts=[Homography.identity()])
    assert corner_error(found.homography, BETWEEN) < 0.25
    assert found.significance > 0.8


@pytest.mark.parametrize("seed", range(1, 5))
def test_an_answer_that_is_half_right_is_looked_around_again_without_another_start(seed: int) -> None:
    target, reference = pair(seed)
    half = BETWEEN @ Homography(np.array([[1.04, -0.03, 6.0], [0.02, 0.97, -4.0], [1e-4, 0, 1]], np.float64))
    assert corner_error(half, BETWEEN) > 8
    found = recover(target, reference, known=Registration(half, 0.5, 0.45), starts=[])
    assert corner_error(found.homography, BETWEEN) < 0.25


def test_the_true_homography_is_sharper_than_one_half_a_pixel_off() -> None:
    target, reference = pair(1)
    beside = Homography(np.array([[1, 0, 0.5], [0, 1, 0], [0, 0, 1]], np.float64)) @ BETWEEN
    exact, hole = (precision(target, reference, homography=H) for H in (BETWEEN, beside))
    assert exact > 1.2 * hole > 0


def test_nothing_is_found_in_a_flat_picture_or_where_nothing_is_visible() -> None:
    flat = Pyramid(np.full(SIZE, 0.4, np.float32), whole())
    blind = Pyramid(seen_through(textured(), PLACED), ~whole())
    for one, two in ((flat, flat), (blind, blind), (flat, blind)):
        for landed in match_homographies(one, two, start=BETWEEN):
            assert corner_error(landed, BETWEEN) < 1e-6


@pytest.mark.parametrize("seed", range(1, 6))
def test_another_place_stays_a_stranger_however_long_one_looks(seed: int) -> None:
    one = Pyramid(seen_through(textured(seed), PLACED), whole())
    other = Pyramid(seen_through(textured(seed + 10), PLACED), whole())
    known = refine_homography(one, other, start=Homography.identity())
    assert recover(one, other, known=known, starts=[Homography.identity(), BETWEEN]) == known


def test_a_doubtful_answer_convinces_near_its_start_only() -> None:
    hole, far = (Homography(np.array([[1, 0, x], [0, 1, 0], [0, 0, 1]], np.float64)) for x in (2, 40))
    assert is_reliable(Registration(hole, 0.7, 0.6), start=Homography.identity(), shape=SIZE)
    assert not is_reliable(Registration(far, 0.7, 0.6), start=Homography.identity(), shape=SIZE)
    assert not is_reliable(Registration(hole, 0.3, 0.2), start=Homography.identity(), shape=SIZE)
    assert is_reliable(Registration(far, 0.98, 0.95), start=Homography.identity(), shape=SIZE)


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_search_is_not_held_by_what_moves_in_front(seed: int) -> None:
    """Three tenths of the picture go another way, and so does the answer to begin with."""
    one, two = seen_through(textured(seed), PLACED), seen_through(textured(seed), FAR)
    front = textured(seed + 20)
    one[40:115, 50:150] = front[40:115, 50:150]
    two[40:115, 58:158] = front[40:115, 50:150]
    target, reference = Pyramid(one, whole()), Pyramid(two, whole())
    along = refine_homography(
        target, reference, start=Homography(np.array([[1, 0, 8.0], [0, 1, 0], [0, 0, 1]], np.float64))
    )
    assert corner_error(along.homography, BETWEEN) > 3
    found = recover(target, reference, known=along, starts=[Homography.identity()])
    assert corner_error(found.homography, BETWEEN) < 0.25


def test_a_shot_in_which_nothing_is_found_elsewhere_is_searched_no_longer_unless_it_gets_worse() -> None:
    """Two layers that move apart: half the picture stays unexplained, however long one looks."""
    one, two = seen_through(textured(1), PLACED), seen_through(textured(1), PLACED)
    two[:, 100:] = seen_through(textured(2), PLACED)[:, 100:]
    target, reference = Pyramid(one, whole()), Pyramid(two, whole())
    beside = Homography(np.array([[1, 0, 0.3], [0, 1, 0], [0, 0, 1]], np.float64))
    searches = RecoveryBudget()

    def mended(known: Registration) -> bool:
        return searches.recover(target, reference, known=known, starts=[]) is not known

    for _ in range(PATIENCE):
        assert mended(Registration(beside, 0.5, 0.5))
    assert not mended(Registration(beside, 0.5, 0.5))
    assert mended(Registration(beside, 0.3, 0.45)), "trusted clearly less than all before"
    assert mended(Registration(beside, 0.5, 0.1)), "hardly akin"
