"""Boxes and the proxy's scale: one convention, and every operation by what it promises."""

from __future__ import annotations

import numpy as np
import pytest

from aan_engine.core.box import Box, masked_pixels, tiles
from aan_engine.core.proxy_scale import ProxyScale

BOX = Box(top=2, bottom=7, left=10, right=13)


def test_a_box_is_what_its_slices_take() -> None:
    picture = np.arange(20 * 30).reshape(20, 30)
    assert picture[BOX.slices].shape == BOX.shape == (5, 3)
    assert picture[BOX.slices].size == BOX.area
    assert picture[BOX.slices][0, 0] == picture[2, 10]


def test_an_exr_window_has_its_ends_included_and_comes_back_as_it_was() -> None:
    assert Box.from_exr((10, 2, 12, 6)) == BOX
    assert BOX.as_exr() == (10, 2, 12, 6)


def test_a_box_around_a_mask_holds_all_of_it_and_no_row_or_column_more() -> None:
    mask = np.zeros((20, 30), bool)
    assert Box.around_mask(mask) is None
    mask[2, 11] = mask[6, 10] = mask[4, 12] = True
    assert Box.around_mask(mask) == BOX
    assert Box.around_mask(mask, margin=3) == Box(top=0, bottom=10, left=7, right=16)
    np.testing.assert_array_equal(masked_pixels(mask), np.nonzero(mask))


@pytest.mark.parametrize("other", [BOX, Box(top=0, bottom=4, left=11, right=40), Box(top=8, bottom=9, left=0, right=2)])
def test_the_union_contains_both_and_both_contain_the_intersection(other: Box) -> None:
    both, common = BOX.union(other), BOX.intersection(other)
    assert both.contains(BOX)
    assert both.contains(other)
    assert common.area == 0 or (BOX.contains(common) and other.contains(common))
    marks = np.zeros((2, 60, 60), bool)
    marks[0][BOX.slices] = marks[1][other.slices] = True
    assert common.area == marks.all(0).sum()


def test_relative_to_itself_a_box_begins_at_zero() -> None:
    assert BOX.relative_to(BOX) == Box.whole(BOX.shape)
    assert BOX.grown(1, 2).clipped((6, 12)) == Box(top=1, bottom=6, left=8, right=12)


@pytest.mark.parametrize("aligned", [True, False])
def test_tiles_cover_every_pixel_of_the_box_once(aligned: bool) -> None:
    count = np.zeros((40, 40), int)
    for tile in tiles(BOX, 4, aligned=aligned):
        count[tile.slices] += 1
    assert (count[BOX.slices] == 1).all()
    assert count.max() == 1
    if aligned:
        assert all(tile.top % 4 == 0 and tile.left % 4 == 0 for tile in tiles(BOX, 4))


def test_a_position_goes_to_the_proxy_and_back() -> None:
    scale = ProxyScale.between((2160, 4096), (240, 432))
    points = np.array([[0, 0], [4095, 2159], [17.25, 1000.5]], np.float32)
    np.testing.assert_allclose(scale.to_plate(scale.to_proxy(points)), points, atol=1e-3)
    # The first proxy pixel's centre is the centre of the plate pixels that it covers.
    np.testing.assert_allclose(scale.to_plate(np.zeros(2, np.float32)), [4096 / 432 / 2 - 0.5, 4.0], atol=1e-4)
    assert scale.coarseness == pytest.approx(9.0, rel=1e-3)


def test_a_proxy_of_the_plates_own_size_changes_nothing() -> None:
    scale = ProxyScale.between((24, 40), (24, 40, 3))
    points = np.array([[3.5, 2.25]], np.float32)
    assert np.array_equal(scale.to_proxy(points), points)
    assert np.array_equal(scale.to_plate(points), points)
