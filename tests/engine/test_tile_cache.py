"""Looks: what a target sees of a plate is the plate, softened, whatever was looked at before."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import to_log
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering.tile_cache import TILE, TileCache, Window
from tests.engine.shots import Array
from tests.engine.source_plates import Picture, source_of

SIZE = (2 * TILE + 37, 2 * TILE + 91)
SIGMA = 2.8


@dataclass(frozen=True, eq=False)
class Counted(Picture):
    """A picture that notes which parts of it were fetched."""

    fetched: list[Window] = field(default_factory=list)

    def log_region(self, top: int, bottom: int, left: int, right: int) -> Array:
        self.fetched.append((left, top, right, bottom))
        return super().log_region(top, bottom, left, right)


@pytest.fixture(scope="module")
def light() -> Array:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 2, (*SIZE, 3)).astype(np.float32)


def blocked_box() -> NDArray[np.bool_]:
    blocked = np.zeros(SIZE, bool)
    blocked[200:300, 210:330] = True
    return blocked


def grid(window: Window, *, off: float = 0.0) -> Array:
    x0, y0, x1, y1 = window
    y, x = np.mgrid[y0 + 2 : y1 - 2 : 7, x0 + 2 : x1 - 2 : 7]
    return (np.stack([x, y], -1).reshape(-1, 2) + off).astype(np.float32)


def test_it_is_the_plate_softened_and_no_tile_shows(light: Array) -> None:
    window = (100, 90, 500, 480)
    crop = TileCache().at(3, source_of(light), window, sigma=SIGMA)
    whole = cv2.GaussianBlur(to_log(light[..., 1]), (0, 0), SIGMA)
    places = grid(window)
    np.testing.assert_allclose(crop.grey(places), whole[places[:, 1].astype(int), places[:, 0].astype(int)], atol=2e-6)
    assert crop.usable(places).all()


def test_what_was_looked_at_before_changes_nothing(light: Array) -> None:
    source, window = source_of(light, blocked_box()), (230, 120, 420, 333)
    used = TileCache()
    for earlier in ((0, 0, 90, 90), (150, 60, 600, 540), (260, 300, 300, 420)):
        used.at(3, source, earlier, sigma=SIGMA)
    places = grid(window, off=0.3)
    one, other = (looks.at(3, source, window, sigma=SIGMA) for looks in (used, TileCache()))
    assert one.grey(places).tobytes() == other.grey(places).tobytes()
    assert one.usable(places).tobytes() == other.usable(places).tobytes()


def test_what_is_blocked_is_shut_and_does_not_bleed(light: Array) -> None:
    blocked, window = blocked_box(), (180, 180, 360, 340)
    stained = np.where(blocked[..., None], np.float32(50), light)
    places = grid(window)
    clean, dirty = (TileCache().at(0, source_of(v, blocked), window, sigma=SIGMA) for v in (light, stained))
    assert clean.grey(places).tobytes() == dirty.grey(places).tobytes()
    inside = blocked[places[:, 1].astype(int), places[:, 0].astype(int)]
    assert inside.any()
    assert not clean.usable(places[inside]).any()
    beside = np.array([[206, 250], [209, 250], [330.5, 250], [332, 250]], np.float32)
    assert clean.usable(beside).tolist() == [True, False, False, True]


def test_beyond_the_plate_nothing_may_be_looked_at(light: Array) -> None:
    crop = TileCache().at(0, source_of(light), (0, 0, SIZE[1], SIZE[0]), sigma=SIGMA)
    corners = np.array([[0, 0], [-1, 0], [SIZE[1] - 1, SIZE[0] - 1], [SIZE[1], 0]], np.float32)
    assert crop.usable(corners).tolist() == [True, False, True, False]


def test_a_part_is_fetched_once_while_there_is_room(light: Array) -> None:
    picture = Counted(light, np.zeros(SIZE, bool))
    source, window = SourcePlate(picture, picture), (10, 10, TILE + 50, 200)
    looks = TileCache()
    for _ in range(3):
        looks.at(7, source, window, sigma=SIGMA)
    assert len(picture.fetched) == 2
    looks.at(8, source, window, sigma=SIGMA)
    assert len(picture.fetched) == 4


def test_without_room_it_is_fetched_again_and_looks_the_same(light: Array) -> None:
    picture = Counted(light, np.zeros(SIZE, bool))
    source, window = SourcePlate(picture, picture), (10, 10, 2 * TILE + 50, 200)
    small, places = TileCache(room=1), grid(window)
    first = small.at(7, source, window, sigma=SIGMA).grey(places)
    again = small.at(7, source, window, sigma=SIGMA).grey(places)
    assert len(picture.fetched) == 6
    assert first.tobytes() == again.tobytes()
