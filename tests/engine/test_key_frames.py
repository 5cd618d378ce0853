"""Key frames: marked by `fill`, written alone for a painter, and carried to every frame once they are painted."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import OpenEXR
import pytest

from aan_engine.pipeline import fill, paint
from aan_engine.plates import reader
from aan_engine.plates.shot_frames import ShotFrames
from aan_engine.selection.selector import Selector
from aan_engine.shot import Controls, FrameFile, Known, Shot
from tests.engine.pictures import still
from tests.engine.shots import SIZE, Array, pan, read_rgb, shot_of

SPEED, FRAMES, SIDE = 3, 5, 18
KEY = 2
MARKER = 2.5
"""The mean of what is painted; the scene's is about .4."""


def world_block() -> list[Array]:
    """Mattes over one block of the world, which `pan` moves to the left: no frame shows what is behind it."""
    mattes = []
    for t in range(FRAMES):
        matte = np.zeros(SIZE, np.float32)
        left = 60 - SPEED * t
        matte[28 : 28 + SIDE, left : left + SIDE] = 1
        mattes.append(matte)
    return mattes


def shot(folder: Path, **options: object) -> Shot:
    return shot_of(folder, pan(FRAMES, speed=SPEED), world_block(), device="cpu", **options)


@pytest.fixture
def choose(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Have these indices chosen as key frames."""

    def choose(*indices: int) -> None:
        monkeypatch.setattr(Selector, "is_key", lambda selector, index: index in indices)

    return choose


def test_fill_marks_the_key_frames_and_paint_gives_them_alone_with_the_same_pixels(tmp_path, choose):
    choose(3, 1)
    whole = list(fill(shot(tmp_path)))
    assert [f.frame for f in whole if f.is_key] == [1002, 1004]
    keys = list(paint(shot(tmp_path)))
    assert [(f.frame, f.is_key) for f in keys] == [(1002, True), (1004, True)]
    for key in keys:
        np.testing.assert_array_equal(key.pixels, whole[key.frame - 1001].pixels)


def test_where_there_are_no_key_frames_nothing_is_painted(tmp_path, choose):
    choose()
    assert list(paint(shot(tmp_path))) == []
    assert not any(f.is_key for f in fill(shot(tmp_path, last=1001)))


def test_where_nothing_is_hidden_nothing_is_painted(tmp_path, choose):
    choose(KEY)
    clear = [np.zeros(SIZE, np.float32) for _ in range(FRAMES)]
    assert list(paint(shot_of(tmp_path, pan(FRAMES), clear, device="cpu"))) == []


def test_only_targets_that_were_not_painted_yet_are_key_frames(tmp_path):
    job = shot(tmp_path, last=1003)
    (first, *_) = [f.frame for f in paint(job)]
    painted = Known(painted=(FrameFile(first, tmp_path / f"plate.{first}.exr"),))
    assert first not in [f.frame for f in paint(dataclasses.replace(job, known=painted))]


def test_what_was_painted_on_a_key_frame_is_carried_to_every_other_frame(tmp_path, choose):
    choose(KEY)
    job = shot(tmp_path, aovs=("unseen",), controls=Controls(light="off", grain=False))
    (key,) = paint(job)
    hidden = key.hidden
    core = cv2.erode(hidden.astype(np.uint8), np.ones((7, 7))) > 0
    assert (key.layers["unseen.a"][core] == 1).all(), "no frame shows what is behind the block"
    path = tmp_path / f"key.{key.frame}.exr"
    key.write(path)
    marker = paint_over(path, hidden)
    plate = reader.read(path, frame=key.frame)
    assert plate.picture.names == ("R", "G", "B")
    assert "unseen.a" in plate.parts[0].channels
    np.testing.assert_array_equal(plate.pixels[hidden], marker[hidden])

    choose()
    known = Known(painted=(FrameFile(key.frame, path),))
    for filled in fill(dataclasses.replace(job, known=known)):
        shift = SPEED * (filled.frame - key.frame)
        expected = np.roll(marker, -shift, axis=1)
        inside = np.roll(core, -shift, axis=1)
        assert filled.hidden[inside].all()
        assert np.abs(filled.pixels - expected)[inside].mean() < 0.05, filled.frame
        assert (filled.layers["unseen.a"][inside] == 0).all()
        out = tmp_path / f"out.{filled.frame}.exr"
        assert filled.write(out) == 0
        np.testing.assert_allclose(read_rgb(out)[inside], expected[inside], atol=0.4)


@pytest.mark.parametrize("colorspace", [None, "ARRI LogC4"])
def test_key_frames_of_plates_that_are_no_exr_are_read_back_as_what_they_are(tmp_path, choose, colorspace):
    choose(KEY)
    job = shot(tmp_path, aovs=("unseen",), controls=Controls(colorspace=colorspace))
    pngs = []
    for file in job.plates:
        codes = np.rint(255 * np.clip(read_rgb(file.path).astype(np.float32), 0, 1)).astype(np.uint8)
        pngs.append(FrameFile(file.frame, still(file.path.with_suffix(".png"), codes)))
    job = dataclasses.replace(job, plates=tuple(pngs))
    (key,) = paint(job)
    path = tmp_path / f"key.{key.frame}.exr"
    key.write(path)
    handed_back = dataclasses.replace(job, known=Known(painted=(FrameFile(key.frame, path),)))
    painted = ShotFrames(handed_back).plate(KEY, painted_over=True)
    np.testing.assert_allclose(painted.pixels, key.pixels, rtol=1e-3, atol=1e-6)


def test_key_frames_of_a_camera_s_log_are_read_back_as_log(tmp_path, choose):
    choose(KEY)
    job = shot(tmp_path, controls=Controls(colorspace="ARRI LogC4"))
    (key,) = paint(job)
    path = tmp_path / f"key.{key.frame}.exr"
    key.write(path)
    handed_back = dataclasses.replace(job, known=Known(painted=(FrameFile(key.frame, path),)))
    painted = ShotFrames(handed_back).plate(KEY, painted_over=True)
    np.testing.assert_allclose(painted.pixels, key.pixels, rtol=0.02, atol=1e-3)


def paint_over(path: Path, hidden: np.ndarray) -> Array:
    """Paint a soft pattern where `hidden`, as a painter's program does: all channels stay. Returns the picture."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    pattern = MARKER + 0.5 * np.sin(x / 2.5) * np.cos(y / 3.5)
    file = OpenEXR.File(str(path), separate_channels=True)
    channels = {name: channel.pixels.copy() for name, channel in file.channels().items()}
    for name in "RGB":
        channels[name][hidden] = pattern[hidden].astype(channels[name].dtype)
    picture = np.stack([channels[name] for name in "RGB"], -1).astype(np.float32)
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, channels).write(str(path))
    return picture
