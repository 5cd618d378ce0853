"""Proxies: each pixel is the mean light of the plate pixels under it that may be seen, band by band or not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import from_log
from aan_engine.core.box import Box
from aan_engine.plates.proxy import BAND_ROWS, HIDDEN_VALUE, make_proxy, proxy_from_bands
from aan_engine.plates.proxy_store import ProxyStore

Array = NDArray[np.float32]


def plate(height: int, width: int) -> Array:
    return np.random.default_rng(0).lognormal(-1, 1, (height, width, 3)).clip(0, 40).astype(np.float32)


def area_mean(values: Array, size: tuple[int, int]) -> Array:
    """The mean over each proxy pixel's own part of the plate, pixel by pixel, as slowly as it is plain."""
    total = values.astype(np.float64)
    for axis, short in enumerate(size):
        edges = np.arange(short + 1) * (values.shape[axis] / short)
        # The integral up to each edge, linear within a pixel.
        summed = np.concatenate([np.zeros_like(total.take([0], axis)), np.cumsum(total, axis)], axis)
        whole = np.floor(edges).astype(int)
        part = (edges - whole).reshape([-1 if a == axis else 1 for a in range(values.ndim)])
        upper = np.minimum(whole + 1, values.shape[axis])
        until = summed.take(whole, axis) * (1 - part) + summed.take(upper, axis) * part
        total = np.diff(until, axis=axis) / (values.shape[axis] / short)
    return total.astype(np.float32)


@pytest.mark.parametrize("size", [(50, 64), (37, 53), (150, 192)])
def test_where_all_is_seen_a_proxy_pixel_is_the_mean_light_of_its_own_part_of_the_plate(size: tuple[int, int]) -> None:
    pixels = plate(150, 192)
    found = make_proxy(pixels, np.zeros((150, 192), np.float32), size=size)
    np.testing.assert_allclose(from_log(found.image), area_mean(pixels, size), rtol=1e-4, atol=1e-5)
    assert not found.hidden.any()


def test_what_is_hidden_broken_or_unusable_is_marked_wherever_it_meets_a_proxy_pixel_and_bleeds_into_none() -> None:
    pixels, roto, unusable = plate(150, 192), np.zeros((150, 192), np.float32), np.zeros((150, 192), np.bool_)
    roto[BAND_ROWS - 1, 100], unusable[2 * BAND_ROWS, 7] = 0.01, True
    pixels[149, 191, 1], pixels[0, 0, 0] = np.nan, np.inf
    found = make_proxy(pixels, roto, size=(37, 53), unusable=unusable)
    hidden, shut = (
        area_mean(marked.astype(np.float32), (37, 53)) > 1e-5
        for marked in ((roto > 0) | ~np.isfinite(pixels).all(-1), unusable)
    )
    np.testing.assert_array_equal(found.hidden, hidden)
    np.testing.assert_array_equal(found.unusable, shut)
    clean = make_proxy(plate(150, 192), np.zeros_like(roto), size=(37, 53))
    np.testing.assert_array_equal(found.image[~hidden], clean.image[~hidden])


def test_a_glint_counts_as_a_light_of_fifty_and_does_not_outshine_its_surroundings() -> None:
    pixels, matte = np.full((150, 192, 3), 0.2, np.float32), np.zeros((150, 192), np.float32)
    pixels[70:72, 80] = (4000.0, -4000.0, 60000.0)
    clipped = pixels.copy()
    clipped[70:72, 80] = (50.0, -50.0, 50.0)
    found, wanted = (make_proxy(p, matte, size=(37, 53)) for p in (pixels, clipped))
    np.testing.assert_array_equal(found.image, wanted.image)
    light = from_log(found.image)
    assert 4 < light[..., 0].max() < 8
    assert -8 < light[..., 1].min() < -4


def test_a_plate_no_larger_than_a_proxy_keeps_its_glints() -> None:
    pixels, matte = np.full((40, 60, 3), 0.2, np.float32), np.zeros((40, 60), np.float32)
    pixels[7, 9] = 4000.0
    light = from_log(make_proxy(pixels, matte, size=(40, 60)).image)
    np.testing.assert_allclose(light[7, 9], 4000.0, rtol=1e-5)


def test_a_plate_that_is_asked_for_band_by_band_gives_the_same_proxy_and_each_row_is_asked_for_once() -> None:
    pixels, roto = plate(150, 192), np.zeros((150, 192), np.float32)
    asked: list[int] = []

    def region(box: Box) -> Array:
        asked.extend(range(box.top, box.bottom))
        assert (box.left, box.right) == (0, 192)
        return pixels[box.slices]

    found, whole = proxy_from_bands(region, roto, size=(37, 53)), make_proxy(pixels, roto, size=(37, 53))
    np.testing.assert_array_equal(found.image, whole.image)
    assert asked == list(range(150))


def test_hidden_pixels_have_one_value_near_mid_grey() -> None:
    found = make_proxy(plate(40, 60), np.ones((40, 60), np.float32), size=(20, 30))
    assert found.hidden.all()
    assert (found.image == np.float32(HIDDEN_VALUE)).all()
    assert 0.1 < from_log(HIDDEN_VALUE) < 0.25


def test_plates_have_a_time_and_clean_plates_have_none() -> None:
    with ProxyStore(3, (16, 16), extra=2, numbers=[1001, 1003, 1004, -1001, -1002]) as proxies:
        frames = [proxies.frame(index) for index in range(5)]
        assert [frame.index for frame in frames] == [0, 1, 2, 3, 4]
        assert [frame.number for frame in frames] == [1001, 1003, 1004, -1001, -1002]
        assert [frame.time for frame in frames] == [0, 1, 2, None, None]
        assert [proxies.has_time(index) for index in range(-1, 6)] == [False, True, True, True, False, False, False]
    with ProxyStore(2, (16, 16)) as proxies:
        assert proxies.frame(1).number == 1
