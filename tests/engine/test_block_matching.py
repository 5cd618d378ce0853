"""Block matching: a homography from windows that are found again, where following the picture's gradient gets lost."""

from __future__ import annotations

import numpy as np
import pytest

from aan_engine.core.homography import Homography
from aan_engine.registration.block_matching import match_homographies
from aan_engine.registration.overlap_score import precision
from aan_engine.registration.pyramid import Pyramid
from tests.engine.distant_pairs import BETWEEN, holed_pair
from tests.engine.synthetic import PLACED, SIZE, corner_error, seen_through, textured, whole


@pytest.mark.parametrize("seed", range(1, 5))
def test_a_distant_frame_is_found_to_a_pixel_through_holes_and_a_change_of_exposure(seed: int) -> None:
    target, reference = holed_pair(seed)
    assert corner_error(Homography.identity(), BETWEEN) > 10
    _, joined = match_homographies(target, reference, start=Homography.identity())
    assert corner_error(joined, BETWEEN) < 1.5


def test_the_true_homography_is_more_precise_than_one_half_a_pixel_off() -> None:
    target, reference = holed_pair(1)
    beside = Homography.translation(0.5, 0) @ BETWEEN
    exact, half_off = (precision(target, reference, homography=H) for H in (BETWEEN, beside))
    assert exact > 1.2 * half_off > 0


def test_nothing_is_found_in_a_flat_picture_or_where_nothing_is_visible() -> None:
    flat = Pyramid(np.full(SIZE, 0.4, np.float32), whole())
    blind = Pyramid(seen_through(textured(), PLACED), ~whole())
    for one, two in ((flat, flat), (blind, blind), (flat, blind)):
        for found in match_homographies(one, two, start=BETWEEN):
            assert corner_error(found, BETWEEN) < 1e-6
