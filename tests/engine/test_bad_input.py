"""What artists and disks do to a job: it is done properly, or what is wrong is named, and nothing is half-written."""

from __future__ import annotations

import errno
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from aan_engine import pipeline
from aan_engine.errors import MatteError, PlateUnreadable, PlateUnwritable
from aan_engine.pipeline import Progress, fill
from aan_engine.plates import exr, plate_cache
from aan_engine.shot import Controls, Shot
from tests.engine.shots import SIZE, Array, box_matte, pan, read_rgb, shot_of, write_matte, write_rgb


def nothing(frames: int) -> list[Array]:
    return [np.zeros(SIZE, np.float32) for _ in range(frames)]


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def write_all(shot: Shot, folder: Path) -> list[int]:
    """Write frames until one fails; those that were written are in the folder."""
    folder.mkdir(exist_ok=True)
    written = []
    for filled in fill(shot):
        filled.write(folder / f"o.{filled.frame}.exr")
        written.append(filled.frame)
    return written


# --- mattes that hide nothing, or all ------------------------------------------------------------------------------


@pytest.mark.parametrize("controls", [Controls(), Controls(grow=5, feather=3), Controls(write="patch")])
def test_a_shot_that_hides_nothing_costs_a_read_and_a_write_a_frame(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, controls: Controls
) -> None:
    def never(*_: object, **__: object) -> None:
        raise AssertionError("no proxy, registration or network is needed")

    shot = shot_of(tmp_path, pan(4), nothing(4), aovs=("confidence", "source"), controls=controls)
    for name in ("_networks", "_build_proxies", "build", "Finisher"):
        monkeypatch.setattr(pipeline, name, never)
    read: list[int] = []
    reading = exr.read
    monkeypatch.setattr(exr, "read", lambda *given, **named: read.append(named["frame"]) or reading(*given, **named))
    steps: list[Progress] = []
    for filled, plate in zip(fill(shot, progress=steps.append, skip={1002}), (0, 2, 3), strict=True):
        assert filled.write(tmp_path / "o.exr") == 0
        assert (filled.frame, filled.unseen, filled.trust) == (1001 + plate, 0.0, None)
        if controls.write == "full":
            want = read_rgb(tmp_path / f"plate.{filled.frame}.exr").tobytes()
            assert read_rgb(tmp_path / "o.exr").tobytes() == want
    assert read == [1001, 1003, 1004]
    assert [(step.stage, step.done, step.total) for step in steps] == [("fill", n, 3) for n in (1, 2, 3)]


def test_a_hole_on_the_last_frame_only_is_still_filled(tmp_path: Path) -> None:
    mattes = [*nothing(3), box_matte(1)[0]]
    frames = list(fill(shot_of(tmp_path, pan(4, speed=6), mattes, device="cpu")))
    assert [frame.hidden.any() for frame in frames] == [False, False, False, True]
    assert not (frames[-1].pixels[frames[-1].hidden] == 7.0).any()


def test_a_hole_outside_the_range_is_not_looked_at(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pipeline, "_networks", None)
    mattes = [box_matte(1)[0], *nothing(2)]
    assert [f.frame for f in fill(shot_of(tmp_path, pan(3), mattes, first=1002))] == [1002, 1003]


def test_one_frame_that_is_hidden_whole_is_filled_from_its_neighbours_or_painted(tmp_path: Path) -> None:
    mattes = nothing(3)
    mattes[1][:] = 1
    frames = list(fill(shot_of(tmp_path, pan(3), mattes, device="cpu")))
    assert np.isfinite(frames[1].pixels).all()
    assert not (frames[1].pixels == 7.0).any()
    assert not frames[0].hidden.any()


# --- mattes that are none ------------------------------------------------------------------------------------------


def test_a_matte_of_another_size_in_the_middle_is_named(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(3), box_matte(3))
    write_matte(tmp_path / "matte.1002.exr", np.ones((20, 30), np.float32))
    with pytest.raises(MatteError, match=r"30 x 20, the plate 120 x 72.*frame 1002.*matte\.1002\.exr"):
        list(fill(shot))


def test_an_empty_matte_of_another_size_is_named_all_the_same(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(2), nothing(2))
    write_matte(tmp_path / "matte.1002.exr", np.zeros((20, 30), np.float32))
    with pytest.raises(MatteError, match=r"30 x 20.*frame 1002"):
        list(fill(shot))


def test_a_matte_without_channels_is_named(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(2), box_matte(2))

    def attribute(name: str, kind: str, value: bytes) -> bytes:
        return f"{name}\0{kind}\0".encode() + struct.pack("<i", len(value)) + value

    window = struct.pack("<4i", 0, 0, SIZE[1] - 1, SIZE[0] - 1)
    header = attribute("channels", "chlist", b"\0") + attribute("compression", "compression", b"\0")
    header += attribute("dataWindow", "box2i", window) + attribute("displayWindow", "box2i", window)
    (tmp_path / "matte.1001.exr").write_bytes(b"\x76\x2f\x31\x01\x02\0\0\0" + header + b"\0")
    with pytest.raises(MatteError, match=r"names no channel.*frame 1001.*matte\.1001\.exr"):
        list(fill(shot))


# --- broken pixels -------------------------------------------------------------------------------------------------


def test_broken_pixels_in_plate_and_matte_stay_where_they_are(tmp_path: Path) -> None:
    plates, mattes = pan(3, speed=6), box_matte(3)
    shot = shot_of(tmp_path, plates, mattes, device="cpu")
    broken = plates[1].copy()
    broken[5, 5], broken[6, 6, 1], broken[36, 60] = np.nan, np.inf, -np.inf
    write_rgb(tmp_path / "plate.1002.exr", broken)
    doubtful = mattes[1].copy()
    doubtful[10, 100], doubtful[11, 100], doubtful[12, 100] = np.nan, np.inf, -np.inf
    write_matte(tmp_path / "matte.1002.exr", doubtful)
    for filled in fill(shot):
        filled.write(tmp_path / "o.exr")
        assert np.isfinite(filled.pixels[filled.hidden]).all()
        if filled.frame == 1002:
            assert [bool(filled.hidden[y, 100]) for y in (10, 11, 12)] == [True, True, False]
            written = read_rgb(tmp_path / "o.exr")
            kept = ~filled.hidden
            assert written[kept].tobytes() == broken.astype(np.float16)[kept].tobytes()


# --- files that break off ------------------------------------------------------------------------------------------


def test_a_plate_that_breaks_off_is_found_before_anything_is_written(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(4), box_matte(4))
    cut_short(tmp_path / "plate.1003.exr")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "o.1001.exr").write_bytes(b"an earlier result")
    with pytest.raises(PlateUnreadable, match=r"frame 1003.*plate\.1003\.exr"):
        write_all(shot, tmp_path / "out")
    assert names_in(tmp_path / "out") == ["o.1001.exr"]
    assert (tmp_path / "out" / "o.1001.exr").read_bytes() == b"an earlier result"


def test_a_plate_that_is_cut_short_during_the_job_is_named_and_earlier_frames_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(plate_cache, "MAX_BYTES", 0)  # as on a long shot, whose plates are read again
    shot = shot_of(tmp_path, pan(6), box_matte(6), device="cpu")
    out = tmp_path / "out"
    out.mkdir()
    with pytest.raises(PlateUnreadable, match=r"frame 1006.*plate\.1006\.exr"):  # noqa: PT012 - the loop is the story
        for filled in fill(shot):
            filled.write(out / f"o.{filled.frame}.exr")
            cut_short(tmp_path / "plate.1006.exr")
    assert names_in(out)[0] == "o.1001.exr"
    for path in out.iterdir():
        assert exr.read(path, frame=1).shape == SIZE


def cut_short(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:2000])


# --- disks ---------------------------------------------------------------------------------------------------------


class Filling:
    """An EXR library whose disk is full from the third file on; what it has written by then stays, as on a disk."""

    def __init__(self, real: Any) -> None:
        self._real, self._written = real, 0

    def __call__(self, *arguments: Any, **options: Any) -> Any:
        file = self._real(*arguments, **options)
        if arguments and isinstance(arguments[0], list):
            self._written += 1
            return Full() if self._written >= 3 else file
        return file


class Full:
    def write(self, name: str) -> None:
        Path(name).write_bytes(b"half an EXR")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), name)


def test_a_disk_that_fills_up_during_the_job_is_named_and_earlier_frames_stay(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shot = shot_of(tmp_path, pan(4), box_matte(4), device="cpu")
    monkeypatch.setattr(OpenEXR, "File", Filling(OpenEXR.File))
    with pytest.raises(PlateUnwritable, match=r"No space left.*frame 1003.*o\.1003\.exr.*disk has room"):
        write_all(shot, tmp_path / "out")
    assert names_in(tmp_path / "out") == ["o.1001.exr", "o.1002.exr"]


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 128 KB of its own."""
    folder = tmp_path / "disk"
    folder.mkdir()
    yield from mounted(folder, "size=128k")


@pytest.fixture
def read_only_folder(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "locked"
    folder.mkdir()
    if os.geteuid() != 0:
        folder.chmod(0o555)
        yield folder
        folder.chmod(0o755)
        return
    yield from mounted(folder, "ro")


def mounted(folder: Path, options: str) -> Iterator[Path]:
    command = [shutil.which("mount") or "mount", "-t", "tmpfs", "-o", options, "tmpfs", str(folder)]
    if os.name != "posix" or not shutil.which("mount") or subprocess.run(command, capture_output=True).returncode:
        pytest.skip("no file system may be mounted here")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_real_disk_that_fills_up_is_named_and_earlier_frames_stay(tmp_path: Path, small_disk: Path) -> None:
    shot = shot_of(tmp_path, pan(4), box_matte(4), device="cpu")
    with pytest.raises(PlateUnwritable, match=r"could not be written.*frame 100[234].*disk has room"):
        write_all(shot, small_disk)
    names = names_in(small_disk)
    assert names
    assert names == [f"o.{1001 + n}.exr" for n in range(len(names))]
    for name in names:
        assert exr.read(small_disk / name, frame=1).shape == SIZE


def test_a_folder_that_may_not_be_written_to_is_named(tmp_path: Path, read_only_folder: Path) -> None:
    shot = shot_of(tmp_path, pan(2), box_matte(2), device="cpu")
    with pytest.raises(PlateUnwritable, match=r"frame 1001.*locked.*may be written to"):
        write_all(shot, read_only_folder)
    assert names_in(read_only_folder) == []
