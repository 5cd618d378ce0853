"""Proxies: each pixel is the mean light of the plate pixels under it that may be seen, band by band or not."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import from_log
from aan_engine.plates.proxy import BAND_ROWS, make_proxy, proxy_from_rows

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


def test_what_is_hidden_or_broken_or_barred_is_told_wherever_it_meets_a_proxy_pixel_and_stains_none() -> None:
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


def test_rows_that_are_asked_for_band_by_band_give_the_same_proxy_and_are_asked_for_once_each() -> None:
    pixels, roto = plate(150, 192), np.zeros((150, 192), np.float32)
    asked: list[int] = []

    def rows(top: int, bottom: int) -> Array:
        asked.extend(range(top, bottom))
        return pixels[top:bottom]

    found, whole = proxy_from_rows(rows, roto, size=(37, 53)), make_proxy(pixels, roto, size=(37, 53))
    np.testing.assert_array_equal(found.image, whole.image)
    assert asked == list(range(150))
