"""Contact sheets and films show pictures in the right colours and places."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from aan_engine.colour import display
from aan_engine.evaluation import contact_sheet

RED = np.full((36, 64, 3), (200, 10, 10), np.uint8)
GREEN = np.full((36, 64, 3), (10, 200, 10), np.uint8)


def test_the_display_inverts_the_srgb_decoding_of_every_code_value() -> None:
    code = np.arange(256, dtype=np.uint8).reshape(16, 16, 1).repeat(3, axis=2)
    encoded = code / 255
    linear = np.where(encoded <= 0.04045, encoded / 12.92, ((encoded + 0.055) / 1.055) ** 2.4)
    assert np.array_equal(display.to_srgb8(linear.astype(np.float32)), code)


def test_light_that_no_screen_can_show_is_clipped_and_warns_nobody() -> None:
    odd = np.array([[[np.nan, np.inf, -np.inf], [-2.0, 70.0, 0.18]]], np.float16)
    assert display.to_srgb8(odd).tolist() == [[[0, 255, 0], [0, 255, 118]]]


def test_a_tint_leaves_the_picture_alone_where_its_amount_is_zero() -> None:
    amount = np.zeros((36, 64), np.float32)
    amount[:, 32:] = 1
    tinted = contact_sheet.tint(GREEN, amount)
    assert np.array_equal(tinted[:, :32], GREEN[:, :32])
    assert (tinted[:, 32:, 0] > GREEN[:, 32:, 0]).all()


def test_heat_runs_from_violet_to_yellow_and_is_grey_elsewhere() -> None:
    values, where = np.zeros((36, 64), np.float32), np.ones((36, 64), bool)
    values[:, 16:], values[0, 0], where[:, 48:] = 1, np.nan, False
    shown = contact_sheet.heat(RED, values, where=where).astype(int)
    violet, yellow, grey = shown[0, 0], shown[0, 20], shown[0, 60]
    assert violet[2] > violet[1]
    assert min(yellow[0], yellow[1]) > 200 > yellow[2]
    assert len(set(grey.tolist())) == 1


def test_a_contact_sheet_puts_rows_and_columns_where_they_belong() -> None:
    drawn = contact_sheet.contact_sheet(
        [[RED, GREEN], [GREEN, RED]], titles=["plate", "result"], names=["1001", "1002"], width=32
    )
    red = (np.abs(drawn.astype(int) - (200, 10, 10)) <= 1).all(axis=-1)
    ys, xs = np.nonzero(red)
    assert red.sum() == 2 * 32 * 18
    assert np.corrcoef(xs > xs.mean(), ys > ys.mean())[0, 1] == pytest.approx(1)


def test_a_contact_sheet_refuses_what_does_not_fit_together() -> None:
    with pytest.raises(ValueError, match="names"):
        contact_sheet.contact_sheet([[RED]], titles=["plate"], names=[])
    with pytest.raises(ValueError, match="one shape"):
        contact_sheet.contact_sheet([[RED, GREEN[:10]]], titles=["plate", "result"], names=["1001"])


def test_a_saved_picture_keeps_its_colours(tmp_path: Path) -> None:
    contact_sheet.save(tmp_path / "red.png", RED)
    assert np.array_equal(cv2.imread(str(tmp_path / "red.png"))[..., ::-1], RED)


def test_a_film_plays_back_its_frames_in_order(tmp_path: Path) -> None:
    frames = [contact_sheet.side_by_side(a, b) for a, b in ((RED, GREEN), (GREEN, RED), (RED, RED))]
    contact_sheet.film(tmp_path / "film.mp4", iter(frames), fps=24)
    played = cv2.VideoCapture(str(tmp_path / "film.mp4"))
    for frame in frames:
        read, picture = played.read()
        assert read
        assert np.abs(picture[..., ::-1].astype(int) - frame).mean() < 12
    assert not played.read()[0]


def test_a_film_without_frames_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError, match="no frames"):
        contact_sheet.film(tmp_path / "film.mp4", [], fps=24)
