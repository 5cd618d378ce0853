"""Grain: estimated as it was added, kept as far as resampling leaves it, added where it lacks, and never repeated."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import from_log, to_log
from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.core.sampling import sample
from aan_engine.evaluation.plate_match import plate_match
from aan_engine.grain.denoise import SecondSample, dct_denoise
from aan_engine.grain.estimate import GrainModel, estimate_grain
from aan_engine.grain.model import resampling_gain
from aan_engine.pipeline import fill
from aan_engine.rendering import finisher
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.regrain import mark_repeated
from aan_engine.rendering.target import NOTHING_COPIED, CopiedPixels, Target
from aan_engine.rendering.warp import Warp
from aan_engine.shot import Controls
from tests.engine.fill_plans import decided
from tests.engine.shots import Array, box_matte, pan, scene, shot_of
from tests.engine.source_plates import MadeSources, source_of

SIZE, FRAMES, SPEED, SIDE = (120, 208), 8, 6.3, 32
SMALL = (96, 160)
STAGES = (Warp(match_defocus=False), *finisher.STAGES[1:])
"""All but defocus, which is costly: that it takes no grain for sharpness is held in `test_defocus`."""

DIFFERENCE = np.array([1, -2, 1], np.float32)


def strength(values: Array, sigma: float) -> Array:
    """(H, W, 1) noise that rises with the luminance of log-range values."""
    return sigma * (0.6 + 0.8 * np.clip(values.mean(-1, keepdims=True), 0, 1))


def even(shape: tuple[int, int], *, size: tuple[float, float] = (0, 0), seed: int = 0) -> Array:
    """(h, w, 3) noise of variance 1: white, blurred by Gaussians along x and y."""
    noise = np.random.default_rng(seed).standard_normal((shape[0] + 16, shape[1] + 16, 3)).astype(np.float32)
    if max(size) > 0:
        noise = cv2.GaussianBlur(noise, (15, 15), sigmaX=size[0], sigmaY=size[1])
    return (noise / noise.std())[8:-8, 8:-8]


def noisy(clean: list[Array], *, sigma: float = 0.02, seed: int = 0, size: float = 0.0) -> list[Array]:
    """Each plate with noise of its own."""
    values = [to_log(c) for c in clean]
    return [
        from_log(v + strength(v, sigma) * even(v.shape[:2], size=(size, size), seed=1000 * seed + t)).astype(np.float32)
        for t, v in enumerate(values)
    ]


def ramp() -> Array:
    """(200, 320, 3) log range, dark on the left and bright on the right."""
    return np.tile(np.linspace(0.05, 0.9, 320, dtype=np.float32)[None, :, None], (200, 1, 3))


@pytest.mark.parametrize("size", [(0.0, 0.0), (0.5, 0.5), (0.8, 0.6)])
@pytest.mark.parametrize("sigma", [0.004, 0.03])
def test_noise_is_estimated_by_luminance_and_size_as_it_was_added(size: tuple[float, float], sigma: float) -> None:
    values = ramp()
    found = estimate_grain(
        from_log(values + strength(values, sigma) * even((200, 320), size=size)), np.ones((200, 320), bool)
    )
    assert found is not None
    true = sigma * (0.6 + 0.8 * found.levels)
    np.testing.assert_allclose(np.sqrt(found.variance), np.tile(true[:, None], (1, 3)), rtol=0.12)
    np.testing.assert_allclose(np.sqrt(found.variance).mean() / true.mean(), 1, atol=0.04)
    assert all(abs(a - b) <= 0.1 or max(a, b) < 0.45 for a, b in zip(found.size, size, strict=True))


def test_structure_does_not_pass_for_noise() -> None:
    shape = scene().shape[:2]
    assert estimate_grain(scene().astype(np.float16), np.ones(shape, bool)) is None
    found = estimate_grain(noisy([scene()], sigma=0.03)[0], np.ones(shape, bool))
    assert found is not None
    true = 0.03 * (0.6 + 0.8 * np.clip(found.levels, 0, 1))
    np.testing.assert_allclose(np.sqrt(found.variance.mean(1)) / true, 1, atol=0.15)


def test_what_resampling_leaves_of_grain_follows_from_the_position() -> None:
    for size in ((0.0, 0.0), (0.7, 0.4)):
        noise = even((240, 240), size=size)
        all_fine = cv2.sepFilter2D(noise, -1, DIFFERENCE, DIFFERENCE).var()
        for offset in ((0.0, 0.0), (0.5, 0.5), (0.25, 0.1), (0.9, 0.5)):
            x, y = np.meshgrid(np.arange(10, 230) + offset[0], np.arange(10, 230) + offset[1])
            at = np.stack([x, y], -1).astype(np.float32)
            copied = sample(noise, at, sharp=True)
            fine = cv2.sepFilter2D(copied, -1, DIFFERENCE, DIFFERENCE).var() / all_fine
            (gain,) = resampling_gain(at.reshape(-1, 2)[:1], size)
            np.testing.assert_allclose(gain[:2], (copied.var() / noise.var(), fine), rtol=0.05, atol=0.01)


def test_synthesised_grain_has_the_size_and_strength_that_was_asked_for() -> None:
    asked = GrainModel(np.array([0.0]), np.full((1, 3), 0.02**2), (0.7, 0.4))
    one = np.ones((256, 256), np.float32)
    drawn = asked.synthesise(one, one, np.random.default_rng(3))
    assert drawn.var() == pytest.approx(1, rel=0.03)
    found = estimate_grain(from_log(0.4 + 0.02 * drawn), np.ones((256, 256), bool))
    assert found is not None
    np.testing.assert_allclose(found.size, asked.size, atol=0.11)
    np.testing.assert_allclose(found.variance, np.full_like(found.variance, 0.02**2), rtol=0.2)
    # Of what resampling takes most is fine.
    half = asked.synthesise(0.5 * one, 0.8 * one, np.random.default_rng(4))
    assert half.var() == pytest.approx(0.5, rel=0.04)
    fine = [cv2.sepFilter2D(d, -1, DIFFERENCE, DIFFERENCE).var() for d in (half, drawn)]
    assert fine[0] / fine[1] == pytest.approx(0.8, rel=0.05)


def test_denoising_removes_the_noise_and_leaves_an_edge() -> None:
    clean = np.full((96, 96, 3), 0.3, np.float32)
    clean[:, 48:] = 0.7
    grain = GrainModel(np.array([0.0]), np.full((1, 3), 0.02**2))
    smooth, stays = dct_denoise(clean + 0.02 * even((96, 96)), grain)
    flat = np.s_[8:88, 8:36]
    assert smooth[flat].var() < 0.06 * 0.02**2
    assert stays[flat].mean() < 0.06
    assert smooth[8:88, 48].mean() - smooth[8:88, 47].mean() > 0.38
    again, _ = dct_denoise(clean, grain)
    np.testing.assert_allclose(again, clean, atol=0.004)


def test_a_part_is_denoised_as_the_whole_is() -> None:
    clean, grain = to_log(scene()), GrainModel(np.array([0.0]), np.full((1, 3), 0.02**2), (0.5, 0.5))
    noisy, again = (clean + 0.02 * even(clean.shape[:2], seed=seed) for seed in (1, 2))
    second = SecondSample(again - noisy, *np.random.default_rng(3).random((2, *clean.shape[:2])) > 0.1)
    where = np.zeros(clean.shape[:2], np.bool_)
    where[5:30, 13:15] = where[60, 60] = where[-1, -9:] = True
    part, whole = dct_denoise(noisy, grain, second, where=where), dct_denoise(noisy, grain, second)
    for some, every in zip(part, whole, strict=True):
        np.testing.assert_allclose(some[where], every[where], atol=1e-6)


def test_the_noise_left_is_estimated_and_with_a_second_sample_it_is_the_other_s_and_less_structure_is_lost() -> None:
    clean = to_log(scene()[:136, :200])
    shape = clean.shape[:2]
    grain = GrainModel(np.array([0.0]), np.full((1, 3), 0.02**2), (0.5, 0.5))
    takes = [[clean + 0.02 * even(shape, size=(0.5, 0.5), seed=2 * s + k) for k in (0, 1)] for s in range(3)]
    known = np.ones(shape, np.bool_)

    def stayed(found: list[Array], others: list[Array]) -> float:
        one, other = (np.stack(v) - np.mean(v, 0) for v in (found, others))
        return float((one * other).sum(0).mean() / (len(found) - 1) / 0.02**2)

    alone = [dct_denoise(a, grain) for a, _ in takes]
    smooth = [s for s, _ in alone]
    assert np.mean([told for _, told in alone]) == pytest.approx(stayed(smooth, smooth), rel=0.25)
    turns = [
        [dct_denoise(a, grain, SecondSample(b - a, known, instead)) for a, b in takes] for instead in (~known, known)
    ]
    one, other = ([s for s, _ in turn] for turn in turns)
    assert np.mean([told for _, told in turns[0]]) == pytest.approx(stayed(one, one), rel=0.25)
    assert abs(stayed(one, other)) < 0.15 * stayed(smooth, smooth)
    lost = [float(((np.mean(v, 0) - clean) ** 2).mean()) for v in (one, smooth)]
    assert lost[0] < 0.9 * lost[1]
    unknown, _ = dct_denoise(takes[0][0], grain, SecondSample(takes[0][1] - takes[0][0], ~known, known))
    assert unknown.tobytes() == smooth[0].tobytes()


def repeated(*, source: int, index: int, previous: CopiedPixels) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which pixels are marked in a fill that copies from one frame, each from its own place there; and the hole."""
    shape = (40, 60)
    fill, hidden = FillBuffer.blank(shape), np.zeros(shape, bool)
    hidden[10:30, 20:40] = True
    fill.source[hidden] = source
    fill.position[hidden] = np.argwhere(hidden)[:, ::-1]
    blank, scale = source_of(np.zeros((*shape, 3), np.float32)), ProxyScale.between(shape, (20, 30))
    grain, sources = GrainModel(np.zeros(1), np.ones((1, 3))), MadeSources(lambda frame: blank)
    plan = decided(hidden, (0, 0))
    target = Target(index, blank, hidden, plan, scale, sources, grain=grain, previous=previous)
    return mark_repeated(fill, target).repeated, hidden


def test_a_copy_is_repeated_if_a_neighbour_shows_it_or_the_previous_target_copied_it_too() -> None:
    places = np.zeros((20, 30), bool)  # on a proxy of half the size
    places[:, 15:] = True
    found, hidden = repeated(source=7, index=6, previous=CopiedPixels({}))
    assert (found == hidden).all()
    found, hidden = repeated(source=7, index=3, previous=CopiedPixels({7: places}))
    x = np.arange(60)[None, :] * np.ones((40, 1))
    assert (found == (hidden & (x >= 30))).all()
    for elsewhere in (CopiedPixels({}), CopiedPixels({8: places})):
        assert not repeated(source=7, index=3, previous=elsewhere)[0].any()


def test_with_nothing_before_it_to_compare_with_every_copy_counts_as_repeated() -> None:
    found, hidden = repeated(source=7, index=3, previous=NOTHING_COPIED)
    assert (found == hidden).all()
    assert not repeated(source=-1, index=3, previous=NOTHING_COPIED)[0].any()


def filled(folder: Path, plates: list[Array], *, grain: bool = True, seed: int = 0, **span: int) -> list[Array]:
    """The shot's result, log range; all frames, or `first` to `last`."""
    folder.mkdir()
    mattes = box_matte(len(plates), size=plates[0].shape[:2], side=SIDE)
    shot = shot_of(folder, plates, mattes, controls=Controls(grain=grain, seed=seed), **span)
    return [to_log(f.pixels) for f in fill(shot, stages=STAGES)]


def test_a_shot_without_noise_comes_out_the_same_with_grain_on_or_off(tmp_path: Path) -> None:
    plates = pan(3, speed=SPEED, size=SMALL)
    on, off = (filled(tmp_path / str(grain), plates, grain=grain) for grain in (True, False))
    assert all(a.tobytes() == b.tobytes() for a, b in zip(on, off, strict=True))


@pytest.mark.parametrize(("size", "count"), [(0.0, 2), (0.5, 2), (0.8, 3)])
def test_a_fill_is_as_noisy_as_the_plate_around_it_and_its_grain_is_never_repeated(
    tmp_path: Path, size: float, count: int
) -> None:
    """Takes of one shot, whose noise alone differs: what their results differ by is noise, not structure."""
    clean, last = pan(FRAMES, speed=SPEED, size=SIZE), 5  # later targets have no more frames to be seen on
    takes = np.array(
        [
            filled(tmp_path / str(seed), noisy(clean, seed=seed, size=size), seed=seed, last=1000 + last)
            for seed in range(1, count + 1)
        ]
    )
    strengths = np.array([strength(to_log(true), 1.0) for true in clean[:last]])
    noise = (takes - takes.mean(0)) / strengths * np.sqrt(count / (count - 1))
    matte = box_matte(1, size=SIZE, side=SIDE)[0]
    inside = cv2.erode(matte, np.ones((3, 3))) > 0
    around = (cv2.dilate(matte, np.ones((41, 41))) > 0) & (cv2.dilate(matte, np.ones((5, 5))) == 0)
    power = (noise**2).mean((0, -1))
    np.testing.assert_allclose(power[:, inside].mean(1) / power[:, around].mean(1), 1, atol=0.15)
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    before, within = np.stack([x + SPEED, y + 0.2], -1), np.zeros(SIZE, bool)
    within[inside] = sample(inside.astype(np.float32), before)[inside] > 0.99
    together = []
    for frame in range(1, last):
        then = np.stack([sample(take[frame - 1], before)[within] for take in noise])
        now = noise[:, frame, within]
        together.append((then * now).mean() / np.sqrt((then**2).mean() * (now**2).mean()))
    # So few pixels tell a correlation to within some .025.
    assert np.mean(together) < 0.08
    assert max(together) < 0.1 + 0.025


def test_the_same_seed_draws_the_same_grain_and_another_one_another(tmp_path: Path) -> None:
    plates = noisy(pan(2, speed=SPEED, size=SMALL))
    first, again, other = (filled(tmp_path / n, plates, seed=s) for n, s in (("a", 3), ("b", 3), ("c", 4)))
    hole = box_matte(1, size=SMALL, side=SIDE)[0] > 0
    for a, b, c in zip(first, again, other, strict=True):
        assert a.tobytes() == b.tobytes()
        assert (a != c)[hole].mean() > 0.5
        assert (a == c)[~hole].all()


def test_an_interrupted_shot_gets_the_same_grain_when_it_goes_on(tmp_path: Path) -> None:
    plates = noisy(pan(3, speed=SPEED, size=SMALL))
    shot = shot_of(tmp_path, plates, box_matte(3, size=SMALL, side=SIDE))
    whole = {f.frame: f.pixels for f in fill(shot)}
    for rest in fill(shot, skip={1001}):
        assert rest.pixels.tobytes() == whole[rest.frame].tobytes()


def test_plate_match_tells_a_soft_patch_and_a_patch_without_grain() -> None:
    values = to_log(noisy([scene()], sigma=0.02)[0])
    hidden = np.zeros(values.shape[:2], bool)
    hidden[60:140, 100:200] = True
    same = plate_match(from_log(values), hidden)
    soft = np.where(hidden[..., None], cv2.GaussianBlur(values, (0, 0), 2), values)
    patch = plate_match(from_log(soft), hidden)
    assert same is not None
    assert patch is not None
    assert same.grain == pytest.approx(1, abs=0.2)
    assert same.sharpness == pytest.approx(1, abs=0.25)
    assert patch.grain < 0.1
    assert patch.sharpness < 0.5 * same.sharpness
    assert patch.gradient < 0.6 * same.gradient
    assert plate_match(from_log(values), np.zeros_like(hidden)) is None
