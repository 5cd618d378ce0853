"""Defocus: a known blur is found, grain is not taken for one, and copies sharper than the target are blurred."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from aan_engine.colour.log_encoding import from_log, to_log
from aan_engine.grain.estimate import GrainModel
from aan_engine.pipeline import fill
from aan_engine.plates.source_plate import sample_plate
from aan_engine.rendering.defocus import estimate_blur, grain_after_blur
from aan_engine.shot import Controls
from tests.engine.shots import Array, box_matte, pan, scene, shot_of
from tests.engine.source_plates import source_of

SIZE = (400, 640)
EDGE = np.stack(np.meshgrid(np.arange(60, 600, 90), np.arange(60, 360, 70)), -1).reshape(-1, 2).astype(np.float32)
GRAIN = GrainModel(np.array([0.0]), np.full((1, 3), 0.02**2), (0.5, 0.5))


def view() -> Array:
    """Sharp to the pixel, with fine and coarse structure."""
    rng = np.random.default_rng(5)
    fine = cv2.GaussianBlur(rng.standard_normal(SIZE).astype(np.float32), (0, 0), 0.6)
    large = cv2.resize(to_log(scene()), SIZE[::-1], interpolation=cv2.INTER_CUBIC)
    return from_log(large + 0.12 * (fine / fine.std())[..., None])


def noisy(pixels: Array, *, seed: int) -> Array:
    noise = np.random.default_rng(seed).standard_normal(pixels.shape).astype(np.float32)
    noise = cv2.GaussianBlur(noise, (0, 0), 0.5)
    return from_log(to_log(pixels) + 0.02 * noise / noise.std())


def blurred(pixels: Array, sigma: float) -> Array:
    return np.asarray(cv2.GaussianBlur(pixels, (0, 0), sigma) if sigma else pixels, np.float32)


@pytest.mark.parametrize("sigma", [0.6, 1.0, 2.0, 3.0, 6.0])
@pytest.mark.parametrize("grain", [False, True])
def test_a_known_blur_is_found(sigma: float, grain: bool) -> None:
    target, source = blurred(view(), sigma), view()
    if grain:
        target, source = noisy(target, seed=1), noisy(source, seed=2)
    found = estimate_blur(source_of(target), source_of(source), EDGE, EDGE, grain=GRAIN if grain else None)
    assert found == pytest.approx(sigma, rel=0.15)


@pytest.mark.parametrize("known", [GRAIN, None])
def test_grain_is_not_taken_for_sharpness(known: GrainModel | None) -> None:
    for seed in range(4):
        target, source = noisy(view(), seed=seed), noisy(view(), seed=100 + seed)
        assert estimate_blur(source_of(target), source_of(source), EDGE, EDGE, grain=known) == 0


@pytest.mark.parametrize("stops", [-2, -1, 1, 2])
def test_a_change_of_exposure_is_no_softness_and_hides_none(stops: int) -> None:
    dark = view() * np.float32(0.15)
    lit = dark * np.float32(2.0**stops)
    assert estimate_blur(source_of(dark), source_of(lit), EDGE, EDGE) == 0
    found = estimate_blur(source_of(blurred(dark, 2)), source_of(lit), EDGE, EDGE)
    assert found == pytest.approx(2, rel=0.15)


def test_a_softer_source_is_left_as_it_is_and_so_is_one_that_shows_something_else() -> None:
    assert estimate_blur(source_of(view()), source_of(blurred(view(), 2)), EDGE, EDGE) == 0
    assert estimate_blur(source_of(blurred(view(), 2)), source_of(view()[::-1, ::-1]), EDGE, EDGE) == 0
    assert estimate_blur(source_of(blurred(view(), 2)), source_of(view()), EDGE[:4], EDGE[:4]) == 0


def test_a_blur_takes_the_predicted_share_of_grain_and_leaves_out_blocked_pixels() -> None:
    noise = cv2.GaussianBlur(np.random.default_rng(0).standard_normal((300, 300, 3)).astype(np.float32), (0, 0), 0.5)
    flat = from_log(0.5 + 0.01 * noise / noise.std())
    at = np.stack(np.meshgrid(np.arange(20, 280), np.arange(20, 280)), -1).reshape(-1, 2).astype(np.float32)
    soft, _ = sample_plate(source_of(flat), at, blur=1.2)
    second = np.array([1, -2, 1], np.float32)
    planes = to_log(flat)[20:280, 20:280], soft.reshape(260, 260, 3)
    total = planes[1].var() / planes[0].var()
    fine = np.divide(*[cv2.sepFilter2D(p, -1, second, second)[4:-4, 4:-4].var() for p in planes[::-1]])
    np.testing.assert_allclose(grain_after_blur((0.5, 0.5), 1.2)[:2], (total, fine), rtol=0.1, atol=0.002)
    stained, blocked = view(), np.zeros(SIZE, np.bool_)
    blocked[100:140, 100:200] = True
    stained[blocked] = 1e4
    values, sound = sample_plate(source_of(stained, blocked), at, blur=2.0)
    assert to_log(view()).max() >= values[sound].max()


def racked(folder: Path, *, light: str) -> tuple[list[Array], list[Array]]:
    """A pan whose focus goes and comes back, filled where it is softest; and the truth."""
    folder.mkdir()
    sharp = [cv2.resize(p, None, fx=2, fy=2, interpolation=cv2.INTER_CUBIC) for p in pan(7, speed=12, size=(200, 320))]
    texture = cv2.GaussianBlur(np.random.default_rng(2).standard_normal((400, 1000)).astype(np.float32), (0, 0), 0.7)
    texture *= 0.1 / texture.std()
    clean = [from_log(to_log(p) + texture[:, 24 * t : 24 * t + 640, None]) for t, p in enumerate(sharp)]
    soft = [blurred(np.maximum(p, 0), max(0.0, 2 - 0.7 * abs(t - 3))) for t, p in enumerate(clean)]
    matte = box_matte(7, size=SIZE, side=60)
    shot = shot_of(folder, soft, matte, controls=Controls(light=light, grain=False), first=1004, last=1004)
    return [f.pixels for f in fill(shot)], soft[3:4]


def test_a_hole_is_as_soft_as_the_target_around_it(tmp_path: Path) -> None:
    hole = box_matte(1, size=SIZE, side=48)[0] > 0
    energy, error = {}, {}
    for light in ("off", "global"):
        filled, truth = racked(tmp_path / light, light=light)
        pairs = [[to_log(p).mean(-1) for p in both] for both in zip(filled, truth, strict=True)]
        powers = [[sum((g**2)[hole].mean() for g in np.gradient(p)) for p in pair] for pair in pairs]
        energy[light] = np.mean([mine / true for mine, true in powers])
        error[light] = np.mean([((a - b)[hole] ** 2).mean() for a, b in pairs])
    assert energy["off"] > 1.2
    assert energy["global"] == pytest.approx(1, abs=0.12)
    assert error["global"] < 0.6 * error["off"]
