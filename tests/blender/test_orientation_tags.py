"""The add-on reads from a file's first bytes what the engine reads by its libraries: how it is to be shown."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from aan_engine.plates import orientation, reader
from tests.blender.blenders import ROOT
from tests.engine.pictures import movie, ramp, still
from tests.engine.turned import DPX, EXIF, MATRICES, dpx_scanned, matrix


def _loaded() -> ModuleType:
    """The module alone: its package can be imported by a Blender only."""
    spec = importlib.util.spec_from_file_location("orientation_tags", ROOT / "blender_addon" / "orientation_tags.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


tags = _loaded()


def engines(path: Path) -> tuple[str, ...]:
    """What the engine says of it."""
    return reader.describe(path).notes


def said(number: int) -> tuple[str, ...]:
    text = orientation.of_exif(number).text
    return (text,) if text else ()


@pytest.mark.parametrize("number", EXIF)
@pytest.mark.parametrize("ending", ["jpg", "tif", "png"])
def test_pictures(tmp_path: Path, ending: str, number: int) -> None:
    path = still(tmp_path / f"p.{ending}", ramp(), Orientation=number)
    assert tags.read(path) == number
    assert engines(path) == said(number)


@pytest.mark.parametrize("number", EXIF)
@pytest.mark.parametrize("ending", ["mov", "mp4"])
def test_movies(tmp_path: Path, ending: str, number: int) -> None:
    frames = [np.zeros((48, 64, 3), np.uint16)] * 2
    kind = {"codec": "libx264", "pixels": "yuv420p", "matrix": matrix(*MATRICES[number])}
    path = movie(tmp_path / f"m.{ending}", frames, **kind)
    assert tags.read(path) == number
    assert engines(path) == said(number)


@pytest.mark.parametrize("code", DPX)
def test_dpx(tmp_path: Path, code: int) -> None:
    path = dpx_scanned(still(tmp_path / "p.dpx", ramp()), code)
    assert tags.read(path) == DPX[code]
    assert engines(path) == said(DPX[code])


def test_what_says_nothing_is_upright(tmp_path: Path) -> None:
    files = {
        "plain": still(tmp_path / "p.jpg", ramp()).read_bytes(),
        "cut": still(tmp_path / "q.jpg", ramp(), Orientation=6).read_bytes()[:30],
        "mkv": movie(tmp_path / "m.mkv", [np.zeros((24, 32, 3), np.uint16)]).read_bytes(),
        "empty": b"",
        "boxes": b"\0\0\0\x08ftyp\0\0\0\x01moov",
    }
    for name, data in files.items():
        (tmp_path / name).write_bytes(data)
        assert tags.read(tmp_path / name) == tags.UPRIGHT, name
    assert tags.read(tmp_path / "missing") == tags.UPRIGHT
