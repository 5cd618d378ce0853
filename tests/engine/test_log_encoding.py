"""The working range: every value of light has one place in it, and comes back."""

from __future__ import annotations

import numpy as np

from aan_engine.colour import log_encoding

EVERY_HALF = np.arange(1 << 16, dtype=np.uint16).view(np.float16)
FINITE = np.unique(EVERY_HALF[np.isfinite(EVERY_HALF)]).astype(np.float32)


def test_every_half_comes_back() -> None:
    back = log_encoding.from_log(log_encoding.to_log(FINITE))
    np.testing.assert_allclose(back, FINITE, rtol=1e-6, atol=0)
    assert back.dtype == np.float32


def test_values_beyond_half_come_back() -> None:
    x = np.geomspace(1e-30, 1e30, 10_000, dtype=np.float32)
    np.testing.assert_allclose(log_encoding.from_log(log_encoding.to_log(x)), x, rtol=6e-6)


def test_more_light_is_always_more() -> None:
    assert (np.diff(log_encoding.to_log(FINITE)) > 0).all()


def test_darkness_mirrors_light() -> None:
    np.testing.assert_array_equal(log_encoding.to_log(-FINITE), -log_encoding.to_log(FINITE))


def test_the_curve_has_no_kink_and_no_steps() -> None:
    x = np.linspace(-2, 2, 4001)
    slope = np.diff(log_encoding.to_log(x).astype(np.float64)) / np.diff(x)
    assert slope.min() > 0
    assert np.abs(np.diff(slope)).max() < 0.03


def test_middle_grey_and_white_lie_where_a_network_expects_them() -> None:
    black, grey, white = log_encoding.to_log([0.0, 0.18, 1.0])
    assert black == 0
    assert 0.4 < grey < 0.5
    assert white == 1


def test_nan_and_infinity_stay_what_they_are_where_they_are() -> None:
    odd = np.array([np.nan, np.inf, -np.inf, 0.5], np.float32)
    for there in (log_encoding.to_log, log_encoding.from_log):
        result = there(odd)
        assert np.isnan(result[0])
        np.testing.assert_array_equal(result[1:3], odd[1:3])
        assert np.isfinite(result[3])
    assert np.isnan(log_encoding.to_log(EVERY_HALF)).sum() == np.isnan(EVERY_HALF).sum()


def test_the_curve_is_that_of_the_library_which_is_slower() -> None:
    np.testing.assert_array_equal(
        log_encoding.to_log(FINITE),
        (log_encoding.GAIN * np.arcsinh(FINITE.astype(np.float64) / 0.1)).astype(np.float32),
    )
    encoded = np.linspace(-4.7, 4.7, 3 * log_encoding.CHUNK // 2, dtype=np.float32)
    sunk = 0.1 * np.sinh(encoded.astype(np.float64) / log_encoding.GAIN)
    np.testing.assert_array_equal(log_encoding.from_log(encoded), sunk.astype(np.float32))


def test_shape_is_kept() -> None:
    assert log_encoding.to_log(np.zeros((4, 5, 3), np.float16)).shape == (4, 5, 3)
