"""The Poisson join: steps in brightness are closed, detail stays, and what shows something else is left alone."""

from __future__ import annotations

import cv2
import numpy as np

from aan_engine.selection.poisson import MISMATCH, poisson_correction
from tests.engine.synthetic import textured


def case() -> tuple[np.ndarray, np.ndarray]:
    picture = np.repeat(textured()[:64, :96, None], 3, 2)
    hidden = np.zeros((64, 96), bool)
    hidden[20:44, 30:66] = True
    return picture, hidden


def test_a_fill_that_fits_needs_no_correction() -> None:
    picture, hidden = case()
    found = poisson_correction(picture, hidden, images=picture[None], weights=np.ones((1, 64, 96), np.float32))
    assert np.abs(found).max() < 1e-5


def test_a_small_step_in_exposure_is_closed_at_the_border_and_nothing_happens_far_outside() -> None:
    picture, hidden = case()
    darker = picture - np.float32(0.03)
    found = poisson_correction(picture, hidden, images=darker[None], weights=np.ones((1, 64, 96), np.float32))
    beside = cv2.dilate(hidden.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0
    assert (found[~beside] == 0).all()
    # Between the last hidden pixel and its neighbour a larger plate has pixels: there the step is closed as well.
    assert (found[beside & ~hidden] > 0.018).all()
    border = hidden & ~np.roll(hidden, 1, 0)
    assert np.abs(found[border] - 0.03).max() < 0.012
    fill = np.where(hidden[..., None], darker + found, picture)
    # Detail stays: the correction is smooth where the picture is not.
    assert np.abs(np.diff(found, axis=1)[22:42, 32:64]).max() < 0.006
    assert np.abs((fill - picture)[hidden]).mean() < 0.5 * 0.03


def test_two_sources_of_different_brightness_meet_without_a_step() -> None:
    picture, hidden = case()
    images = np.stack([picture + np.float32(0.02), picture - np.float32(0.02)])
    weights = np.zeros((2, 64, 96), np.float32)
    weights[0, :, :48], weights[1, :, 48:] = 0.9, 0.9
    weights[1, :, :48], weights[0, :, 48:] = 0.1, 0.1
    blend = (weights[..., None] * images).sum(0)
    found = poisson_correction(picture, hidden, images=images, weights=weights)
    before = np.abs((blend - picture)[30, 48] - (blend - picture)[30, 47]).max()
    after = np.abs((blend + found - picture)[30, 48] - (blend + found - picture)[30, 47]).max()
    assert after < 0.35 * before


def test_a_border_that_shows_something_else_does_not_bleed_in() -> None:
    picture, hidden = case()
    stranger = picture.copy()
    stranger[~hidden] += 8 * MISMATCH
    found = poisson_correction(stranger, hidden, images=picture[None], weights=np.ones((1, 64, 96), np.float32))
    assert np.abs(found).max() < 0.05
