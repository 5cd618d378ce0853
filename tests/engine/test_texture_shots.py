"""Texture in whole shots: what is seen keeps its bits, the rest is copied from where it may be, the same every time."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from aan_engine.attention import patch_search
from aan_engine.candidates.generators import SEEN_KINDS
from aan_engine.colour.log_encoding import from_log, to_log
from aan_engine.core.types import Mask
from aan_engine.pipeline import fill
from aan_engine.rendering.filled_frame import FilledFrame
from aan_engine.rendering.texture import FAINT
from aan_engine.shot import Controls, FrameFile, Known, Shot
from tests.engine.shots import SIZE, Array, pan, scene, shot_of, write_matte, write_rgb

AOVS = ("source", "unseen", "confidence")
CLEAR = np.zeros(SIZE, np.float32)
FRAMES = 4


def block(left: int, *, top: int = 24, height: int = 24, width: int = 24) -> Array:
    matte = CLEAR.copy()
    matte[top : top + height, left : left + width] = 1
    return matte


def noisy(plates: list[Array], seed: int = 0) -> list[Array]:
    """With white noise, new on every frame."""
    rng = np.random.default_rng(seed)
    return [from_log(to_log(p) + np.float32(0.02) * rng.standard_normal(p.shape)).astype(np.float32) for p in plates]


def textured(frames: int, *, speed: int = 0) -> list[Array]:
    """A pan over courses of bricks in the light of `scene`, rounded to half as plates are."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1] + speed * frames]
    joint = (y % 8 < 2) | ((x + 8 * (y // 8 % 2)) % 16 < 2)
    light = cv2.resize(cv2.GaussianBlur(scene(), (0, 0), 25), (x.shape[1], x.shape[0]))
    wide = light * np.where(joint, 1.6, 1.0)[..., None]
    views = [wide[:, speed * t : speed * t + SIZE[1]] for t in range(frames)]
    return [v.astype(np.float16).astype(np.float32) for v in views]


def partly_seen(folder: Path, **options: object) -> Shot:
    """A pan; behind one block the world is never seen, a narrower one beside it hides what other frames show."""
    # The block moves by 4 less than the world: part of what it hides is seen before or after it.
    mattes = [np.maximum(block(70 - 3 * t), block(20, width=8)) for t in range(FRAMES)]
    folder.mkdir(exist_ok=True)
    return shot_of(folder, noisy(pan(FRAMES, speed=7)), mattes, aovs=AOVS, device="cpu", **options)


def held(folder: Path, **options: object) -> Shot:
    """A camera that stands still, a hole that stands still: nothing of it is ever seen."""
    folder.mkdir(exist_ok=True)
    return shot_of(folder, noisy(textured(3)), [block(40)] * 3, aovs=AOVS, device="cpu", **options)


def sources(filled: FilledFrame, where: Mask) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Frame number, x and y (nearest pixel) of what the pixels of `where` were copied from; only those that were."""
    frame, u, v = (filled.layers[f"source.{name}"] for name in ("frame", "u", "v"))
    copied = where & (frame >= 0)
    x, y = u[copied] * SIZE[1] - 0.5, (1 - v[copied]) * SIZE[0] - 0.5
    return frame[copied].astype(int), np.rint(x).astype(int), np.rint(y).astype(int)


def bits(frames: list[FilledFrame]) -> bytes:
    return b"".join(f.pixels.tobytes() + b"".join(f.layers[n].tobytes() for n in sorted(f.layers)) for f in frames)


def test_what_any_frame_shows_keeps_its_bits_and_so_does_all_outside_the_matte(tmp_path: Path) -> None:
    shot = partly_seen(tmp_path)
    changed = kept = 0
    for with_texture, without in zip(fill(shot), fill(shot, pathways=SEEN_KINDS), strict=True):
        seen = without.hidden & (without.layers["unseen.a"] <= FAINT)
        made_up = without.hidden & (without.layers["unseen.a"] > 0.9)
        one, other = with_texture.pixels, without.pixels
        assert one[seen].tobytes() == other[seen].tobytes()
        assert one[~without.hidden].tobytes() == without.plate.pixels[~without.hidden].tobytes()
        for name, layer in without.layers.items():
            assert layer[seen].tobytes() == with_texture.layers[name][seen].tobytes()
        assert (with_texture.layers["unseen.a"] >= without.layers["unseen.a"]).all()
        kept, changed = kept + int(seen.sum()), changed + int((one != other).any(-1)[made_up].sum())
    assert kept > 300
    assert changed > 300


def test_smooth_is_what_the_other_pathways_give(tmp_path: Path) -> None:
    smooth = fill(partly_seen(tmp_path, controls=Controls(unseen="smooth")))
    for one, other in zip(smooth, fill(partly_seen(tmp_path), pathways=SEEN_KINDS), strict=True):
        assert one.pixels.tobytes() == other.pixels.tobytes()


def test_the_same_job_gets_the_same_texture_with_any_number_of_threads(tmp_path: Path) -> None:
    """The networks' sums depend on the number of threads by a rounding; where texture comes from does not."""
    shot = held(tmp_path)
    before, found = torch.get_num_threads(), []
    try:
        for count in (1, 4):
            torch.set_num_threads(count)
            found.append(list(fill(shot)))
    finally:
        torch.set_num_threads(before)
    for one, four in zip(*found, strict=True):
        for name in ("source.frame", "source.u", "source.v", "unseen.a"):
            np.testing.assert_array_equal(one.layers[name], four.layers[name])
        np.testing.assert_allclose(one.pixels, four.pixels, rtol=1e-5, atol=1e-6)


def test_the_same_seed_gets_the_same_bits_and_another_one_another_texture(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Of so small a hole all patches are compared with all: chance only plays a part where that would take too long.
    monkeypatch.setattr(patch_search, "MOST_PRODUCTS", 0)
    shot = held(tmp_path, last=1001)
    one, same, other = (
        bits(list(fill(replace(shot, controls=Controls(seed=seed, grain=False))))) for seed in (0, 0, 1)
    )
    assert one == same
    assert one != other


def test_an_interrupted_job_ends_with_the_same_texture(tmp_path: Path) -> None:
    shot = held(tmp_path)
    whole = {f.frame: f for f in fill(shot)}
    (last,) = fill(shot, skip={1001, 1002})
    assert bits([last]) == bits([whole[1003]])


def test_texture_looks_like_what_is_around_it_more_than_the_smooth_guess_does(tmp_path: Path) -> None:
    truth = textured(3)[0]
    (shown,) = fill(held(tmp_path, last=1001, controls=Controls(grain=False)))
    (smooth,) = fill(held(tmp_path, last=1001, controls=Controls(grain=False, unseen="smooth")))
    hidden = shown.hidden

    def error(picture: Array) -> float:
        return float(np.abs(to_log(picture) - to_log(truth))[hidden].mean())

    assert error(shown.pixels) < 0.7 * error(smooth.pixels)
    unseen = shown.layers["unseen.a"] == 1
    assert unseen[hidden].mean() > 0.9
    assert (shown.layers["source.frame"][unseen] > 0).mean() > 0.95
    assert 0 < shown.layers["confidence.a"][hidden].max() <= 0.5
    assert (smooth.layers["source.frame"][hidden] == -1).mean() > 0.9
    assert shown.is_key


def barred_files(folder: Path, mask: Array) -> tuple[FrameFile, ...]:
    write_matte(folder / "barred.exr", mask)
    return (FrameFile(1001, folder / "barred.exr"),)


@pytest.mark.parametrize("way", ["holdout", "exclude"])
def test_no_texture_comes_from_what_is_in_front_or_excluded(tmp_path: Path, way: str) -> None:
    """What looks most alike is barred."""
    barred = CLEAR.copy()
    barred[:, 66:] = 1
    barred[:14] = 1
    shot = held(tmp_path)
    shot = replace(shot, known=Known(**{way: barred_files(tmp_path, barred)}), first=1001, last=1002)
    for filled in fill(shot):
        frame, x, y = sources(filled, filled.hidden & (filled.layers["unseen.a"] > 0.5))
        assert len(x) > 200
        assert (barred[y, x] == 0).all()
        assert not filled.hidden[y, x].any()
        assert ((frame >= 1001) & (frame <= 1003)).all()


def test_no_texture_comes_from_a_frame_that_may_not_serve(tmp_path: Path) -> None:
    shot = held(tmp_path, controls=Controls(reference_first=1002, reference_last=1003))
    for filled in fill(shot):
        frame, _, _ = sources(filled, filled.hidden)
        assert len(frame) > 200
        assert set(frame.tolist()) <= {1002, 1003}


def test_no_texture_comes_from_what_moves_by_itself(tmp_path: Path) -> None:
    frames = 4
    plates = textured(frames)
    rng = np.random.default_rng(3)
    thing = cv2.GaussianBlur(rng.random((22, 22, 3)).astype(np.float32), (0, 0), 1)
    moving = []
    for t, plate in enumerate(plates):
        mask = np.zeros(SIZE, np.bool_)
        mask[26:48, 65 + 4 * t : 87 + 4 * t] = True
        plate[mask] = thing.reshape(-1, 3)
        moving.append(mask)
    shot = shot_of(tmp_path, plates, [block(40)] * frames, aovs=AOVS, device="cpu")
    total = 0
    for filled in fill(shot):
        frame, x, y = sources(filled, filled.hidden & (filled.layers["unseen.a"] > 0.5))
        total += len(x)
        inside = sum(int(moving[f - 1001][b, a]) for f, a, b in zip(frame, x, y, strict=True))
        assert inside == 0
    assert total > 1000


def test_no_texture_comes_from_beyond_a_cut(tmp_path: Path) -> None:
    plates = [*textured(2), *([pan(1, seed=5)[0]] * 2)]
    shot = shot_of(tmp_path, plates, [block(40)] * 4, aovs=AOVS, device="cpu")
    for filled in fill(shot):
        frame, _, _ = sources(filled, filled.hidden)
        assert len(frame) > 200
        assert (frame < 1003).all() if filled.frame < 1003 else (frame >= 1003).all()


def test_texture_stands_still_in_the_scene_while_the_camera_moves(tmp_path: Path) -> None:
    speed, frames = 3, 4
    mattes = [block(60 - speed * t) for t in range(frames)]
    controls = Controls(grain=False, light="off")
    shot = shot_of(tmp_path, textured(frames, speed=speed), mattes, aovs=AOVS, device="cpu", controls=controls)
    filled = list(fill(shot))
    inner = cv2.erode(filled[0].hidden.astype(np.uint8), np.ones((7, 7))) > 0
    for one, other in pairwise(filled):
        here = np.roll(inner, -speed * (one.frame - 1001), axis=1)
        moved = np.roll(one.pixels, -speed, axis=1)
        there = np.roll(here, -speed, axis=1)
        still = np.abs(to_log(other.pixels) - to_log(moved))[there].mean()
        jumping = np.abs(to_log(other.pixels) - to_log(one.pixels))[there].mean()
        assert still < 0.3 * jumping
        frame, _, _ = sources(other, there)
        assert (frame == other.frame).mean() > 0.8, "copied from the frame's own plate"


@pytest.mark.parametrize("size", [(16, 16), (20, 70), (9, 40)])
def test_tiny_plates_are_filled(tmp_path: Path, size: tuple[int, int]) -> None:
    plates = [np.ascontiguousarray(p[: size[0], : size[1]]) for p in pan(2)]
    mattes = [np.zeros(size, np.float32) for _ in range(2)]
    for matte in mattes:
        matte[size[0] // 3 : 2 * size[0] // 3, : size[1] // 4] = 1
    for filled in fill(shot_of(tmp_path, plates, mattes, aovs=AOVS, device="cpu")):
        assert np.isfinite(filled.pixels).all()
        assert not (filled.pixels[filled.hidden] == 7).any()


def test_a_hole_as_high_as_the_frame_gets_texture(tmp_path: Path) -> None:
    matte = block(50, top=0, height=SIZE[0], width=16)
    (filled,) = fill(shot_of(tmp_path, textured(1), [matte], aovs=AOVS, device="cpu"))
    assert (filled.layers["source.frame"][filled.hidden] == 1001).mean() > 0.9
    assert np.isfinite(filled.pixels).all()


def test_a_half_transparent_matte_weighs_the_texture_once_in_linear_light(tmp_path: Path) -> None:
    plate = textured(1)[0]
    controls = Controls(grain=False)
    shot = shot_of(tmp_path, [plate], [0.5 * block(40)], aovs=AOVS, device="cpu", controls=controls)
    (filled,) = fill(shot)
    # Under the matte lies a stain of 7: half of it stays.
    texture = 2 * (filled.pixels[filled.hidden] - 0.5 * 7)
    off = np.abs(to_log(np.maximum(texture, 0)) - to_log(plate[filled.hidden]))
    assert np.percentile(off, 90) < 0.13


def test_what_no_frame_shows_is_made_up_where_the_clean_plate_hides_it_too(tmp_path: Path) -> None:
    """The clean plate is a frame like the others: texture may be copied from it, and nothing from what it bars."""
    plates = textured(2)
    shot = shot_of(tmp_path, plates, [block(40)] * 2, aovs=AOVS, device="cpu")
    clean = plates[0].copy()
    clean[24:48, 40:64] = np.nan
    write_rgb(tmp_path / "clean.1001.exr", clean)
    shot = replace(shot, known=Known(clean=(FrameFile(1001, tmp_path / "clean.1001.exr"),)))
    for filled in fill(shot):
        assert np.isfinite(filled.pixels).all()
        unseen = filled.hidden & (filled.layers["unseen.a"] == 1)
        assert unseen.sum() > 300
        off = np.abs(to_log(filled.pixels) - to_log(plates[filled.frame - 1001]))[unseen]
        assert off.mean() < 0.05


def test_large_plates_get_texture_at_their_own_resolution(tmp_path: Path) -> None:
    """Five plate pixels to a proxy pixel along each axis: courses of bricks of 40 rows, and fine lines in them."""
    size = (720, 1300)
    y, x = np.mgrid[: size[0], : size[1]]
    joint = (y % 40 < 8) | ((x + 40 * (y // 40 % 2)) % 80 < 8)
    plate = (np.where(joint, 0.6, 0.3) * np.where(x % 4 < 2, 1.1, 0.9))[..., None] * np.ones(3)
    plate = plate.astype(np.float16).astype(np.float32)
    matte = np.zeros(size, np.float32)
    matte[280:440, 560:740] = 1
    shot = shot_of(tmp_path, [plate], [matte], aovs=AOVS, device="cpu", controls=Controls(grain=False))
    (filled,) = fill(shot)
    frame, u, v = (filled.layers[f"source.{name}"] for name in ("frame", "u", "v"))
    inner = cv2.erode(filled.hidden.astype(np.uint8), np.ones((9, 9))) > 0
    copied = inner & (frame == 1001)
    assert copied.sum() > 0.9 * inner.sum()
    # The layers say where from: the lines of the plate are there in full, up to the join's smooth correction.
    columns, rows = u[copied] * size[1] - 0.5, (1 - v[copied]) * size[0] - 0.5
    inside = (columns >= 0) & (rows >= 0) & (columns < size[1]) & (rows < size[0])
    assert inside.all()
    assert not filled.hidden[np.rint(rows).astype(int), np.rint(columns).astype(int)].any()

    def lines(picture: Array) -> float:
        log = to_log(picture[..., 0])
        return float((log - cv2.blur(log, (5, 1)))[inner].std())

    assert 0.7 * lines(plate) < lines(filled.pixels) < 1.2 * lines(plate)
