"""The texture stage: plates supply what the plan says, at their own resolution; what has a source keeps its bits."""

from __future__ import annotations

from dataclasses import fields, replace

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import from_log, to_log
from aan_engine.core.sampling import pixel_grid
from aan_engine.core.types import Array, Mask
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.target import Target
from aan_engine.rendering.texture import copy_texture
from aan_engine.selection.plan import FillPlan, Texture
from tests.engine.fill_plans import SIZE, decided, hole, target_of
from tests.engine.source_plates import MadeSources, source_of

SCALE = 5
"""Plate pixels to a proxy pixel."""

LARGE = (SIZE[0] * SCALE, SIZE[1] * SCALE)


def ramp(size: tuple[int, int] = LARGE) -> Array:
    """(H, W, 3) log range: red rises with x, green with y, blue with both; no two positions alike."""
    grid = pixel_grid(size) / np.array((size[1], size[0]), np.float32)
    return np.dstack([0.1 + 0.6 * grid[..., 0], 0.1 + 0.6 * grid[..., 1], 0.2 + 0.3 * grid.sum(-1)]).astype(np.float32)


def texture_of(plan: FillPlan, *, shift: tuple[float, float], frame: int = 4, correction: float = 0) -> Texture:
    """All of the box copied from beside itself, by so many proxy pixels."""
    box = plan.hole.box
    shape = plan.hole.hidden.shape
    position = (pixel_grid(SIZE) + np.array(shift, np.float32))[box.slices]
    return Texture(
        np.full(shape, frame, np.int32),
        position,
        np.full(shape, 0.4, np.float32),
        np.full((*shape, 3), correction, np.float32),
    )


def made(
    *,
    shift: tuple[float, float] = (0, 0),
    source: Array | None = None,
    blocked: Mask | None = None,
    texture: Texture | None = None,
    size: tuple[int, int] = LARGE,
) -> Target:
    """A target with nothing but texture in its hole."""
    hidden = hole(size)
    plan = decided(hole(), (0, 0), share=0)
    plan = replace(plan, texture=texture if texture is not None else texture_of(plan, shift=shift))
    plate = source_of(from_log(ramp(size) if source is None else source), blocked)
    return target_of(plan, hidden, plate)


def synthesised(hidden: Mask, *, unseen: float = 1.0) -> FillBuffer:
    """A hole filled grey by the synthesis, `unseen` of it."""
    fill = FillBuffer.blank(hidden.shape)
    fill.fill[hidden], fill.unseen[hidden] = 0.2, unseen
    fill.confidence[hidden] = 1 - unseen
    return fill


def everything(fill: FillBuffer) -> dict[str, bytes]:
    return {f.name: getattr(fill, f.name).tobytes() for f in fields(fill)}


def shown(fill: FillBuffer, hidden: Mask) -> Array:
    return to_log(fill.fill[hidden])


@pytest.mark.parametrize("shift", [(25, 0), (-20, 11), (30.5, -8.25), (24.2, 7.8)])
def test_each_pixel_is_copied_from_where_the_plan_says_on_the_large_plate(shift: tuple[float, float]) -> None:
    target = made(shift=shift)
    fill = copy_texture(synthesised(target.hidden), target)
    expected = pixel_grid(LARGE) + SCALE * np.array(shift, np.float32)
    there = expected[target.hidden]
    np.testing.assert_allclose(fill.position[target.hidden], there, atol=0.02)
    assert (fill.source[target.hidden] == 4).all()
    assert (fill.source[~target.hidden] == -1).all()
    red, green = (0.1 + 0.6 * there[:, k] / LARGE[1 - k] for k in (0, 1))
    np.testing.assert_allclose(shown(fill, target.hidden)[:, :2], np.stack([red, green], -1), atol=2e-3)


def test_whole_pixels_are_copied_bit_by_bit_with_all_of_their_grain() -> None:
    rng = np.random.default_rng(0)
    noise = (0.4 + 0.05 * rng.standard_normal((*LARGE, 3))).astype(np.float32)
    target = made(shift=(25, -3), source=noise)
    fill = copy_texture(synthesised(target.hidden), target)
    moved = np.roll(noise, (3 * SCALE, -25 * SCALE), (0, 1))
    np.testing.assert_allclose(shown(fill, target.hidden), moved[target.hidden], atol=2e-5)
    for plane in (fill.grain_kept, fill.grain_fine, fill.grain_coarse):
        np.testing.assert_allclose(plane[target.hidden], 1, atol=1e-4)


def test_it_stays_marked_as_unseen_with_little_confidence() -> None:
    target = made(shift=(25, 0))
    fill = copy_texture(synthesised(target.hidden), target)
    assert (fill.unseen[target.hidden] == 1).all()
    np.testing.assert_allclose(fill.confidence[target.hidden], 0.4, atol=1e-6)


@pytest.mark.parametrize("unseen", [0.0, 0.3, 0.4])
def test_what_has_a_source_keeps_every_bit(unseen: float) -> None:
    target = made(shift=(25, 0))
    before = synthesised(target.hidden, unseen=unseen)
    before.fill[target.hidden] = np.random.default_rng(0).random((target.hidden.sum(), 3)).astype(np.float32)
    expected = everything(before)
    assert everything(copy_texture(before, target)) == expected


def test_in_between_the_two_are_mixed_and_nothing_becomes_less_unseen() -> None:
    target = made(shift=(25, 0))
    found = []
    for unseen in (0.45, 0.55, 0.65, 0.7, 0.9):
        fill = copy_texture(synthesised(target.hidden, unseen=unseen), target)
        assert (fill.unseen[target.hidden] >= np.float32(unseen)).all()
        whole = copy_texture(synthesised(target.hidden), target)
        part = (shown(fill, target.hidden) - to_log(np.float32(0.2))) / (
            shown(whole, target.hidden) - to_log(np.float32(0.2))
        )
        found.append(float(np.median(part)))
    np.testing.assert_allclose(found, [1 / 6, 0.5, 5 / 6, 1, 1], atol=0.01)


def test_without_texture_nothing_happens() -> None:
    target = made()
    target = replace(target, plan=replace(target.plan, texture=None))
    before = synthesised(target.hidden)
    expected = everything(before)
    assert everything(copy_texture(before, target)) == expected


def test_pixels_outside_the_hole_are_never_touched() -> None:
    target = made(shift=(25, 0))
    fill = synthesised(target.hidden)
    fill.unseen[~target.hidden] = 1
    fill.fill[~target.hidden] = 0.7
    before = fill.fill.copy()
    copy_texture(fill, target)
    np.testing.assert_array_equal(fill.fill[~target.hidden], before[~target.hidden])


def test_what_the_plate_blocks_is_never_copied_and_keeps_its_fill() -> None:
    blocked = np.zeros(LARGE, np.bool_)
    blocked[:, 5 * 60 :] = True
    poisoned = np.where(blocked[..., None], np.float32(9), ramp())
    # The hole is at columns 26 to 40 of the proxy: from 34 on it would copy what is blocked.
    target = made(shift=(26, 0), source=poisoned, blocked=blocked)
    fill = copy_texture(synthesised(target.hidden), target)
    columns = np.arange(LARGE[1])[None] * np.ones((LARGE[0], 1))
    far = target.hidden & (columns > 5 * 34 + 2)
    near = target.hidden & (columns < 5 * 34 - 4)
    np.testing.assert_array_equal(fill.fill[far], np.float32(0.2))
    assert (fill.source[far] == -1).all()
    assert (fill.source[near] == 4).all()
    assert shown(fill, target.hidden).max() < 1


def test_what_lies_outside_the_plate_keeps_its_fill() -> None:
    target = made(shift=(-60, 0))
    fill = copy_texture(synthesised(target.hidden), target)
    np.testing.assert_array_equal(fill.fill[target.hidden], np.float32(0.2))
    assert (fill.source == -1).all()


def test_pixels_that_the_plan_gives_no_texture_keep_their_fill() -> None:
    plan = decided(hole(), (0, 0), share=0)
    texture = texture_of(plan, shift=(25, 0))
    half = texture.frame.shape[1] // 2
    texture.frame[:, half:] = -1
    target = made(texture=texture)
    fill = copy_texture(synthesised(target.hidden), target)
    columns = np.arange(LARGE[1])[None] * np.ones((LARGE[0], 1))
    middle = SCALE * (plan.hole.left + half)
    np.testing.assert_array_equal(fill.fill[target.hidden & (columns > middle + 2)], np.float32(0.2))
    taken = target.hidden & (columns < middle - 3)
    assert (fill.source[taken] == 4).all()


def frames_of(plates: dict[int, Array]) -> MadeSources:
    made_of: dict[int, SourcePlate] = {frame: source_of(from_log(values)) for frame, values in plates.items()}
    return MadeSources(lambda frame: made_of[frame])


def two_chunks(*, frames: tuple[int, int], shifts: tuple[tuple[float, float], tuple[float, float]]) -> Target:
    """The left half of the hole is copied from one place, the right half from another."""
    plan = decided(hole(), (0, 0), share=0)
    left, right = (texture_of(plan, shift=s, frame=f) for s, f in zip(shifts, frames, strict=True))
    columns = np.arange(left.frame.shape[1])[None] < left.frame.shape[1] // 2
    both = replace(
        left,
        frame=np.where(columns, left.frame, right.frame).astype(np.int32),
        position=np.where(columns[..., None], left.position, right.position),
    )
    return made(texture=both)


def test_where_two_chunks_meet_copies_are_mixed_over_one_proxy_pixel() -> None:
    target = two_chunks(frames=(4, 6), shifts=((25, 0), (25, 0)))
    dark, bright = (np.full((*LARGE, 3), value, np.float32) for value in (0.3, 0.5))
    target = replace(target, sources=frames_of({4: dark, 6: bright}))
    fill = copy_texture(synthesised(target.hidden), target)
    ys, xs = np.nonzero(target.hidden)
    profile = to_log(fill.fill[ys.mean().astype(int), xs.min() : xs.max() + 1, 0])
    assert (np.diff(profile) > -1e-5).all()
    mixed = (profile > 0.301) & (profile < 0.499)
    assert SCALE - 2 <= mixed.sum() <= SCALE
    # A mixture has less grain than either.
    kept = fill.grain_kept[ys.mean().astype(int), xs.min() : xs.max() + 1]
    assert kept[mixed].min() < 0.65
    np.testing.assert_allclose(kept[~mixed], 1, atol=1e-3)
    assert set(fill.source[target.hidden].tolist()) == {4, 6}


def test_a_slow_change_of_displacement_is_one_chunk_without_any_blur() -> None:
    """As a camera that zooms makes it: half a pixel from one proxy pixel to the next."""
    plan = decided(hole(), (0, 0), share=0)
    texture = texture_of(plan, shift=(25, 0))
    texture.position[..., 0] += 0.2 * np.arange(texture.frame.shape[1], dtype=np.float32)
    target = made(texture=texture)
    fill = copy_texture(synthesised(target.hidden), target)
    ys, xs = np.nonzero(target.hidden)
    row = int(ys.mean())
    positions = fill.position[row, xs.min() + SCALE : xs.max() - SCALE, 0]
    np.testing.assert_allclose(np.diff(positions), 1.2, atol=0.02)
    red = to_log(fill.fill[row, xs.min() + SCALE : xs.max() - SCALE, 0])
    np.testing.assert_allclose(red, 0.1 + 0.6 * positions / LARGE[1], atol=2e-3)
    # Grain of one sample, never of a mixture of four.
    assert fill.grain_coarse[target.hidden].min() > 0.99


def test_the_correction_is_added_in_the_log_range_and_never_leaves_less_than_no_light() -> None:
    plan = decided(hole(), (0, 0), share=0)
    flat = np.full((*LARGE, 3), 0.4, np.float32)
    for correction, expected in ((0.05, 0.45), (-0.1, 0.3), (-0.9, 0.2)):
        target = made(texture=texture_of(plan, shift=(25, 0), correction=correction), source=flat)
        fill = copy_texture(synthesised(target.hidden), target)
        np.testing.assert_allclose(shown(fill, target.hidden), expected, atol=1e-4)


def test_a_plate_as_small_as_its_proxy_is_copied_as_exactly() -> None:
    target = made(shift=(25, 3), size=SIZE)
    fill = copy_texture(synthesised(target.hidden), target)
    moved = np.roll(ramp(SIZE), (-3, -25), (0, 1))
    np.testing.assert_allclose(shown(fill, target.hidden), moved[target.hidden], atol=1e-5)


def test_a_copy_that_replaces_a_repeated_one_is_not_repeated_any_more() -> None:
    target = made(shift=(25, 0))
    fill = synthesised(target.hidden)
    fill.repeated[target.hidden] = True
    copy_texture(fill, target)
    assert not fill.repeated.any()


def test_it_makes_no_difference_in_how_many_parts_it_is_copied(monkeypatch: pytest.MonkeyPatch) -> None:
    found: list[NDArray[np.float32]] = []
    target = two_chunks(frames=(4, 6), shifts=((25, 0), (-20, 3.3)))
    for chunk in (200_000, 777):
        monkeypatch.setattr("aan_engine.rendering.texture.CHUNK", chunk)
        found.append(copy_texture(synthesised(target.hidden), target).fill.copy())
    np.testing.assert_array_equal(found[0], found[1])
