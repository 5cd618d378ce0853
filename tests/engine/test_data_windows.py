"""Plates whose data window changes from frame to frame, as renderers and autocrop write: one canvas for the shot."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from aan_engine import pipeline
from aan_engine.core.box import Box
from aan_engine.errors import ShotError
from aan_engine.plates import exr
from aan_engine.plates.plate_crop import crop_plate
from aan_engine.plates.shot_frames import ShotFrames
from aan_engine.shot import Controls, FrameFile, Shot
from tests.engine import pictures
from tests.engine.shots import SIZE, Array, box_matte, pan, shot_of

FRAMES = 4
DISPLAY = (0, 0, SIZE[1] - 1, SIZE[0] - 1)


def rewrite(path: Path, window: tuple[int, int, int, int], *, display: tuple[int, int, int, int] = DISPLAY) -> None:
    """The file's pixels of this data window (x0, y0, x1, y1) only; black where it had none."""
    pixels = exr.read(path, frame=1).pixels
    x0, y0, x1, y1 = window
    kept = np.zeros((y1 - y0 + 1, x1 - x0 + 1, 3), np.float16)
    own = Box.from_exr(window)
    both = own.intersection(Box.whole(SIZE))
    kept[both.relative_to(own).slices] = pixels[both.slices]
    header = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "dataWindow": (np.array([x0, y0], np.int32), np.array([x1, y1], np.int32)),
        "displayWindow": (np.array(display[:2], np.int32), np.array(display[2:], np.int32)),
    }
    OpenEXR.File(header, {"RGB": kept}).write(str(path))


def window_of(number: int) -> tuple[int, int, int, int]:
    return (3 * number, number, SIZE[1] - 1 - 2 * number, SIZE[0] - 1)


@pytest.fixture
def cropped(tmp_path: Path) -> tuple[Shot, list[Array]]:
    """A pan of which every frame has a data window of its own, all of which hold the hole."""
    plates = pan(FRAMES, speed=9)
    shot = shot_of(tmp_path, plates, box_matte(FRAMES), aovs=("source",))
    for number, file in enumerate(shot.plates):
        rewrite(file.path, window_of(number))
    return shot, plates


def test_every_frame_is_seen_over_the_box_that_holds_all_and_is_black_outside_its_own(
    cropped: tuple[Shot, list[Array]],
) -> None:
    shot, plates = cropped
    frames = ShotFrames(shot)
    for number in range(FRAMES):
        plate = frames.plate(number)
        assert plate.window == Box.from_exr(window_of(0))
        own = Box.from_exr(window_of(number))
        seen, hidden = plate.pixels, box_matte(1)[0] > 0
        truth = np.where(hidden[..., None], 7, plates[number])
        assert np.array_equal(seen[own.slices], truth[own.slices])
        seen[own.slices] = 0
        assert not seen.any()


def test_what_a_frame_lacks_is_neither_filled_nor_a_source(cropped: tuple[Shot, list[Array]]) -> None:
    shot, _ = cropped
    grown = replace(shot, controls=Controls(grow=100))
    _, masks = ShotFrames(grown).target(FRAMES - 1)
    own = np.zeros(SIZE, np.bool_)
    own[Box.from_exr(window_of(FRAMES - 1)).slices] = True
    assert (masks.unusable == ~own).all()
    assert (masks.hidden == own).all()


def test_the_result_keeps_its_frame_s_window_and_the_hole_its_truth(
    cropped: tuple[Shot, list[Array]], tmp_path: Path
) -> None:
    shot, plates = cropped
    hidden = box_matte(1)[0] > 0
    for number, filled in enumerate(pipeline.fill(shot)):
        path = tmp_path / f"out.{filled.frame}.exr"
        assert filled.write(path) == 0
        written = exr.read(path, frame=filled.frame)
        assert written.data_window.as_exr() == window_of(number)
        assert written.display_window.as_exr() == DISPLAY
        own = Box.from_exr(window_of(number)).slices
        error = np.abs(written.pixels - plates[number][own])[hidden[own]]
        assert error.mean() < 0.03


def test_a_patch_of_a_cropped_frame_lies_where_the_hole_is(cropped: tuple[Shot, list[Array]], tmp_path: Path) -> None:
    shot, _ = cropped
    wanted = replace(shot, first=1004, controls=Controls(write="patch"))
    (filled,) = pipeline.fill(wanted)
    filled.write(tmp_path / "patch.exr")
    hole = Box.around_mask(box_matte(1)[0] > 0)
    assert exr.read(tmp_path / "patch.exr", frame=1).data_window == hole


def test_overscan_that_changes_is_kept(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(2), box_matte(2))
    rewrite(shot.plates[1].path, (-8, -4, SIZE[1] + 3, SIZE[0] - 1))
    for filled, left in zip(pipeline.fill(shot), (0, -8), strict=True):
        filled.write(tmp_path / "out.exr")
        assert exr.read(tmp_path / "out.exr", frame=1).data_window.left == left


def test_a_crop_for_the_cache_has_the_canvas_s_pixels(cropped: tuple[Shot, list[Array]]) -> None:
    plate = ShotFrames(cropped[0]).plate(FRAMES - 1)
    box = Box(top=0, bottom=20, left=2, right=30)
    crop = crop_plate(plate, box)
    assert np.array_equal(crop.region(box), plate.region(box))
    assert np.array_equal(crop.log_region(box), plate.log_region(box))


def test_another_display_window_is_refused_by_name(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(2), box_matte(2))
    rewrite(shot.plates[1].path, DISPLAY, display=(0, 0, 99, 49))
    with pytest.raises(ShotError, match="the display window is 100 x 50 at 0, 0, on the first frame 120 x 72") as error:
        list(pipeline.fill(shot))
    assert (error.value.frame, error.value.file) == (1002, shot.plates[1].path)


def test_windows_that_no_memory_holds_are_refused_before_it_is_asked_for(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(2), box_matte(2))
    rewrite(shot.plates[1].path, (90_000, 90_000, 90_009, 90_009))
    with pytest.raises(ShotError, match="lie too far apart: with this one they take 90010 x 90010") as error:
        list(pipeline.fill(shot))
    assert error.value.frame == 1002


def test_of_other_formats_a_window_beyond_the_first_is_refused(tmp_path: Path) -> None:
    pixels = pictures.ramp()
    display = {"full_width": 64, "full_height": 48}
    first = pictures.still(tmp_path / "p.1.tif", pixels, x=0, y=0, **display)
    second = pictures.still(tmp_path / "p.2.tif", pixels, x=9, y=0, **display)
    shot = Shot((FrameFile(1, first), FrameFile(2, second)), (FrameFile(1, first),))
    frames = ShotFrames(shot)
    frames.plate(0)
    with pytest.raises(ShotError, match="the data window is 32 x 24 at 9, 0, on the first frame 32 x 24 at 0, 0"):
        frames.plate(1)
