"""Light match: a change of light is estimated on the rim, applied in the hole, and never invented."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind, hole_region
from aan_engine.colour.exposure import IDENTITY, Exposure, PixelPairs, apply_exposure, estimate_exposure
from aan_engine.colour.log_encoding import to_log
from aan_engine.core.sampling import pixel_grid
from aan_engine.pipeline import fill
from aan_engine.selection.light_match import LEAST_RIM, NO_LIGHT_CHANGE, apply_light, match_light
from aan_engine.shot import Controls
from tests.engine.shots import Array, box_matte, pan, scene, shot_of

FRAMES, SIZE = 6, (90, 160)


def exposed(plates: list[Array]) -> list[Array]:
    """An iris that jumps, from .6 to 1.6."""
    return [(p * f).astype(np.float32) for p, f in zip(plates, (1.0, 1.6, 0.6, 1.3, 0.7, 1.1), strict=True)]


def coloured(plates: list[Array]) -> list[Array]:
    """Each channel drifts by itself."""
    drift = np.random.default_rng(4).uniform(-0.2, 0.2, (len(plates), 3))
    return [(p * np.exp(d)).astype(np.float32) for p, d in zip(plates, drift, strict=True)]


def lamplit(plates: list[Array]) -> list[Array]:
    """A lamp that flickers brightens the right half; the step lies behind the hole."""
    x = np.linspace(-1, 1, SIZE[1])[None, :, None]
    half = 1 / (1 + np.exp(-5 * x))
    return [
        (p * (1 + f * half)).astype(np.float32) for p, f in zip(plates, (0, 0.5, -0.3, 0.4, 0.1, -0.2), strict=True)
    ]


def error_db(folder: Path, plates: list[Array], light: str) -> float:
    """PSNR over the holes of the second and third frames, log range."""
    mattes = box_matte(FRAMES, size=SIZE, side=24)
    controls = Controls(light=light, grain=False)
    folder.mkdir()
    filled = list(fill(shot_of(folder, plates, mattes, first=1002, last=1003, controls=controls)))
    off = [to_log(f.pixels)[m > 0] - to_log(p)[m > 0] for f, p, m in zip(filled, plates[1:], mattes[1:], strict=False)]
    return float(-10 * np.log10(np.mean(np.square(np.stack(off), dtype=np.float64))))


@pytest.mark.parametrize("change", [exposed, coloured, lamplit])
def test_light_that_flickers_leaves_no_patch(change: object, tmp_path: Path) -> None:
    plates = change(pan(FRAMES, speed=6, size=SIZE))  # type: ignore[operator]
    off, local = (error_db(tmp_path / light, plates, light) for light in ("off", "local"))
    assert off < 32
    # A tenth of a proxy pixel of misalignment costs as much as what is left of the light.
    assert local > 39
    assert local > off + 9


def test_a_shot_without_a_change_of_light_gets_no_worse(tmp_path: Path) -> None:
    plates = pan(FRAMES, speed=6, size=SIZE)
    off, whole, local = (error_db(tmp_path / light, plates, light) for light in ("off", "global", "local"))
    assert whole > off - 0.05
    assert local > off - 0.05


def pairs(seed: int = 0, *, grain: float = 0.01) -> tuple[Array, Array]:
    """The same 2000 values twice, log range, each with its own grain."""
    rng = np.random.default_rng(seed)
    values = to_log(np.exp(rng.normal(-1.5, 0.8, (2000, 3))))
    first, second = (values + grain * rng.standard_normal(values.shape).astype(np.float32) for _ in range(2))
    return first, second


@pytest.mark.parametrize("factor", [0.5, 0.9, 1.7])
def test_an_exposure_is_found_though_a_fifth_shows_something_else(factor: float) -> None:
    wanted, shown = pairs()
    wanted = apply_exposure(wanted, Exposure(np.full(3, np.log(factor)), IDENTITY.contrast, IDENTITY.pivot))
    wanted[:400] = 0.9
    np.testing.assert_allclose(np.exp(estimate_exposure(PixelPairs(wanted, shown)).stops), factor, rtol=0.03)


def test_grain_alone_is_no_change_of_light() -> None:
    found = [estimate_exposure(PixelPairs(*pairs(seed, grain=0.03))) for seed in range(10)]
    assert sum(f is IDENTITY for f in found) >= 9
    assert all(np.abs(f.stops).max() < 0.01 and np.abs(f.contrast - 1).max() < 0.01 for f in found)


def test_a_change_of_light_leaves_black_black_and_negatives_negative() -> None:
    brighter = Exposure(np.full(3, 0.7), IDENTITY.contrast, IDENTITY.pivot)
    values = to_log(np.array([[0, -0.02, 5.0]], np.float32))
    np.testing.assert_allclose(
        apply_exposure(values, brighter), to_log(np.exp(0.7) * np.array([[0, -0.02, 5.0]])), atol=1e-6
    )


def with_hole(target: Array, source: Array) -> tuple[Array, HoleRegion, Candidate]:
    """The target over the box of a hole, the hole, and a candidate that copies all of it from `source`, frame 2."""
    hidden = np.zeros(target.shape[:2], bool)
    hidden[30:54, 50:80] = True
    hole = hole_region(0, hidden)
    assert hole is not None
    box, shape = hole.box.slices, hole.hidden.shape
    blank = np.zeros(shape, np.float32)
    frame = np.where(hole.region, 2, -1).astype(np.int32)
    image = np.where(hole.region[..., None], source[box], 0).astype(np.float32)
    candidate = Candidate(Kind.HOMOGRAPHY, image, hole.region, frame, pixel_grid(shape), blank, blank, blank)
    return np.where(hidden[..., None], 0.4, target)[box].astype(np.float32), hole, candidate


def test_light_that_varies_smoothly_is_estimated_on_the_rim_and_applied_across_the_hole() -> None:
    picture = scene()[:90, :160]
    x = np.linspace(0.7, 1.5, 160, dtype=np.float32)[None, :, None]
    target, hole, candidate = with_hole(to_log(picture * x), to_log(picture))
    light = match_light(target, hole, [candidate], local=True)
    there = hole.hidden
    true = with_hole(to_log(picture * x), to_log(picture * x))[2].image[there]
    before, one = candidate.image[there], apply_light(candidate, match_light(target, hole, [candidate], local=False))
    after = apply_light(candidate, light).image[there]
    assert np.abs(after - true).mean() < 0.25 * np.abs(before - true).mean()
    assert np.abs(after - true).mean() < 0.5 * np.abs(one.image[there] - true).mean()


def test_a_plate_s_colours_are_changed_as_the_candidates_were() -> None:
    picture = scene()[:90, :160]
    target, hole, candidate = with_hole(to_log(picture * 1.4), to_log(picture))
    light = match_light(target, hole, [candidate], local=True)
    ys, xs = np.nonzero(hole.hidden)
    points = np.stack([xs, ys], -1).astype(np.float32)
    copied = light.apply(2, candidate.image[ys, xs], points)
    np.testing.assert_allclose(copied, apply_light(candidate, light).image[ys, xs], atol=1e-6)
    assert np.abs(copied - candidate.image[ys, xs]).mean() > 0.05
    # A frame without a change stays as it is, to the bit.
    assert light.apply(5, candidate.image[ys, xs], points).tobytes() == candidate.image[ys, xs].tobytes()
    assert NO_LIGHT_CHANGE.apply(2, candidate.image[ys, xs], points).tobytes() == candidate.image[ys, xs].tobytes()


def test_black_beside_a_hole_has_no_change_of_light() -> None:
    """As under a title."""
    black = np.zeros((90, 160, 3), np.float32)
    target, hole, candidate = with_hole(black, black)
    light = match_light(target, hole, [candidate], local=True)
    assert apply_light(candidate, light).image.tobytes() == candidate.image.tobytes()


def test_where_the_rim_is_too_small_the_change_comes_from_all_that_both_frames_show() -> None:
    picture = scene()[:90, :160]
    target, hole, candidate = with_hole(to_log(picture), to_log(picture))
    beyond = np.flatnonzero((candidate.valid & ~hole.hidden).reshape(-1))[LEAST_RIM - 1 :]
    candidate.frame.reshape(-1)[beyond] = 3  # frame 2 keeps the hole, and one rim pixel less than suffices
    asked = []

    def aligned_pairs(frame: int) -> PixelPairs | None:
        asked.append(frame)
        source, _ = pairs(grain=0)
        brighter = Exposure(np.full(3, np.log(1.5)), IDENTITY.contrast, IDENTITY.pivot)
        return PixelPairs(apply_exposure(source, brighter), source)

    light = match_light(target, hole, [candidate], local=True, aligned_pairs=aligned_pairs)
    assert asked == [2]
    assert light.global_change.keys() == {2}
    np.testing.assert_allclose(np.exp(light.global_change[2].stops), 1.5, rtol=0.02)
    # The few rim pixels determine no local exposure; and where no alignment is known there is no change.
    assert not light.local_exposure
    assert not match_light(target, hole, [candidate], local=True).global_change


def test_a_rim_that_suffices_is_believed_alone() -> None:
    picture = scene()[:90, :160]
    target, hole, candidate = with_hole(to_log(picture * 1.4), to_log(picture))

    def never(frame: int) -> PixelPairs | None:
        raise AssertionError(f"asked for frame {frame}")

    light = match_light(target, hole, [candidate], local=False, aligned_pairs=never)
    np.testing.assert_allclose(np.exp(light.global_change[2].stops), 1.4, rtol=0.02)
