"""Scenes: their camera, what moves in them, and their holes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from aan_engine.training import camera_paths
from aan_engine.training.chooser_data import random_holes
from aan_engine.training.scenes import COLUMNS, HEIGHT, ROWS, WIDTH, SceneMaker
from aan_engine.training.synthetic_foreground import Sprite, traffic
from tests.engine.shots import pan


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of two photos, one for each part."""
    folder = tmp_path_factory.mktemp("photos")
    for number, view in enumerate(pan(2, speed=60, size=(480, 800))):
        cv2.imwrite(str(folder / f"photo{number}.png"), np.clip(255 * view[..., ::-1] ** 0.45, 0, 255).astype(np.uint8))
    return folder


def test_a_scene_follows_from_its_generator_alone(data: Path) -> None:
    maker = SceneMaker(data)
    first, again = (maker.scene(np.random.default_rng(4), 5) for _ in range(2))
    for a, b in zip(first.frames, again.frames, strict=True):
        assert a.shape == (HEIGHT, WIDTH, 3)
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(first.moving, again.moving)


def test_what_moves_by_itself_moves_and_is_in_some_scenes_only(data: Path) -> None:
    maker = SceneMaker(data)
    scenes = [maker.scene(np.random.default_rng(seed), 6) for seed in range(8)]
    with_motion = [s for s in scenes if s.moving.any()]
    assert with_motion
    assert len(with_motion) < len(scenes)
    assert any((s.moving[0] != s.moving[-1]).any() for s in with_motion)


def test_a_written_scene_is_a_clip_to_validate_on(data: Path, tmp_path: Path) -> None:
    SceneMaker(data).scene(np.random.default_rng(1), 3).write(tmp_path / "scene")
    for name in ("frames", "masks"):
        assert [f.name for f in sorted((tmp_path / "scene" / name).iterdir())] == [f"0000{t}.png" for t in range(3)]


def test_a_random_path_begins_at_the_first_view_and_a_nearer_object_moves_further() -> None:
    path = camera_paths.random_path(np.random.default_rng(0), 12, height=HEIGHT, width=WIDTH)
    np.testing.assert_allclose(path[0], np.eye(3), atol=3)
    np.testing.assert_allclose(camera_paths.interpolated(path, 3.0), path[3])
    np.testing.assert_allclose(camera_paths.at_depth(path[5], 1.0), path[5])
    np.testing.assert_allclose(camera_paths.at_depth(path[5], 2.0)[:2, 2], 2 * path[5][:2, 2])


def test_a_recorded_path_is_that_of_the_clip_s_camera() -> None:
    frames = [np.clip(255 * v**0.45, 0, 255).astype(np.uint8) for v in pan(4, speed=4, size=(240, 400))]
    path = camera_paths.recorded(frames)
    middle = np.array([200, 120, 1.0])
    for t, view in enumerate(path):
        at = view @ middle
        # The camera pans right: what stands in view t's middle stands further right in the first view.
        assert at[0] / at[2] - 200 == pytest.approx(4 * t, abs=0.5)


def test_some_scenes_have_holes_only_beside_what_moves() -> None:
    moving = np.zeros((4, HEIGHT, WIDTH), bool)
    moving[:, 60:180, 100:300] = True
    overlaps = [(random_holes(np.random.default_rng(seed), moving) > 0)[moving].any() for seed in range(24)]
    assert any(overlaps)
    assert not all(overlaps)


def test_traffic_is_fast_and_crosses_the_picture() -> None:
    rng = np.random.default_rng(3)
    textures = [np.full((ROWS, COLUMNS, 3), value, np.float32) for value in (0.2, 0.8)]
    for sprite in traffic(rng, 30, textures=textures):
        assert sprite.way is not None
        assert np.hypot(*np.diff(sprite.way, axis=0).T).min() > 5
        moments = np.linspace(0, 29, 59)
        assert any(sprite.render(np.eye(3), time)[..., 3].max() > 0.9 for time in moments)


def test_what_comes_nearer_grows_about_its_pivot() -> None:
    square = np.zeros((60, 80, 4), np.float32)
    square[25:36, 35:46] = 1
    sprite = Sprite(square, 1.0, np.zeros((11, 2)), pivot=(40, 30), growth=0.05)
    first, middle, last = (sprite.render(np.eye(3), time)[..., 3] for time in (0, 5.5, 10))
    np.testing.assert_allclose(middle, square[..., 3])
    assert first.sum() < middle.sum() < last.sum()
    for seen in (first, last):
        ys, xs = np.nonzero(seen > 0.5)
        assert (ys.mean(), xs.mean()) == pytest.approx((30, 40), abs=0.5)
