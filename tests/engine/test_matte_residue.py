"""A matte drawn too tight is found, by how many pixels; a right one is left alone, whatever else differs beside it."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine import pipeline
from aan_engine.candidates.candidate import Candidate, Kind
from aan_engine.plates.matte_edge import grow_feather
from aan_engine.rendering import matte_residue
from aan_engine.rendering.matte_residue import MAX_REACH, BandPixels, reach_beyond_matte, reach_in_band
from aan_engine.rendering.target import Target
from aan_engine.shot import Controls, FrameFile, Shot
from plugin_host.controls import MOST_GROWN
from tests.engine.fill_plans import SIZE, decided, target_of
from tests.engine.shots import Array, scene, write_matte, write_rgb
from tests.engine.source_plates import source_of

SHIFT = (5.4, -2.7)
"""How far the camera has moved between target and source, in pixels: between whole ones, so that copies are blurred."""


def wire(at: float, *, width: float, size: tuple[int, int] = SIZE) -> Array:
    """(h, w) 0 .. 1, how much of each pixel a leaning wire covers; `at` is where it is in the middle row."""
    y, x = np.mgrid[: size[0], : size[1]].astype(np.float32)
    off = np.abs(x - at - 0.15 * (y - size[0] / 2))
    return np.clip(width / 2 + 0.5 - off, 0, 1).astype(np.float32)


def seen(shift: tuple[float, float], *, size: tuple[int, int] = SIZE) -> Array:
    """What a camera sees that has moved by so many pixels over a textured plane."""
    look = np.array([[1, 0, 40 - shift[0]], [0, 1, 30 - shift[1]]], np.float64)
    picture = cv2.resize(scene(), None, fx=size[0] / SIZE[0], fy=size[0] / SIZE[0], interpolation=cv2.INTER_CUBIC)
    return cv2.warpAffine(picture, look, size[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)


def over(plate: Array, object_: Array, *, light: float) -> Array:
    return plate * (1 - object_[..., None]) + np.float32(light) * object_[..., None]


def grain(plate: Array, seed: int, *, strength: float = 0.06) -> Array:
    noise = np.random.default_rng(seed).standard_normal(plate.shape)
    return (plate * (1 + strength * noise)).astype(np.float32)


def target(
    reach: float,
    *,
    light: float = 1.5,
    own_plate: Array | None = None,
    other_plate: Array | None = None,
    soft: float = 0,
    factor: int = 1,
    elsewhere: float = -26,
) -> Target:
    """A wire that reaches `reach` pixels beyond its matte; in the source frame it is `elsewhere` pixels away."""
    size = (SIZE[0] * factor, SIZE[1] * factor)
    shift = (SHIFT[0] * factor, SHIFT[1] * factor)
    own = seen((0, 0), size=size) if own_plate is None else own_plate
    other = seen(shift, size=size) if other_plate is None else other_plate
    at, there = 42.3 * factor, (42.3 + elsewhere) * factor + shift[0]
    matte = (wire(at, width=4 * factor, size=size) > 0).astype(np.float32)
    drawn = wire(at, width=4 * factor + 2 * reach, size=size)
    if soft:
        drawn = cv2.GaussianBlur(drawn, (0, 0), soft)
        # All that an 8-bit alpha says of it.
        matte = (drawn > 0.5 / 255).astype(np.float32)
    hidden = matte > 0
    blocked = wire(there, width=4 * factor, size=size) > 0
    source = source_of(over(other, wire(there, width=4 * factor + 2 * reach, size=size), light=light), blocked)
    small = cv2.resize(matte, SIZE[::-1], interpolation=cv2.INTER_AREA) > 0
    return target_of(decided(small, SHIFT), hidden, source, own=source_of(over(own, drawn, light=light), hidden))


@pytest.mark.parametrize("light", [1.5, 0.01], ids=["bright", "dark"])
@pytest.mark.parametrize("reach", [1, 2, 4])
def test_a_fringe_beyond_the_matte_is_found_by_its_width(reach: int, light: float) -> None:
    assert abs(reach_beyond_matte(target(reach, light=light)) - reach) <= 1


@pytest.mark.parametrize("light", [1.5, 0.01], ids=["bright", "dark"])
def test_a_right_matte_is_left_alone(light: float) -> None:
    assert reach_beyond_matte(target(0, light=light)) == 0


def test_grain_is_no_fringe_and_hides_none() -> None:
    plates = {"own_plate": grain(seen((0, 0)), 1), "other_plate": grain(seen(SHIFT), 2)}
    assert reach_beyond_matte(target(0, **plates)) == 0  # type: ignore[arg-type]
    assert abs(reach_beyond_matte(target(2, **plates)) - 2) <= 1  # type: ignore[arg-type]


@pytest.mark.parametrize("blur", [1.0, 2.0])
def test_the_soft_edge_of_a_right_matte_is_no_fringe(blur: float) -> None:
    assert reach_beyond_matte(target(0, soft=blur)) == 0


@pytest.mark.parametrize("stops", [-1.0, 0.5])
def test_a_change_of_light_is_no_fringe(stops: float) -> None:
    # As with --light off: nothing brings the source into the target's light.
    assert reach_beyond_matte(target(0, other_plate=seen(SHIFT) * np.float32(2**stops))) == 0


def test_positions_that_are_a_pixel_off_are_no_fringe() -> None:
    assert reach_beyond_matte(target(0, other_plate=seen((SHIFT[0] + 1, SHIFT[1] - 0.5)))) == 0


def test_something_else_that_touches_the_matte_is_no_fringe() -> None:
    passing = np.zeros(SIZE, np.float32)
    passing[10:34, 40:66] = 1
    own = over(seen((0, 0)), passing, light=0.9)
    assert reach_beyond_matte(target(0, own_plate=own)) == 0


def test_a_fringe_on_one_side_of_a_wire_is_found() -> None:
    one_sided = wire(44.3, width=4)
    assert abs(reach_beyond_matte(target(0, own_plate=over(seen((0, 0)), one_sided, light=1.5))) - 2) <= 1


def test_where_the_wire_has_hardly_moved_nothing_is_known() -> None:
    # The same fringe stands beside it on both frames.
    assert reach_beyond_matte(target(2, elsewhere=3)) == 0


def test_a_hole_that_nobody_saw_says_nothing() -> None:
    found = target(2)
    nowhere = [
        Candidate(Kind.HOMOGRAPHY, c.image, c.valid & False, np.full_like(c.frame, -1), *rest(c))
        for c in found.plan.candidates[:-1]
    ]
    found.plan.candidates[:-1] = nowhere
    assert reach_beyond_matte(found) == 0
    del found.plan.candidates[:-1]
    assert reach_beyond_matte(found) == 0


def rest(c: Candidate) -> tuple[Array, Array, Array, Array]:
    return c.position, c.distance, c.confidence, c.independent_motion


@pytest.mark.parametrize("reach", [0, 3, 8])
def test_on_a_larger_plate_it_is_counted_in_the_plates_own_pixels(reach: int) -> None:
    found = reach_beyond_matte(target(reach, factor=4))
    assert abs(found - reach) <= 1 if reach else found == 0


def test_few_plate_pixels_are_looked_at_however_large_the_plate(monkeypatch: pytest.MonkeyPatch) -> None:
    taken: list[int] = []

    def counted(source: object, at: Array) -> object:
        taken.append(len(at))
        return matte_residue_sample(source, at)  # type: ignore[arg-type]

    matte_residue_sample = matte_residue.sample_plate
    monkeypatch.setattr(matte_residue, "sample_plate", counted)
    reach_beyond_matte(target(0, factor=8))
    assert 0 < sum(taken) < 60_000


# The statistic alone


def band(excess: NDArray[np.floating]) -> BandPixels:
    """Pixels by contour and ring, (contours, rings)."""
    contour, ring = np.indices(excess.shape)
    return BandPixels(contour.ravel(), ring.ravel() + 1, excess.ravel().astype(np.float32))


def test_what_differs_all_the_way_or_further_out_does_not_count() -> None:
    quiet = np.full((100, 8), 0.005)
    assert reach_in_band(band(quiet), limit=5) == 0
    through, outside, fringe = (quiet.copy() for _ in range(3))
    through[:4] = outside[:, 2:4] = fringe[:30, :3] = 0.5
    assert reach_in_band(band(through), limit=5) == 0
    assert reach_in_band(band(outside), limit=5) == 0
    assert reach_in_band(band(fringe), limit=5) == 3
    assert reach_in_band(band(fringe[20:35]), limit=5) == 0, "too little of the contour is known"


def test_hosts_expect_no_more_than_may_be_found() -> None:
    assert MOST_GROWN == MAX_REACH


# A whole job


FRAMES, WIDE = 12, (72, 120)


def tight_shot(
    folder: Path, *, reach: float, controls: Controls | None = None
) -> tuple[Shot, list[Array], list[Array]]:
    """A wire that crosses a moving view, its fringe `reach` pixels beyond the matte; and plates and truth."""
    picture, plates, truths, files = scene(3), [], [], []
    for t in range(FRAMES):
        look = np.array([[1, 0, 30 + 1.5 * t], [0, 1, 20 + 0.3 * t]], np.float64)
        truth = cv2.warpAffine(picture, look, WIDE[::-1], flags=cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP)
        at = 30.3 + 5 * t
        plate = over(truth, wire(at, width=3 + 2 * reach, size=WIDE), light=2.0).astype(np.float16).astype(np.float32)
        write_rgb(folder / f"plate.{1001 + t}.exr", plate)
        write_matte(folder / f"matte.{1001 + t}.exr", (wire(at, width=3, size=WIDE) > 0).astype(np.float32))
        plates.append(plate)
        truths.append(truth)
        files.append(1001 + t)
    plate_files, matte_files = (
        tuple(FrameFile(n, folder / f"{name}.{n}.exr") for n in files) for name in ("plate", "matte")
    )
    options = {"first": 1004, "last": 1006, "device": "cpu", "controls": controls or Controls()}
    return Shot(plate_files, matte_files, **options), plates, truths  # type: ignore[arg-type]


def matte_at(t: int, *, grow: float) -> NDArray[np.bool_]:
    tight = (wire(30.3 + 5 * t, width=3, size=WIDE) > 0).astype(np.float32)
    return grow_feather(tight, grow=grow, feather=0) > 0


def test_grow_auto_takes_the_fringe_in_and_outside_of_it_changes_no_bit(tmp_path: Path) -> None:
    for name in ("tight", "auto"):
        (tmp_path / name).mkdir()
    shot, plates, truths = tight_shot(tmp_path / "tight", reach=2)
    spoilt = list(pipeline.fill(shot))
    assert all(1 <= frame.residue <= 3 for frame in spoilt)
    assert all(frame.grown == 0 for frame in spoilt)
    shot, plates, truths = tight_shot(tmp_path / "auto", reach=2, controls=Controls(grow_auto=True))
    steps: list[pipeline.Progress] = []
    grown = list(pipeline.fill(shot, progress=steps.append))
    assert [step.done for step in steps if step.stage == "fill"] == [1, 2, 3], "probes are not filled frames"
    for t, (before, after) in enumerate(zip(spoilt, grown, strict=True), 3):
        assert 2 <= after.grown <= 3
        assert after.residue == 0
        hidden = matte_at(t, grow=after.grown)
        np.testing.assert_array_equal(after.hidden, hidden)
        np.testing.assert_array_equal(after.pixels[~hidden], plates[t][~hidden])
        fringe = hidden & ~matte_at(t, grow=0)
        off = [np.abs(frame.pixels - truths[t])[fringe].mean() for frame in (before, after)]
        assert off[1] < 0.1 * off[0]
    # An interrupted job goes on with the same growth.
    (last,) = pipeline.fill(shot, skip={1004, 1005})
    assert last.grown == grown[-1].grown
    np.testing.assert_array_equal(last.pixels, grown[-1].pixels)


def test_grow_auto_leaves_a_right_matte_as_it_is(tmp_path: Path) -> None:
    shot, plates, _ = tight_shot(tmp_path, reach=0, controls=Controls(grow=0.0, grow_auto=True))
    for t, frame in enumerate(pipeline.fill(shot), 3):
        assert (frame.grown, frame.residue) == (0, 0)
        np.testing.assert_array_equal(frame.hidden, matte_at(t, grow=0))
        np.testing.assert_array_equal(frame.pixels[~frame.hidden], plates[t][~frame.hidden])
