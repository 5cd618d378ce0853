"""The plate cache: each frame is read once while there is memory, cropped while there is little, and never lost."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import Box
from aan_engine.plates import plate_cache as cache_module
from aan_engine.plates.plate import Plate
from aan_engine.plates.plate_cache import PlateCache
from aan_engine.plates.plate_crop import crop_plate
from aan_engine.plates.shot_frames import FrameMasks, PackedMasks, ShotFrames
from aan_engine.shot import Shot
from tests.engine.shots import box_matte, pan, shot_of


class Reading(ShotFrames):
    """Shot frames that record which plates were read from disk."""

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
    box = Box(top=3, bottom=40, left=5, right=60)
    np.testing.assert_array_equal(source.picture.region(box), plate.region(box))
    np.testing.assert_array_equal(source.blocked, masks.blocked)
    assert shot_frames.read == [1]


def test_a_cache_with_memory_for_one_frame_still_hands_out_every_frame(
    shot_frames: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "MAX_BYTES", 1)
    plate_cache = PlateCache(shot_frames)
    for index in (0, 1, 0, 3):
        picture = plate_cache.source(index).picture
        np.testing.assert_array_equal(picture.region(Box.whole((72, 120))), plate_cache.target(index)[0].pixels)
    assert shot_frames.read == [0, 1, 0, 3]


def test_a_frame_without_room_leaves_its_hole_s_surroundings_and_what_was_asked_for(
    shot_frames: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "MAX_BYTES", 100_000)
    plate_cache = PlateCache(shot_frames)
    whole = {index: plate_cache.target(index)[0].pixels for index in (0, 1)}
    first = plate_cache.source(0).picture
    np.testing.assert_array_equal(first.region(Box(top=14, bottom=58, left=40, right=80)), whole[0][14:58, 40:80])
    assert shot_frames.read == [0, 1]
    np.testing.assert_array_equal(first.region(Box(top=0, bottom=10, left=0, right=10)), whole[0][:10, :10])
    assert shot_frames.read == [0, 1, 0]
    plate_cache.target(1)
    np.testing.assert_array_equal(first.region(Box(top=0, bottom=10, left=0, right=10)), whole[0][:10, :10])
    np.testing.assert_array_equal(first.region(Box(top=0, bottom=58, left=0, right=80)), whole[0][:58, :80])
    assert shot_frames.read == [0, 1, 0, 1]


def test_a_whole_frame_with_all_its_channels_is_handed_out_and_takes_no_place(shot_frames: Reading) -> None:
    plate_cache = PlateCache(shot_frames)
    assert plate_cache.whole(1).parts[0].channels.keys() == {"R", "G", "B"}
    kept, _ = plate_cache.target(2)
    assert plate_cache.whole(2) is kept
    assert shot_frames.read == [1, 2]
    plate_cache.target(1)
    assert shot_frames.read == [1, 2, 1]


def test_a_crop_is_its_box_of_the_plate_to_the_bit(shot_frames: Reading) -> None:
    plate, _ = shot_frames.target(0)
    crop = crop_plate(plate, Box(top=10, bottom=60, left=20, right=100))
    assert crop.box.contains(Box(top=10, bottom=60, left=20, right=100))
    assert not crop.box.contains(Box(top=9, bottom=60, left=20, right=100))
    box = Box(top=12, bottom=50, left=30, right=90)
    assert crop.region(box).tobytes() == plate.region(box).tobytes()
    assert crop.log_region(box).tobytes() == to_log(plate.region(box)).tobytes()
    assert crop.nbytes == 50 * 80 * 3 * 2


def test_a_frame_that_another_thread_pushes_off_at_once_is_still_handed_out(
    shot_frames: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache_module, "MAX_BYTES", 1)
    plate_cache = PlateCache(shot_frames)
    evict = plate_cache._evict

    def crowded() -> None:
        evict()
        plate_cache._kept.clear()

    monkeypatch.setattr(plate_cache, "_evict", crowded)
    assert plate_cache.source(0).picture.shape == plate_cache.target(1)[0].shape
    assert (
        plate_cache.source(0).picture.region(Box.whole((72, 120))).tobytes()
        == plate_cache.target(0)[0].pixels.tobytes()
    )


@pytest.mark.parametrize("hidden", [(), (3, 9, 5, 20)])
@pytest.mark.parametrize("unusable", [False, True])
def test_masks_are_unpacked_as_they_were_packed(hidden: tuple[int, ...], unusable: bool) -> None:
    masks = FrameMasks(np.zeros((24, 37), np.float32), np.zeros((24, 37), np.bool_))
    if hidden:
        top, bottom, left, right = hidden
        masks.weight[top:bottom, left:right] = np.random.default_rng(0).uniform(0, 1, (bottom - top, right - left))
    masks.unusable[7, 11:15] = unusable
    packed = PackedMasks.of(masks)
    np.testing.assert_array_equal(packed.masks().weight, masks.weight)
    np.testing.assert_array_equal(packed.masks().unusable, masks.unusable)
    np.testing.assert_array_equal(packed.blocked, masks.blocked)
    assert packed.nbytes < masks.weight.nbytes
