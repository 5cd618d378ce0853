"""Turned and mirrored pictures: read as they are shown, by the EXIF tag of a still as by the matrix of a movie."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aan_engine.core.box import Box
from aan_engine.errors import PlateUnsupported
from aan_engine.plates import matte, orientation, reader
from aan_engine.plates.orientation import UPRIGHT, Orientation
from tests.engine.pictures import ramp, still
from tests.engine.turned import DPX, EXIF, MATRICES, ONE, SHOWN, WORDS, dpx_scanned, matrix


@pytest.mark.parametrize("number", EXIF)
def test_each_of_the_eight_orientations_turns_pixels_as_exif_defines_it(number: int) -> None:
    stored = np.arange(12, dtype=np.float32).reshape(3, 4)
    turn = orientation.of_exif(number)
    assert turn.turn(stored).tolist() == SHOWN[number](stored).tolist()
    assert turn.turn(stored).flags.c_contiguous
    assert turn.text == WORDS.get(number, "")
    assert orientation.of_matrix(matrix(*MATRICES[number])) == turn


@pytest.mark.parametrize("number", EXIF)
def test_a_window_is_turned_with_the_pixels_in_it(number: int) -> None:
    turn, display = orientation.of_exif(number), Box(top=5, bottom=12, left=-3, right=8)
    for data in (Box(top=6, bottom=9, left=0, right=2), Box(top=2, bottom=14, left=-4, right=9), display):
        stored = np.zeros((40, 40), np.float32)
        stored[data.relative_to(display).shifted(14, 14).slices] = 1
        # On a canvas with 14 pixels of space around the display window.
        canvas = turn.turn(stored[: display.shape[0] + 28, : display.shape[1] + 28])
        found = Box.around_mask(canvas > 0)
        assert found is not None
        assert turn.turn_window(data, display=display) == found.shifted(display.top - 14, display.left - 14)


def test_a_quarter_turn_turns_the_shape_of_a_pixel() -> None:
    assert [orientation.of_exif(n).turn_aspect(2.0) for n in EXIF] == [2, 2, 2, 2, 0.5, 0.5, 0.5, 0.5]


def test_numbers_that_are_no_orientation_say_nothing() -> None:
    assert {orientation.of_exif(n) for n in (-1, 0, 9, 65535)} == {UPRIGHT}


def test_of_a_matrix_the_turn_counts_not_its_scale_and_what_is_no_quarter_is_not_guessed() -> None:
    assert orientation.of_matrix((0, 3 * ONE, 0, -2 * ONE, 5, 0, 7 * ONE, 0, 1 << 30)) == Orientation(True, False, True)
    assert orientation.of_matrix((0,) * 9) == UPRIGHT
    half = round(ONE * 0.5**0.5)
    turned = (half, half, 0, -half, half, 0, 0, 0, 1 << 30)
    assert orientation.of_matrix(turned) is None
    assert orientation.angle_of(turned) == 45


@pytest.mark.parametrize("number", EXIF)
@pytest.mark.parametrize("ending", ["png", "tif", "jpg"])
def test_a_still_is_read_as_it_is_shown(tmp_path: Path, ending: str, number: int) -> None:
    plain = reader.read(still(tmp_path / f"plain.{ending}", ramp()), frame=1).pixels
    turned = still(tmp_path / f"turned.{ending}", ramp(), Orientation=number, PixelAspectRatio=2.0)
    plate = reader.read(turned, frame=1)
    shown = [SHOWN[number](plain[..., column]) for column in range(3)]
    np.testing.assert_array_equal(plate.pixels, np.stack(shown, -1))
    description = reader.describe(turned)
    assert description.parts[0].display_window.shape == plate.shape == shown[0].shape
    assert description.notes == ((WORDS[number],) if number > 1 else ())
    assert description.format_note.endswith(WORDS.get(number, "(sRGB)"))


@pytest.mark.parametrize("number", EXIF)
def test_a_tiff_that_its_library_has_flipped_already_is_not_flipped_again(tmp_path: Path, number: int) -> None:
    """JPEG in TIFF is Y'CbCr: libtiff converts it, and then flips but does not turn it."""
    pixels = np.zeros((24, 32, 3), np.uint8)
    pixels[:8, :16] = 250
    turned = still(tmp_path / "turned.tif", pixels, Orientation=number, compression="jpeg")
    green = reader.read(turned, frame=1).pixels[..., 1] > 0.5
    np.testing.assert_array_equal(green, SHOWN[number](pixels[..., 1] > 99))


def test_a_matte_is_turned_as_its_plate_is(tmp_path: Path) -> None:
    plate = reader.read(still(tmp_path / "p.jpg", ramp(), Orientation=6), frame=1)
    roto = np.zeros((24, 32, 1), np.uint8)
    roto[:4, :8] = 255
    found = matte.read(still(tmp_path / "m.png", roto, Orientation=6), frame=1, channel=None, like=plate)
    np.testing.assert_array_equal(found, np.rot90(roto[..., 0], -1) / 255)


def test_a_still_with_a_data_window_of_its_own_keeps_its_place(tmp_path: Path) -> None:
    windows = {"x": 3, "y": 2, "full_width": 40, "full_height": 30}
    plate = reader.read(still(tmp_path / "p.tif", ramp(), Orientation=6, **windows), frame=1)
    assert plate.display_window == Box(top=0, bottom=40, left=0, right=30)
    assert plate.data_window == Box(top=3, bottom=35, left=4, right=28)


@pytest.mark.parametrize("code", [*DPX, 0xFFFF])
def test_a_dpx_scanned_backwards_or_upwards_is_read_as_it_is_shown(tmp_path: Path, code: int) -> None:
    path = still(tmp_path / "p.dpx", ramp())
    plain = reader.read(path, frame=1).pixels
    assert reader.read(dpx_scanned(path, code), frame=1).pixels.tolist() == SHOWN[DPX.get(code, 1)](plain).tolist()


def test_a_dpx_whose_lines_run_down_the_picture_is_refused(tmp_path: Path) -> None:
    path = dpx_scanned(still(tmp_path / "p.dpx", ramp()), 5)
    for read in (reader.describe, lambda file: reader.read(file, frame=1)):
        with pytest.raises(PlateUnsupported, match="run down the picture"):
            read(path)
