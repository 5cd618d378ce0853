"""The shelf: each frame read once while there is room, and found again however little there is."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from aan_engine import shelf as room
from aan_engine.plate import Plate
from aan_engine.roles import Masks, Roles
from aan_engine.shelf import Shelf
from aan_engine.shot import Shot
from tests.engine.shots import box_matte, pan, shot_of


class Reading(Roles):
    """Roles that note which frames were read from disk."""

    def __init__(self, shot: Shot) -> None:
        super().__init__(shot)
        self.read: list[int] = []

    def target(self, index: int, known: Plate | None = None) -> tuple[Plate, Masks]:
        if known is None:
            self.read.append(index)
        return super().target(index, known)


@pytest.fixture
def roles(tmp_path: Path) -> Reading:
    return Reading(shot_of(tmp_path, pan(4), box_matte(4)))


def test_a_frame_is_read_once_whatever_it_is_taken_for(roles: Reading) -> None:
    shelf = Shelf(roles)
    plate, masks = shelf.target(1)
    source = shelf.source(1)
    assert shelf.look(1)[0] is plate
    assert source.picture is plate
    np.testing.assert_array_equal(source.blocked, masks.blocked)
    assert roles.read == [1]


def test_a_shelf_with_room_for_one_frame_still_hands_out_every_frame(
    roles: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ROOM", 1)
    shelf = Shelf(roles)
    for index in (0, 1, 0, 3):
        assert shelf.source(index).picture is shelf.target(index)[0]
    assert roles.read == [0, 1, 0, 3]


def test_a_frame_that_another_thread_pushes_off_at_once_is_still_handed_out(
    roles: Reading, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "ROOM", 1)
    shelf = Shelf(roles)
    keep = shelf._keep

    def crowded(key: tuple[int, bool], kept: room._Kept) -> None:
        keep(key, kept)
        keep((3, False), kept)

    monkeypatch.setattr(shelf, "_keep", crowded)
    assert shelf.source(0).picture.shape == shelf.target(1)[0].shape
