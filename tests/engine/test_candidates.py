"""Candidates: the region that is worked on, and what becomes of sources that are hidden."""

from __future__ import annotations

import numpy as np
import pytest

from aan_engine.candidates.candidate import CELL, RIM, hole_region

SIZE = (70, 100)


def hidden_box() -> np.ndarray[tuple[int, int], np.dtype[np.bool_]]:
    hidden = np.zeros(SIZE, bool)
    hidden[30:40, 50:62] = True
    return hidden


def test_the_region_is_the_hole_and_its_rim_in_a_box_of_whole_cells() -> None:
    hidden = hidden_box()
    hole = hole_region(3, hidden)
    assert hole is not None
    assert hole.index == 3
    np.testing.assert_array_equal(hole.hidden, hidden[hole.box.slices])
    assert hole.hidden.sum() == hidden.sum()
    assert all(side % CELL == 0 for side in (hole.box.top, hole.box.left, *hole.box.shape))
    ys, xs = np.mgrid[: SIZE[0], : SIZE[1]]
    distance = np.hypot(np.clip(np.abs(ys - 34.5) - 4.5, 0, None), np.clip(np.abs(xs - 55.5) - 5.5, 0, None))
    region = np.zeros(SIZE, bool)
    region[hole.box.slices] = hole.region
    assert region[distance <= RIM - 1].all()
    assert not region[distance > RIM + 0.5].any()


@pytest.mark.parametrize("corner", [(0, 0), (60, 88)])
def test_a_box_ends_where_the_proxy_does(corner: tuple[int, int]) -> None:
    hidden = np.zeros(SIZE, bool)
    hidden[corner[0] : corner[0] + 10, corner[1] : corner[1] + 12] = True
    hole = hole_region(0, hidden)
    assert hole is not None
    assert hole.box.clipped(SIZE) == hole.box
    assert hole.region.shape == hole.box.shape


def test_points_are_the_region_s_pixels_on_the_proxy_and_each_knows_its_nearest_hidden_one() -> None:
    hidden = hidden_box()
    hole = hole_region(0, hidden)
    assert hole is not None
    x, y = hole.points.astype(int).T
    assert hole.region[y - hole.top, x - hole.left].all()
    assert len(hole.points) == hole.region.sum()
    nearest = hole.points[hole.nearest_hidden]
    assert hidden[nearest[:, 1].astype(int), nearest[:, 0].astype(int)].all()
    own = hole.hidden[hole.region]
    np.testing.assert_array_equal(hole.nearest_hidden[own], np.flatnonzero(own))
    assert np.hypot(*(nearest - hole.points).T).max() <= RIM + 0.5


def test_what_must_not_be_compared_with_is_known_to_the_region_where_it_is_visible() -> None:
    hidden, unusable = hidden_box(), np.zeros(SIZE, bool)
    unusable[20:36] = True
    hole = hole_region(0, hidden, unusable=unusable)
    assert hole is not None
    np.testing.assert_array_equal(hole.unusable, (unusable & ~hidden)[hole.box.slices])
    assert hole.unusable.any()
    without = hole_region(0, hidden)
    assert without is not None
    assert not without.unusable.any()


def test_a_frame_without_a_hole_has_no_region() -> None:
    assert hole_region(0, np.zeros(SIZE, bool)) is None
