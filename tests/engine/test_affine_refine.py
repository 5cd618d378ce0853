"""Edge alignment: positions found on proxies made exact on plates, by what is visible around the hole."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import from_log, to_log
from aan_engine.core.box import Box
from aan_engine.core.sampling import sample
from aan_engine.rendering.affine_refine import NO_OFFSET, AffineOffset, refine_offset
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.tile_cache import TileView
from aan_engine.selection.plan import FillPlan
from tests.engine.fill_plans import SIZE, decided, hole, warped
from tests.engine.shots import scene
from tests.engine.source_plates import source_of

Array = NDArray[np.float32]
FACTOR = 5
LARGE = (SIZE[0] * FACTOR, SIZE[1] * FACTOR)


def picture(seed: int = 0) -> Array:
    """(240, 400, 3) log range, detailed down to the pixel."""
    large = cv2.resize(scene(seed), (700, 440), interpolation=cv2.INTER_CUBIC)
    grain = np.random.default_rng(seed).standard_normal(large.shape).astype(np.float32)
    return to_log(large) + 0.06 * cv2.GaussianBlur(grain, (0, 0), 1.1)


def views(move: Array, *, seed: int = 0, light: float = 0.0) -> tuple[Array, Array]:
    """A target and a source: what lies at (x, y) on the target lies at `move` @ (x, y, 1) on the source."""
    whole = picture(seed)
    placed = np.array([[1, 0, 60], [0, 1, 60]], np.float64)
    target = resampled(whole, placed)
    # Source pixel q shows what the target shows at move^-1 q.
    back = cv2.invertAffineTransform(move)
    chained = placed[:, :2] @ back[:, :2], placed[:, :2] @ back[:, 2] + placed[:, 2]
    return target, resampled(whole, np.column_stack(chained)) + np.float32(light)


def resampled(whole: Array, placed: NDArray[np.float64]) -> Array:
    size, flags = (LARGE[1], LARGE[0]), cv2.INTER_LANCZOS4 | cv2.WARP_INVERSE_MAP
    return cv2.warpAffine(whole, placed, size, flags=flags, borderMode=cv2.BORDER_REFLECT)


def affine(shift: tuple[float, float], *, turn: float = 0.0, grow: float = 0.0) -> NDArray[np.float64]:
    """A displacement that is `shift` in the frame's middle."""
    middle = np.array([LARGE[1] / 2, LARGE[0] / 2])
    A = np.array([[1 + grow, -turn], [turn, 1 + grow]])
    return np.column_stack([A, middle - A @ middle + shift])


def filled(plan: FillPlan, target: Array, source: Array, *, aligned: bool) -> FillBuffer:
    hidden = cv2.resize(hole().astype(np.uint8), LARGE[::-1], interpolation=cv2.INTER_NEAREST) > 0
    light = [from_log(v) for v in (target, source)]
    plates = source_of(light[0], hidden), source_of(light[1])
    return warped(plan, hidden, plates[1], own=plates[0] if aligned else None)


@pytest.mark.parametrize("light", [0.0, 0.15])
@pytest.mark.parametrize("move", [affine((1.7, -1.2)), affine((-1.0, 1.5), turn=0.004, grow=0.003)])
def test_what_is_off_by_a_third_of_a_proxy_pixel_is_found_to_a_tenth_of_a_plate_pixel(
    move: NDArray[np.float64], light: float
) -> None:
    target, source = views(move, light=light)
    plan = decided(hole(), (0, 0))
    result = filled(plan, target, source, aligned=True)
    ys, xs = np.nonzero(result.source >= 0)
    there = np.stack([xs, ys, np.ones_like(xs)], -1) @ move.T
    off = np.hypot(*(result.position[ys, xs] - there).T)
    before = np.hypot(*(np.stack([xs, ys], -1) - there).T)
    assert before.mean() > 1.5
    assert off.mean() < 0.1
    assert off.max() < 0.3


def test_what_is_exact_stays_exact() -> None:
    target, source = views(affine((0, 0)))
    plan = decided(hole(), (0, 0))
    plain, aligned = (filled(plan, target, source, aligned=a) for a in (False, True))
    assert np.abs(plain.position - aligned.position).max() < 0.05


@pytest.mark.parametrize(("noise", "size"), [(0.0, 0), (0.004, 0), (0.02, 2), (0.05, 2)])
def test_what_lies_right_but_for_noise_is_left_exactly_as_it_is(noise: float, size: float) -> None:
    """Faint noise is no residual; of soft noise, which resampling does not lower, a step gains next to nothing."""
    grey = picture()[..., 1]
    for seed in range(3):
        rng = np.random.default_rng(seed)
        grain = rng.standard_normal(grey.shape).astype(np.float32)
        grain = cv2.GaussianBlur(grain, (0, 0), size) if size else grain
        other = grey + np.float32(noise) * grain / grain.std()
        source = TileView(other, np.zeros(grey.shape, np.float32), Box.whole(grey.shape))
        points = rng.integers((60, 60), (grey.shape[1] - 60, grey.shape[0] - 60), (3000, 2)).astype(np.float32)
        found = refine_offset(sample(grey, points), points, points, source=source, reach=4)
        assert not found.at(points).any()


@pytest.mark.parametrize(("contrast", "moved"), [(1.0, True), (0.03, False)])
def test_a_residual_that_noise_might_make_moves_nothing(contrast: float, moved: bool) -> None:
    grey = np.float32(contrast) * picture()[..., 1]
    source = TileView(grey, np.zeros(grey.shape, np.float32), Box.whole(grey.shape))
    points = np.random.default_rng(0).integers(60, 340, (3000, 2)).astype(np.float32)
    found = refine_offset(sample(grey, points + np.float32(0.5)), points, points, source=source, reach=4)
    assert bool(found.at(points).any()) == moved


@pytest.mark.parametrize("seed", [4, 7, 8])
def test_another_picture_moves_nothing(seed: int) -> None:
    """Where the hole's edge does not show the same, there is nothing to be aligned with."""
    target, source = views(affine((0, 0)))[0], views(affine((0, 0)), seed=seed)[1]
    plan = decided(hole(), (0, 0))
    plain, aligned = (filled(plan, target, source, aligned=a) for a in (False, True))
    np.testing.assert_array_equal(aligned.position, plain.position)


def test_what_fits_another_picture_by_chance_moves_no_further_than_the_reach() -> None:
    """Two per cent of the residual are easily gained: of unlike pictures about every second one is moved."""
    target, source = views(affine((0, 0)))[0], views(affine((0, 0)), seed=5)[1]
    plan = decided(hole(), (0, 0))
    plain, aligned = (filled(plan, target, source, aligned=a) for a in (False, True))
    assert 0 < np.hypot(*(plain.position - aligned.position).reshape(-1, 2).T).max() < 0.75 * FACTOR


def test_what_passes_in_front_of_the_hole_s_edge_is_not_compared() -> None:
    move = affine((1.7, -1.2))
    target, source = views(move)
    plan = decided(hole(), (0, 0))
    region = plan.hole
    unusable = region.region & ~region.hidden & (np.arange(region.region.shape[1]) < region.region.shape[1] // 2)
    rows, columns = (
        slice(c * FACTOR, (c + n) * FACTOR) for c, n in zip((region.top, region.left), unusable.shape, strict=True)
    )
    stained = target.copy()
    stained[rows, columns][np.kron(unusable, np.ones((FACTOR, FACTOR))) > 0] = 0.9
    guarded = dataclasses.replace(plan, hole=dataclasses.replace(region, unusable=unusable))
    result = filled(guarded, stained, source, aligned=True)
    ys, xs = np.nonzero(result.source >= 0)
    off = np.hypot(*(result.position[ys, xs] - np.stack([xs, ys, np.ones_like(xs)], -1) @ move.T).T)
    assert off.mean() < 0.15


def test_too_few_samples_refine_nothing() -> None:
    grey = picture()[..., 1]
    view = TileView(grey, np.zeros(grey.shape, np.float32), Box.whole(grey.shape))
    points = np.random.default_rng(0).uniform(50, 150, (100, 2)).astype(np.float32)
    assert refine_offset(sample(grey, points + 0.7), points, points, source=view, reach=4) is NO_OFFSET


def test_offsets_add_up_whatever_their_coordinates() -> None:
    rng = np.random.default_rng(3)
    one, two = (
        AffineOffset(rng.standard_normal((2, 3)), rng.uniform(0, 9, 2).astype(np.float32), s) for s in (3.0, 7.0)
    )
    points = rng.uniform(0, 50, (20, 2)).astype(np.float32)
    np.testing.assert_allclose(one.then(two).at(points), one.at(points) + two.at(points), rtol=1e-4, atol=1e-3)
