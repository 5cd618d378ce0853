"""Before a static camera each target takes its pixels from a frame of its own, grain and all."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np

from aan_engine.colour.log_encoding import from_log, to_log
from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.grain.estimate import GrainModel
from aan_engine.pipeline import fill
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.static_camera import PERIOD, swap_static
from aan_engine.rendering.target import Target
from tests.engine.fill_plans import decided
from tests.engine.shots import Array, scene, shot_of
from tests.engine.source_plates import MadeSources, source_of

SIZE, SIGMA, FRAMES = (96, 128), 0.02, 20
GRAIN = GrainModel(np.array([0.0, 1.0]), np.full((2, 3), SIGMA**2))
HOLE = np.zeros(SIZE, bool)
HOLE[20:76, 30:98] = True


def structure() -> Array:
    """(h, w, 3) log range: texture no stronger than the grain, on something softer."""
    rng = np.random.default_rng(5)
    fine = cv2.GaussianBlur(rng.standard_normal((*SIZE, 1)).astype(np.float32), (0, 0), 0.7)[..., None]
    return np.asarray(to_log(scene()[: SIZE[0], : SIZE[1]]) + SIGMA * fine / fine.std(), np.float32)


def frames_of(clean: Array) -> list[Array]:
    """What each frame shows of it, log range: the same with grain of its own."""
    rng = np.random.default_rng(6)
    return [np.asarray(clean + SIGMA * rng.standard_normal(clean.shape), np.float32) for _ in range(FRAMES)]


def copied(seen: list[Array], frame: int) -> FillBuffer:
    """The hole filled from one frame, pixel by pixel; all of its grain is repeated."""
    blank = FillBuffer.blank(SIZE)
    whole, y, x = HOLE.astype(np.float32), *np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    return replace(
        blank,
        fill=from_log(seen[frame]) * HOLE[..., None],
        source=np.where(HOLE, np.int32(frame), np.int32(-1)),
        position=np.stack([x, y], -1) * HOLE[..., None],
        repeated=HOLE.copy(),
        **{name: whole.copy() for name in ("confidence", "share", "grain_kept", "grain_fine", "grain_coarse")},
    )


def target_of(
    index: int, seen: list[Array], *, first: int, blocked: np.ndarray | None = None, static: bool = True
) -> Target:
    """Of a shot that has the hole in view from frame `first` on."""

    def plate(frame: int) -> SourcePlate:
        return source_of(from_log(seen[frame]), HOLE if frame < first else blocked)

    sources = MadeSources(plate, lambda frame: static and 0 <= frame < len(seen), count=len(seen))
    scale = ProxyScale.between(SIZE, SIZE)
    return Target(index, plate(index), HOLE, decided(HOLE, (0, 0)), scale, sources, grain=GRAIN)


def test_neighbouring_targets_never_get_the_same_grain_and_each_gets_a_frame_as_it_is() -> None:
    seen = frames_of(structure())
    lenders = []
    for index in range(8):
        found = copied(seen, 8)
        left = swap_static(found, target_of(index, seen, first=8)).repeated
        done = HOLE & ~left
        assert done.sum() > 0.95 * HOLE.sum()
        (lender,) = np.unique(found.source[done])
        assert lender >= 8
        # As it is but for the softest differences, which might be light.
        off = (to_log(found.fill) - seen[lender])[done]
        assert np.abs(off).max() < 0.35 * SIGMA
        assert np.square(off).mean() < 0.02 * SIGMA**2
        assert (found.grain_kept[done] == 1).all()
        y, x = np.nonzero(done)
        np.testing.assert_array_equal(found.position[done], np.stack([x, y], -1))
        lenders.append(int(lender))
    for begin in range(len(lenders) - PERIOD + 1):
        assert len(set(lenders[begin : begin + PERIOD])) == PERIOD


def test_where_the_shot_ends_what_lies_before_the_target_lends() -> None:
    seen = frames_of(structure())
    found = copied(seen, FRAMES - 1)
    left = swap_static(found, target_of(FRAMES - 2, seen, first=0)).repeated
    assert left.sum() < 0.05 * HOLE.sum()
    assert set(np.unique(found.source[HOLE & ~left])) == {FRAMES - 2 - PERIOD}


def test_the_light_of_the_fill_is_kept() -> None:
    seen = frames_of(structure())
    brighter = [to_log(1.1 * from_log(values)) for values in seen]
    found = copied(seen, 8)
    left = swap_static(found, target_of(2, brighter, first=8)).repeated
    done = HOLE & ~left
    assert done.sum() > 0.9 * HOLE.sum()
    assert abs(float((to_log(found.fill) - structure())[done].mean())) < 0.1 * SIGMA


def test_pixels_that_another_frame_does_not_show_alike_are_left_alone() -> None:
    """A leaf that moves, a hole, a frame that may not lend."""
    seen = frames_of(structure())
    rng = np.random.default_rng(7)
    leaf = np.s_[40:60, 40:70]
    otherwise = [values.copy() for values in seen]
    for values in otherwise:
        values[leaf] += np.float32(5 * SIGMA) * rng.standard_normal(values[leaf].shape).astype(np.float32)
    found, before = copied(seen, 8), copied(seen, 8)
    left = swap_static(found, target_of(2, otherwise, first=8)).repeated
    assert left[leaf].all()
    np.testing.assert_array_equal(found.fill[leaf], before.fill[leaf])
    assert not left[HOLE & (np.arange(SIZE[1]) > 85)[None, :]].all()
    covered = np.zeros(SIZE, bool)
    covered[:, :64] = True
    found = copied(seen, 8)
    left = swap_static(found, target_of(2, seen, first=8, blocked=covered)).repeated
    assert (left == (HOLE & covered)).all()
    np.testing.assert_array_equal(found.source, np.where(HOLE, np.where(covered, 8, 10), -1))
    found = copied(seen, 8)
    assert (swap_static(found, target_of(2, seen, first=0, static=False)).repeated == HOLE).all()
    np.testing.assert_array_equal(found.fill, before.fill)


def test_on_a_locked_off_shot_fine_texture_outlives_the_grain(tmp_path: Path) -> None:
    """Something crosses a rock face: behind it there is as much texture as beside it, and as much grain."""
    clean, frames = structure(), 12
    seen = frames_of(clean)[:frames]
    mattes = []
    for t in range(frames):
        matte = np.zeros(SIZE, np.float32)
        matte[30:66, 4 + 8 * t : 30 + 8 * t] = 1
        mattes.append(matte)
    results = [to_log(f.pixels) for f in fill(shot_of(tmp_path, [from_log(values) for values in seen], mattes))]

    def fine(values: Array) -> Array:
        return np.asarray(values - cv2.GaussianBlur(values, (0, 0), 1.0))

    own = [fine(result - clean) for result in results]
    kept, power, together = [], [], []
    for t in range(frames):
        inside = cv2.erode(mattes[t], np.ones((3, 3))) > 0
        true = fine(clean)[inside]
        kept.append((true * fine(results[t])[inside]).sum() / (true * true).sum())
        power.append(np.square(own[t][inside]).mean() / np.square(fine(seen[t] - clean)[mattes[t] == 0]).mean())
        both = inside & (mattes[t - 1] > 0)
        if t:
            a, b = own[t][both], own[t - 1][both]
            together.append((a * b).sum() / np.sqrt((a * a).sum() * (b * b).sum()))
    assert np.mean(kept) > 0.9
    assert abs(np.mean(power) - 1) < 0.15
    assert np.mean(together) < 0.05
    assert max(together) < 0.1
