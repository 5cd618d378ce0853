"""The shelf: each frame read once while there is room, cut down while there is little, and always found again."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aan_engine.colour.log_encoding import encode
from aan_engine.core.box import grown, joined
from aan_engine.plates import plate_cache as room
from aan_engine.plates.plate import Plate
from aan_engine.plates.plate_cache import Shelf
from aan_engine.plates.plate_crop import cut
from aan_engine.plates.shot_frames import Folded, Masks, Roles
from aan_engine.shot import Shot
from tests.engine.shots import box_matte, pan, shot_of


class Reading(Roles):
    """Roles that note which frames were read from disk."""

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        self.read: list[int] = []

    def plate(self, index: int, *, touched_up: bool = False) -> Plate:
        self.read.append(index)
        return super().plate(index, touched_up=touched_up)


@pytest.fixture
def roles(tmp_path: Path) -> Reading:
    return Reading(shot_of(tmp_path, pan(4), box_matte(4)))


def test_a_frame_is_read_once_whatever_it_is_taken_for(roles: Reading) -> None:
    shelf = Shelf(roles)
    plate, masks = shelf.target(1)
    source = shelf.source(1)
    assert shelf.look(1)[0] is plate
    np.testing.assert_array_equal(source.picture.region(3, 40, 5, 60), plate.region(3, 40, 5, 60))
    np.testing.assert_array_equal(source.blocked, masks.blocked)
    assert roles.read == [1]


def test_a_shelf_with_room_for_one_frame_still_hands_out_every_frame(
    roles: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ROOM", 1)
    shelf = Shelf(roles)
    for index in (0, 1, 0, 3):
        picture = shelf.source(index).picture
        np.testing.assert_array_equal(picture.region(0, 72, 0, 120), shelf.target(index)[0].pixels)
    assert roles.read == [0, 1, 0, 3]


def test_a_frame_without_room_leaves_its_hole_s_surroundings_and_what_was_asked_for(
    roles: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ROOM", 100_000)
    shelf = Shelf(roles)
    whole = {index: shelf.target(index)[0].pixels for index in (0, 1)}
    first = shelf.source(0).picture
    np.testing.assert_array_equal(first.region(14, 58, 40, 80), whole[0][14:58, 40:80])
    assert roles.read == [0, 1]
    np.testing.assert_array_equal(first.region(0, 10, 0, 10), whole[0][:10, :10])
    assert roles.read == [0, 1, 0]
    shelf.target(1)
    np.testing.assert_array_equal(first.region(0, 10, 0, 10), whole[0][:10, :10])
    np.testing.assert_array_equal(first.region(0, 58, 0, 80), whole[0][:58, :80])
    assert roles.read == [0, 1, 0, 1]


def test_a_cutting_is_its_window_of_the_plate_to_the_bit(roles: Reading) -> None:
    plate, _ = roles.target(0)
    piece = cut(plate, (10, 60, 20, 100))
    assert piece.holds((10, 60, 20, 100))
    assert not piece.holds((9, 60, 20, 100))
    assert piece.region(12, 50, 30, 90).tobytes() == plate.region(12, 50, 30, 90).tobytes()
    assert piece.logs(12, 50, 30, 90).tobytes() == encode(plate.region(12, 50, 30, 90)).tobytes()
    assert piece.nbytes == 50 * 80 * 3 * 2
    assert grown((10, 20, 10, 30), by=1.0, shape=(25, 90)) == (0, 25, 0, 50)
    assert joined(None, (1, 2, 3, 4)) == (1, 2, 3, 4)


def test_a_frame_that_another_thread_pushes_off_at_once_is_still_handed_out(
    roles: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ROOM", 1)
    shelf = Shelf(roles)
    tidy = shelf._tidy

    def crowded() -> None:
        tidy()
        shelf._kept.clear()

    monkeypatch.setattr(shelf, "_tidy", crowded)
    assert shelf.source(0).picture.shape == shelf.target(1)[0].shape
    assert shelf.source(0).picture.region(0, 72, 0, 120).tobytes() == shelf.target(0)[0].pixels.tobytes()


@pytest.mark.parametrize("hidden", [(), (3, 9, 5, 20)])
@pytest.mark.parametrize("barred", [False, True])
def test_masks_come_out_of_the_fold_as_they_went_in(hidden: tuple[int, ...], barred: bool) -> None:
    masks = Masks(np.zeros((24, 37), np.float32), np.zeros((24, 37), np.bool_))
    if hidden:
        top, bottom, left, right = hidden
        masks.roto[top:bottom, left:right] = np.random.default_rng(0).uniform(0, 1, (bottom - top, right - left))
    masks.barred[7, 11:15] = barred
    folded = Folded.of(masks)
    np.testing.assert_array_equal(folded.masks().roto, masks.roto)
    np.testing.assert_array_equal(folded.masks().barred, masks.barred)
    np.testing.assert_array_equal(folded.blocked, masks.blocked)
    assert folded.nbytes < masks.roto.nbytes
