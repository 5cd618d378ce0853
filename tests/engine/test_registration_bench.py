"""Registration, learned start and refinement together, on drawn pictures; and how its bench makes pairs."""

from __future__ import annotations

from typing import cast

import cv2
import numpy as np
import torch

from aan_engine.core.homography import Homography
from aan_engine.evaluation import registration_pairs
from aan_engine.evaluation.registration_bench import corner_error, measure
from aan_engine.evaluation.registration_pairs import RegistrationPair, synthetic
from aan_engine.network import weights
from aan_engine.network.bundle import Networks
from aan_engine.network.chooser import Chooser
from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter
from aan_engine.training import homography_data
from aan_engine.training.still_data import Still, to_log

torch.set_num_threads(1)


def drawn(seed: int) -> Still:
    """(480, 640, 3): shapes of all sizes, with a little texture on them."""
    rng = np.random.default_rng(seed)
    image = np.full((480, 640, 3), rng.uniform(60, 180, 3))
    for _ in range(400):
        at, colour = rng.integers(0, 640, 2), rng.uniform(20, 235, 3)
        size = rng.integers(4, 40, 2)
        cv2.ellipse(image, at.tolist(), size.tolist(), rng.uniform(0, 180), 0, 360, colour.tolist(), -1, cv2.LINE_AA)
    texture = cv2.GaussianBlur(rng.standard_normal((480, 640, 1)), (0, 0), 2.0)[..., None] * 40
    return np.clip(image + texture, 0, 255).astype(np.uint8)


PICTURES = [drawn(seed) for seed in range(6)]


def estimator(*, zeroed: bool = False) -> Networks:
    learned = cast(HomographyEstimator, weights.load("homography"))
    if zeroed:
        for parameter in learned.parameters():
            parameter.zero_()
    return Networks(learned, Inpainter(), Chooser(), torch.device("cpu"))


def test_pairs_hide_a_third_and_move_corners_as_the_protocol_says() -> None:
    for number in range(12):
        pair = synthetic(PICTURES, number, filmed=False)
        assert pair.homography is not None
        assert 0.69 <= pair.target_visible.mean() <= 0.71
        assert pair.reference_visible.mean() <= 0.71
        assert (pair.target[~pair.target_visible] == np.float32(registration_pairs.BLANK)).all()
        corners = np.array([[[0, 0]], [[255, 0]], [[255, 255]], [[0, 255]]], float)
        moved = cv2.perspectiveTransform(corners, pair.homography.matrix) - corners
        assert 4 < np.abs(moved).max() < 32.01


def test_a_pair_has_the_same_views_and_holes_whether_filmed_or_not() -> None:
    plain, filmed = (synthetic(PICTURES, 3, filmed=f) for f in (False, True))
    assert plain.homography is not None
    assert (plain.target_visible == filmed.target_visible).all()
    assert corner_error(plain.homography, filmed) == 0
    assert (plain.target != filmed.target).any()


def test_most_pairs_are_aligned_to_a_fraction_of_a_pixel_and_better_than_by_sift() -> None:
    errors = measure(estimator(), (synthetic(PICTURES, number, filmed=True) for number in range(16)))
    engine, sift = np.array(errors["the engine"]), np.array(errors["SIFT + MAGSAC"])
    assert np.median(engine) < 0.3
    assert (engine < 1).mean() > 0.8
    assert (engine < 1).mean() >= (sift < 1).mean()
    assert np.median(engine) < np.median(sift)


def far(number: int) -> RegistrationPair:
    """Two views some 64 pixels apart: beyond the search range around a start at the identity."""
    rng = np.random.default_rng([5, number])
    still, angle = PICTURES[number % len(PICTURES)], rng.uniform(0, 2 * np.pi)
    corners = np.array([[0, 0], [255, 0], [255, 255], [0, 255]], np.float32)
    moved = corners + rng.uniform(-8, 8, (4, 2)) + 64 * np.array([np.cos(angle), np.sin(angle)])
    motion = np.asarray(cv2.getPerspectiveTransform(corners, moved.astype(np.float32)), np.float64)
    placed = np.array([[1, 0, 192.0], [0, 1, 112], [0, 0, 1]])
    views = [homography_data.view(still, placed, m)[0] for m in (np.eye(3), np.linalg.inv(motion))]
    visible = np.ones((2, 256, 256), bool)
    visible[0, 60:140, 90:160] = visible[1, 130:200, 30:120] = False
    target, reference = (
        np.where(v[..., None], to_log(x), np.float32(0.4)) for v, x in zip(visible, views, strict=True)
    )
    return RegistrationPair(target, reference, visible[0], visible[1], Homography(motion))


def test_far_views_are_found_by_the_learned_start_and_not_without_its_weights() -> None:
    known = [far(number) for number in range(12)]
    whole, zeroed = (np.array(measure(n, known)["the engine"]) for n in (estimator(), estimator(zeroed=True)))
    assert (whole < 1).mean() > 0.7
    assert (zeroed < 1).mean() < (whole < 1).mean() - 0.3
