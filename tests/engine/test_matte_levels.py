"""Levels of the matte, and the floor below which its values are invisible."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.plates import matte, matte_edge
from aan_engine.plates.matte import Levels
from aan_engine.plates.shot_frames import ShotFrames
from aan_engine.shot import Controls, Known
from tests.engine.layered import SHAPE, flat, roto, write
from tests.engine.shots import SIZE, box_matte, pan, shot_of, write_matte

WHOLE = matte.WholeFrame(Box.whole(SHAPE))
FLOOR = Levels(floor=1 / 255)


def covered(path: Path, levels: Levels) -> np.ndarray:
    return matte.read(path, frame=1, channel=None, like=WHOLE, levels=levels)


@pytest.mark.parametrize(
    ("levels", "value", "expected"),
    [
        (Levels(), 0.25, 0.25),
        (Levels(0.25, 0.75), 0.5, 0.5),
        (Levels(0.25, 0.75), 0.125, 0),
        (Levels(0, 255), 255, 1),
        (Levels(invert=True), 0.25, 0.75),
        (Levels(0.25, 0.75, invert=True), 0.25, 1),
        (Levels(-1, 0), 0, 1),
    ],
)
def test_values_are_scaled_between_black_and_white_and_then_inverted(
    tmp_path: Path, levels: Levels, value: float, expected: float
) -> None:
    path = write(tmp_path / "m.exr", {"A": flat(value, np.float32)})
    np.testing.assert_array_equal(covered(path, levels), np.float32(expected))
    assert matte.peak(path, frame=1, channel=None, levels=levels) == expected


@pytest.mark.parametrize("invert", [False, True])
def test_what_is_in_doubt_is_hidden_whatever_the_levels(tmp_path: Path, invert: bool) -> None:
    values = flat(1 if invert else 0, np.float32)
    values[3, 4] = np.nan
    found = covered(write(tmp_path / "m.exr", {"A": values}), Levels(invert=invert))
    assert np.argwhere(found > 0).tolist() == [[3, 4]]


def test_an_inverted_matte_hides_nothing_outside_its_own_window(tmp_path: Path) -> None:
    display = (np.array([0, 0], np.int32), np.array([31, 23], np.int32))
    cropped = (np.array([4, 4], np.int32), np.array([11, 9], np.int32))
    path = write(tmp_path / "m.exr", {"A": np.zeros((6, 8), np.float16)}, dataWindow=cropped, displayWindow=display)
    found = covered(path, Levels(invert=True))
    assert found[4:10, 4:12].all()
    assert found.sum() == 48


@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_one_step_of_eight_bits_is_invisible_in_every_precision_and_two_are_not(tmp_path: Path, kind: type) -> None:
    one, two = (write(tmp_path / f"{n}.exr", {"A": flat(n / 255, kind)}) for n in (1, 2))
    assert not covered(one, FLOOR).any()
    assert matte.is_empty(one, frame=1, channel=None, levels=FLOOR)
    assert (covered(two, FLOOR) == np.asarray(2 / 255, kind).astype(np.float32)).all()
    assert not matte.is_empty(two, frame=1, channel=None, levels=FLOOR)
    inverted = write(tmp_path / "inverted.exr", {"A": flat(254 / 255, kind)})
    assert not covered(inverted, Levels(invert=True, floor=1 / 255)).any()


def beside(mask: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """What is True, and the pixels around it."""
    return cv2.dilate(mask.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0


def test_the_edge_is_what_it_was_and_only_what_lies_further_out_is_cut_off(tmp_path: Path) -> None:
    soft = cv2.GaussianBlur(roto().astype(np.float32), (0, 0), 1.5)
    path = write(tmp_path / "m.exr", {"A": soft})
    plain, floored = covered(path, Levels()), covered(path, FLOOR)
    kept = (plain > 1 / 255 * (1 + matte.ROUNDING)) | beside(plain >= matte_edge.FULL_AT)
    assert (~kept & (plain > 0)).any()
    np.testing.assert_array_equal(matte_edge.fill_weight(floored)[kept], matte_edge.fill_weight(plain)[kept])
    assert not floored[~kept].any()


def test_an_antialiased_matte_is_read_bit_for_bit(tmp_path: Path) -> None:
    height, width = SHAPE
    fine = np.zeros((32 * height, 32 * width), np.float32)
    cv2.fillPoly(fine, [np.array([[100, 90], [850, 200], [500, 700]])], 1)
    path = write(tmp_path / "m.exr", {"A": cv2.resize(fine, (width, height), interpolation=cv2.INTER_AREA)})
    plain = covered(path, Levels())
    assert ((plain > 0) & (plain <= 1 / 255)).any()
    np.testing.assert_array_equal(covered(path, FLOOR), plain)


def test_noise_does_not_join_what_stands_apart(tmp_path: Path) -> None:
    """An opacity of a half beside an opaque square keeps its half, with a floor of noise between them or without."""
    values = roto(left=2).astype(np.float32) + 0.5 * roto(left=20).astype(np.float32)
    noisy = np.maximum(values, np.float32(0.003))
    clean, joined = (covered(write(tmp_path / f"{i}.exr", {"A": v}), FLOOR) for i, v in enumerate((values, noisy)))
    np.testing.assert_array_equal(matte_edge.fill_weight(joined)[values > 0], matte_edge.fill_weight(clean)[values > 0])
    assert matte_edge.fill_weight(joined)[8, 22] == 0.5


def test_pixels_at_the_floor_stay_and_may_be_a_source(tmp_path: Path) -> None:
    mattes = [np.maximum(m, np.float32(1 / 255)) for m in box_matte(2)]
    _, masks = ShotFrames(shot_of(tmp_path, pan(2), mattes)).target(0)
    np.testing.assert_array_equal(masks.hidden, beside(box_matte(1)[0] > 0))
    np.testing.assert_array_equal(masks.blocked, masks.hidden)


def test_the_artist_sets_the_floor_and_it_holds_for_the_other_mattes_as_well(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(1), [0.2 * m for m in box_matte(1)], controls=Controls(matte_floor=0.25))
    assert not ShotFrames(shot).is_hiding(1001)
    write_matte(tmp_path / "front.exr", np.full(SIZE, 0.003, np.float32))
    held = Known(holdout=(type(shot.plates[0])(1001, tmp_path / "front.exr"),))
    other = shot_of(tmp_path, pan(1), box_matte(1), known=held)
    _, masks = ShotFrames(other).target(0)
    assert not masks.unusable.any()
    assert masks.hidden.any()


def test_levels_are_the_artist_s_and_decide_whether_anything_is_hidden(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(1), box_matte(1), controls=Controls(matte_invert=True))
    frames = ShotFrames(shot)
    assert frames.is_hiding(1001)
    _, masks = frames.target(0)
    np.testing.assert_array_equal(masks.hidden, box_matte(1)[0] == 0)
