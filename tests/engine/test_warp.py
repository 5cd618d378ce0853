"""Warp and proxies: positions brought to full resolution, plates sampled once, blocked pixels never read."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.sampling import pixel_grid
from aan_engine.plates.proxy import MAX_AREA, make_proxy, size_for
from tests.engine.fill_plans import SIZE, decided, hole, warped
from tests.engine.shots import scene
from tests.engine.source_plates import source_of

Array = NDArray[np.float32]


def test_a_shift_by_whole_pixels_copies_the_plates_own_values() -> None:
    plate = scene()[:48, :80].astype(np.float16)
    hidden = hole()
    fill = warped(decided(hidden, (5, -3)), hidden, source_of(plate))
    moved = np.roll(plate, (3, -5), (0, 1))
    np.testing.assert_array_equal(fill.fill[hidden].astype(np.float16), moved[hidden])
    assert (fill.source[hidden] == 3).all()
    assert (fill.unseen[hidden] == 0).all()
    np.testing.assert_allclose(fill.position[hidden], (pixel_grid(SIZE) + np.array([5, -3]))[hidden], atol=1e-4)


@pytest.mark.parametrize("factor", [2, 5])
def test_proxy_positions_land_on_the_same_place_of_a_larger_plate(factor: int) -> None:
    size = (SIZE[0] * factor, SIZE[1] * factor)
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    plate = np.stack([x / 100, y / 100, np.ones_like(x)], -1)
    hidden = hole(size)
    fill = warped(decided(hole(), (2.5, -1.25)), hidden, source_of(plate))
    # 2.5 proxy pixels are 2.5 x factor plate pixels, whatever the offset of pixel centres.
    np.testing.assert_allclose(fill.fill[hidden][:, 0], (x[hidden] + 2.5 * factor) / 100, rtol=2e-3, atol=1e-3)
    np.testing.assert_allclose(fill.fill[hidden][:, 1], (y[hidden] - 1.25 * factor) / 100, rtol=2e-3, atol=1e-3)


def test_a_blocked_pixel_is_never_sampled_not_even_by_a_bicubic_tap() -> None:
    plate = np.full((*SIZE, 3), 0.2, np.float32)
    blocked = np.zeros(SIZE, bool)
    blocked[20, 44] = True
    plate[blocked] = 1e4
    hidden = hole()
    fill = warped(decided(hidden, (10.3, 0.4), share=0.9), hidden, source_of(plate, blocked))
    assert to_log(fill.fill).max() < 0.51
    around = hidden & (np.abs(pixel_grid(SIZE) + np.array([10.3, 0.4]) - np.array([44, 20])).max(-1) < 1)
    assert around.any()
    assert (fill.unseen[around] == 1).all()
    assert (fill.source[around] == -1).all()


def test_an_isolated_pixel_that_no_plate_shows_is_repaired_from_its_neighbours_and_marked() -> None:
    plate = np.full((*SIZE, 3), 0.2, np.float32)
    blocked = np.zeros(SIZE, bool)
    blocked[20, 44] = True
    hidden = hole()
    isolated = hidden & (np.abs(pixel_grid(SIZE) + np.array([10, 0]) - np.array([44, 20])).max(-1) < 0.5)
    assert isolated.sum() == 1
    fill = warped(decided(hidden, (10, 0)), hidden, source_of(plate, blocked))
    np.testing.assert_allclose(fill.fill[hidden], 0.2, rtol=1e-5)
    assert fill.unseen[isolated] == 1
    assert fill.source[isolated] == -1


def test_where_no_neighbour_was_copied_the_synthesised_layer_stays() -> None:
    plate, hidden = np.full((*SIZE, 3), 0.2, np.float32), hole()
    fill = warped(decided(hidden, (10, 0)), hidden, source_of(plate, np.ones(SIZE, bool)))
    np.testing.assert_allclose(to_log(fill.fill[hidden]), 0.5, rtol=1e-5)
    assert (fill.unseen[hidden] == 1).all()


def test_a_clear_winner_is_copied_alone_and_a_close_call_is_mixed() -> None:
    plate, hidden = source_of(np.full((*SIZE, 3), 3.0, np.float32)), hole()
    clear = warped(decided(hidden, (0, 0), share=0.9), hidden, plate)
    np.testing.assert_allclose(clear.fill[hidden], 3.0, rtol=1e-5)
    mixed = warped(decided(hidden, (0, 0), share=0.4), hidden, plate)
    expected = 0.4 * to_log(np.float32(3.0)) + 0.6 * 0.5
    np.testing.assert_allclose(to_log(mixed.fill[hidden]), expected, rtol=1e-4)
    np.testing.assert_allclose(mixed.unseen[hidden], 0.6, atol=1e-5)


def test_a_proxy_never_shows_what_the_matte_hides() -> None:
    pixels = scene()[:200, :320]
    matte = np.zeros((200, 320), np.float32)
    matte[90:110, 150:171] = 1e-4
    stained = pixels.copy()
    stained[matte > 0] = 1e4
    for size in ((200, 320), (50, 80), (37, 61)):
        clean, dirty = make_proxy(pixels, matte, size=size), make_proxy(stained, matte, size=size)
        np.testing.assert_array_equal(clean.image, dirty.image)
        np.testing.assert_array_equal(clean.hidden, dirty.hidden)
        assert dirty.hidden.any()


def test_a_proxy_is_the_plate_itself_up_to_its_area_and_of_the_same_shape_above() -> None:
    assert size_for(240, 424) == (240, 424)
    h, w = size_for(2160, 4096)
    assert h * w <= 1.01 * MAX_AREA
    assert w / h == pytest.approx(4096 / 2160, rel=0.01)
