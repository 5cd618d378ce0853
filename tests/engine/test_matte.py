"""Mattes: found by name, placed by coordinates, laid over the plate in linear light."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from aan_engine.core.box import box_around
from aan_engine.errors import MatteError
from aan_engine.plates import exr, matte
from aan_engine.plates.plate import Plate

SHAPE = (24, 32)


def window(x0: int, y0: int, *, width: int, height: int) -> Any:
    return np.array([x0, y0], np.int32), np.array([x0 + width - 1, y0 + height - 1], np.int32)


DISPLAY = window(0, 0, width=SHAPE[1], height=SHAPE[0])


def make(path: Path, channels: dict[str, Any], **header: Any) -> Path:
    first = next(iter(channels.values()))
    whole = {"dataWindow": window(0, 0, width=first.shape[1], height=first.shape[0]), "displayWindow": DISPLAY}
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, **whole, **header}, channels).write(str(path))
    return path


@pytest.fixture
def like(tmp_path: Path) -> Plate:
    return exr.read(make(tmp_path / "plate.exr", {name: np.ones(SHAPE, np.float16) for name in "RGB"}), frame=1)


def flat(value: float) -> Any:
    return np.full(SHAPE, value, np.float32)


def read(path: Path, like: Plate, channel: str | None = None) -> Any:
    return matte.read(path, frame=1, channel=channel, like=like)


# --- the channel ---------------------------------------------------------------------------------------------------


def test_alpha_is_taken_where_there_is_one(tmp_path: Path, like: Plate) -> None:
    path = make(tmp_path / "m.exr", {"A": flat(0.25), "B": flat(1), "G": flat(1), "R": flat(1)})
    assert (read(path, like) == 0.25).all()


def test_a_solid_alpha_beside_colours_that_are_none_is_asked_about(tmp_path: Path, like: Plate) -> None:
    roto = flat(0)
    roto[4:8, 5:9] = 1
    path = make(tmp_path / "matte.exr", {"R": roto, "G": roto, "B": roto, "A": flat(1)})
    with pytest.raises(MatteError, match="alpha is 1 everywhere") as told:
        read(path, like)
    assert "--matte-channel R" in told.value.hint
    np.testing.assert_array_equal(read(path, like, "R"), roto)
    np.testing.assert_array_equal(read(path, like, "A"), 1)
    white = make(tmp_path / "white.exr", {name: flat(1) for name in "RGBA"})
    np.testing.assert_array_equal(read(white, like), 1)


def test_else_the_only_or_the_first_channel(tmp_path: Path, like: Plate) -> None:
    assert (read(make(tmp_path / "m.exr", {"roto": flat(0.5)}), like) == 0.5).all()
    assert (read(make(tmp_path / "m.exr", {"b": flat(0.75), "c": flat(0)}), like) == 0.75).all()


@pytest.mark.parametrize(
    ("asked", "got"), [("roto.A", 0.5), ("roto", 0.5), ("A", 1.0), ("R", 0.25), ("car.R", 0.25), ("Z", 0.75)]
)
def test_a_channel_is_named_in_full_or_by_its_layer_or_its_last_word(
    tmp_path: Path, like: Plate, asked: str, got: float
) -> None:
    path = make(tmp_path / "m.exr", {"A": flat(1), "car.R": flat(0.25), "roto.A": flat(0.5), "Z": flat(0.75)})
    assert (read(path, like, asked) == got).all()


def test_a_part_is_named_as_a_layer_is(tmp_path: Path, like: Plate) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "displayWindow": DISPLAY, "dataWindow": DISPLAY}
    parts = [OpenEXR.Part(dict(header), {"A": flat(value)}, name) for name, value in (("car", 0.25), ("wires", 0.5))]
    OpenEXR.File(parts).write(str(tmp_path / "m.exr"))
    for asked in ("wires", "wires.A"):
        assert (read(tmp_path / "m.exr", like, asked) == 0.5).all()


def test_an_unknown_channel_is_answered_with_what_there_is(tmp_path: Path, like: Plate) -> None:
    path = make(tmp_path / "m.exr", {"A": flat(1), "roto.A": flat(1)})
    with pytest.raises(MatteError, match=r"no channel 'mask'.*m\.exr.*It has A, roto\.A\.") as caught:
        read(path, like, "mask")
    assert caught.value.frame == 1


def test_a_missing_or_damaged_matte_says_so(tmp_path: Path, like: Plate) -> None:
    with pytest.raises(MatteError, match="not there"):
        read(tmp_path / "none.exr", like)
    (tmp_path / "m.exr").write_bytes(b"no image")
    with pytest.raises(MatteError, match="cannot be read"):
        read(tmp_path / "m.exr", like)


# --- the place -----------------------------------------------------------------------------------------------------


def test_a_cropped_matte_lands_on_its_own_coordinates(tmp_path: Path, like: Plate) -> None:
    small = np.linspace(0.1, 1, 6 * 8, dtype=np.float32).reshape(6, 8)
    path = make(tmp_path / "m.exr", {"A": small}, dataWindow=window(5, 7, width=8, height=6))
    placed = read(path, like)
    np.testing.assert_array_equal(placed[7:13, 5:13], small)
    placed[7:13, 5:13] = 0
    assert not placed.any()


def test_a_matte_reaching_over_the_edges_is_cut_there(tmp_path: Path, like: Plate) -> None:
    large = np.random.default_rng(0).random((40, 50), dtype=np.float32)
    path = make(tmp_path / "m.exr", {"A": large}, dataWindow=window(-10, -4, width=50, height=40))
    np.testing.assert_array_equal(read(path, like), large[4:28, 10:42])


def test_a_matte_wholly_outside_hides_nothing(tmp_path: Path, like: Plate) -> None:
    path = make(tmp_path / "m.exr", {"A": np.ones((4, 4), np.float32)}, dataWindow=window(100, -50, width=4, height=4))
    assert not read(path, like).any()


def test_the_plates_own_overscan_is_covered(tmp_path: Path) -> None:
    wide = {name: np.ones((30, 40), np.float16) for name in "RGB"}
    like = exr.read(make(tmp_path / "p.exr", wide, dataWindow=window(-4, -3, width=40, height=30)), frame=1)
    placed = read(make(tmp_path / "m.exr", {"A": flat(1)}), like)
    assert placed.shape == (30, 40)
    assert placed[3:27, 4:36].all()
    assert placed.sum() == SHAPE[0] * SHAPE[1]


def test_a_matte_of_another_size_is_refused_with_both_sizes(tmp_path: Path, like: Plate) -> None:
    path = make(tmp_path / "m.exr", {"A": flat(1)}, displayWindow=window(0, 0, width=64, height=48))
    with pytest.raises(MatteError, match=r"64 x 48.*32 x 24"):
        read(path, like)


def test_values_are_clipped_and_what_is_in_doubt_is_hidden(tmp_path: Path, like: Plate) -> None:
    values = flat(0.5)
    values[0, :5] = [-1, 2, np.nan, np.inf, -np.inf]
    placed = read(make(tmp_path / "m.exr", {"A": values}), like)
    np.testing.assert_array_equal(placed[0, :6], [0, 1, 1, 1, 0, 0.5])
    ids = np.array(np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE), np.uint32)
    np.testing.assert_array_equal(read(make(tmp_path / "id.exr", {"A": ids}), like), np.minimum(ids, 1))


# --- the composite -------------------------------------------------------------------------------------------------


def test_a_soft_matte_blends_in_linear_light() -> None:
    plate, fill = np.full((1, 1, 3), 4.0, np.float32), np.full((1, 1, 3), -1.0, np.float32)
    matte.composite_over(fill, plate, matte=np.full((1, 1), 0.25, np.float32))
    np.testing.assert_array_equal(plate, np.full((1, 1, 3), 4.0 * 0.75 - 1.0 * 0.25))


def test_where_the_matte_is_nought_the_plates_bits_stay_and_where_it_is_one_the_fills() -> None:
    bits = np.random.default_rng(0).integers(0, 1 << 32, (2, 16, 16, 3), dtype=np.uint32)
    plate, fill = bits.view(np.float32)
    half = np.zeros((16, 16), np.float32)
    half[:, 8:] = 1
    result = plate.copy()
    matte.composite_over(fill, result, matte=half)
    assert result[:, :8].tobytes() == plate[:, :8].tobytes()
    assert result[:, 8:].tobytes() == fill[:, 8:].tobytes()


def test_nothing_broken_under_the_matte_spreads() -> None:
    plate, fill = np.ones((1, 4, 3), np.float32), np.zeros((1, 4, 3), np.float32)
    plate[0, 0], plate[0, 1], fill[0, 3] = np.nan, np.inf, np.nan
    matte.composite_over(fill, plate, matte=np.array([[1, 1, 0.5, 0]], np.float32))
    np.testing.assert_array_equal(plate[0, :, 0], [0, 0, 0.5, 1])
    np.testing.assert_array_equal(fill[0, :, 0], [0, 0, 0, np.nan])  # the fill itself is left alone


# --- the box -------------------------------------------------------------------------------------------------------


def test_the_box_holds_all_that_is_hidden_with_its_margin() -> None:
    hidden = np.zeros((20, 30), bool)
    hidden[5, 7] = hidden[9, 12] = True
    assert box_around(hidden, margin=0) == (5, 10, 7, 13)
    assert box_around(hidden, margin=3) == (2, 13, 4, 16)
    assert box_around(hidden, margin=100) == (0, 20, 0, 30)


def test_nothing_hidden_has_no_box() -> None:
    assert box_around(np.zeros((20, 30), bool), margin=5) is None
