"""The shelf: each frame read once while there is room, cut down while there is little, and always found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import grown, joined
from aan_engine.plates import plate_cache as room
from aan_engine.plates.plate import Plate
from aan_engine.plates.plate_cache import PlateCache
from aan_engine.plates.plate_crop import crop_plate
from aan_engine.plates.shot_frames import FrameMasks, PackedMasks, ShotFrames
from aan_engine.shot import Shot
from tests.engine.shots import box_matte, pan, shot_of


class Reading(ShotFrames):
    """Roles that note which frames were read from disk."""

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        self.read: list[int] = []

    def plate(self, index: int, *, painted_over: bool = False) -> Plate:
        self.read.append(index)
        return super().plate(index, painted_over=painted_over)


@pytest.fixture
def shot_frames(tmp_path: Path) -> Reading:
    return Reading(shot_of(tmp_path, pan(4), box_matte(4)))


def test_a_frame_is_read_once_whatever_it_is_taken_for(shot_frames: Reading) -> None:
    plate_cache = PlateCache(shot_frames)
    plate, masks = plate_cache.target(1)
    source = plate_cache.source(1)
    assert plate_cache.as_source(1)[0] is plate
    np.testing.assert_array_equal(source.picture.region(3, 40, 5, 60), plate.region(3, 40, 5, 60))
    np.testing.assert_array_equal(source.blocked, masks.blocked)
    assert shot_frames.read == [1]


def test_a_shelf_with_room_for_one_frame_still_hands_out_every_frame(
    shot_frames: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ROOM", 1)
    plate_cache = PlateCache(shot_frames)
    for index in (0, 1, 0, 3):
        picture = plate_cache.source(index).picture
        np.testing.assert_array_equal(picture.region(0, 72, 0, 120), plate_cache.target(index)[0].pixels)
    assert shot_frames.read == [0, 1, 0, 3]


def test_a_frame_without_room_leaves_its_hole_s_surroundings_and_what_was_asked_for(
    shot_frames: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ROOM", 100_000)
    plate_cache = PlateCache(shot_frames)
    whole = {index: plate_cache.target(index)[0].pixels for index in (0, 1)}
    first = plate_cache.source(0).picture
    np.testing.assert_array_equal(first.region(14, 58, 40, 80), whole[0][14:58, 40:80])
    assert shot_frames.read == [0, 1]
    np.testing.assert_array_equal(first.region(0, 10, 0, 10), whole[0][:10, :10])
    assert shot_frames.read == [0, 1, 0]
    plate_cache.target(1)
    np.testing.assert_array_equal(first.region(0, 10, 0, 10), whole[0][:10, :10])
    np.testing.assert_array_equal(first.region(0, 58, 0, 80), whole[0][:58, :80])
    assert shot_frames.read == [0, 1, 0, 1]


def test_a_cutting_is_its_window_of_the_plate_to_the_bit(shot_frames: Reading) -> None:
    plate, _ = shot_frames.target(0)
    piece = crop_plate(plate, (10, 60, 20, 100))
    assert piece.holds((10, 60, 20, 100))
    assert not piece.holds((9, 60, 20, 100))
    assert piece.region(12, 50, 30, 90).tobytes() == plate.region(12, 50, 30, 90).tobytes()
    assert piece.log_region(12, 50, 30, 90).tobytes() == to_log(plate.region(12, 50, 30, 90)).tobytes()
    assert piece.nbytes == 50 * 80 * 3 * 2
    assert grown((10, 20, 10, 30), by=1.0, shape=(25, 90)) == (0, 25, 0, 50)
    assert joined(None, (1, 2, 3, 4)) == (1, 2, 3, 4)


def test_a_frame_that_another_thread_pushes_off_at_once_is_still_handed_out(
    shot_frames: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ROOM", 1)
    plate_cache = PlateCache(shot_frames)
    tidy = plate_cache._tidy

    def crowded() -> None:
        tidy()
        plate_cache._kept.clear()

    monkeypatch.setattr(plate_cache, "_tidy", crowded)
    assert plate_cache.source(0).picture.shape == plate_cache.target(1)[0].shape
    assert plate_cache.source(0).picture.region(0, 72, 0, 120).tobytes() == plate_cache.target(0)[0].pixels.tobytes()


@pytest.mark.parametrize("hidden", [(), (3, 9, 5, 20)])
@pytest.mark.parametrize("unusable", [False, True])
def test_masks_come_out_of_the_fold_as_they_went_in(hidden: tuple[int, ...], unusable: bool) -> None:
    masks = FrameMasks(np.zeros((24, 37), np.float32), np.zeros((24, 37), np.bool_))
    if hidden:
        top, bottom, left, right = hidden
        masks.weight[top:bottom, left:right] = np.random.default_rng(0).uniform(0, 1, (bottom - top, right - left))
    masks.unusable[7, 11:15] = unusable
    folded = PackedMasks.of(masks)
    np.testing.assert_array_equal(folded.masks().weight, masks.weight)
    np.testing.assert_array_equal(folded.masks().unusable, masks.unusable)
    np.testing.assert_array_equal(folded.blocked, masks.blocked)
    assert folded.nbytes < masks.weight.nbytes
