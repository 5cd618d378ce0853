"""The tile cache: what a target gets of a plate is the plate, blurred, whatever was asked for before."""

from __future__ import annotations

from dataclasses import dataclass, field

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import Box
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering.tile_cache import TILE, TileCache
from tests.engine.shots import Array
from tests.engine.source_plates import Picture, source_of

SIZE = (2 * TILE + 37, 2 * TILE + 91)
SIGMA = 2.8


@dataclass(frozen=True, eq=False)
class Counted(Picture):
    """A picture that notes which parts of it were fetched."""

    fetched: list[Box] = field(default_factory=list)

    def log_region(self, box: Box) -> Array:
        self.fetched.append(box)
        return super().log_region(box)


@pytest.fixture(scope="module")
def light() -> Array:
    rng = np.random.default_rng(0)
    return rng.uniform(0, 2, (*SIZE, 3)).astype(np.float32)


def blocked_box() -> NDArray[np.bool_]:
    blocked = np.zeros(SIZE, bool)
    blocked[200:300, 210:330] = True
    return blocked


def box(left: int, top: int, right: int, bottom: int) -> Box:
    return Box(top=top, bottom=bottom, left=left, right=right)


def grid(window: Box, *, off: float = 0.0) -> Array:
    y, x = np.mgrid[window.top + 2 : window.bottom - 2 : 7, window.left + 2 : window.right - 2 : 7]
    return (np.stack([x, y], -1).reshape(-1, 2) + off).astype(np.float32)


def test_it_is_the_plate_blurred_and_no_tile_shows(light: Array) -> None:
    window = box(100, 90, 500, 480)
    view = TileCache().at(3, source_of(light), window, sigma=SIGMA)
    whole = cv2.GaussianBlur(to_log(light[..., 1]), (0, 0), SIGMA)
    points = grid(window)
    np.testing.assert_allclose(view.grey(points), whole[points[:, 1].astype(int), points[:, 0].astype(int)], atol=2e-6)
    assert view.usable(points).all()


def test_what_was_asked_for_before_changes_nothing(light: Array) -> None:
    source, window = source_of(light, blocked_box()), box(230, 120, 420, 333)
    used = TileCache()
    for earlier in (box(0, 0, 90, 90), box(150, 60, 600, 540), box(260, 300, 300, 420)):
        used.at(3, source, earlier, sigma=SIGMA)
    points = grid(window, off=0.3)
    one, other = (cache.at(3, source, window, sigma=SIGMA) for cache in (used, TileCache()))
    assert one.grey(points).tobytes() == other.grey(points).tobytes()
    assert one.usable(points).tobytes() == other.usable(points).tobytes()


def test_blocked_pixels_are_unusable_and_do_not_bleed(light: Array) -> None:
    blocked, window = blocked_box(), box(180, 180, 360, 340)
    stained = np.where(blocked[..., None], np.float32(50), light)
    points = grid(window)
    clean, dirty = (TileCache().at(0, source_of(v, blocked), window, sigma=SIGMA) for v in (light, stained))
    assert clean.grey(points).tobytes() == dirty.grey(points).tobytes()
    inside = blocked[points[:, 1].astype(int), points[:, 0].astype(int)]
    assert inside.any()
    assert not clean.usable(points[inside]).any()
    beside = np.array([[206, 250], [209, 250], [330.5, 250], [332, 250]], np.float32)
    assert clean.usable(beside).tolist() == [True, False, False, True]


def test_nothing_beyond_the_plate_is_usable(light: Array) -> None:
    view = TileCache().at(0, source_of(light), Box.whole(SIZE), sigma=SIGMA)
    corners = np.array([[0, 0], [-1, 0], [SIZE[1] - 1, SIZE[0] - 1], [SIZE[1], 0]], np.float32)
    assert view.usable(corners).tolist() == [True, False, True, False]


def test_a_tile_is_read_once_while_there_is_memory(light: Array) -> None:
    picture = Counted(light, np.zeros(SIZE, bool))
    source, window = SourcePlate(picture, picture), box(10, 10, TILE + 50, 200)
    cache = TileCache()
    for _ in range(3):
        cache.at(7, source, window, sigma=SIGMA)
    assert len(picture.fetched) == 2
    cache.at(8, source, window, sigma=SIGMA)
    assert len(picture.fetched) == 4


def test_without_memory_it_is_read_again_and_comes_out_the_same(light: Array) -> None:
    picture = Counted(light, np.zeros(SIZE, bool))
    source, window = SourcePlate(picture, picture), box(10, 10, 2 * TILE + 50, 200)
    small, points = TileCache(max_bytes=1), grid(window)
    first = small.at(7, source, window, sigma=SIGMA).grey(points)
    again = small.at(7, source, window, sigma=SIGMA).grey(points)
    assert len(picture.fetched) == 6
    assert first.tobytes() == again.tobytes()
