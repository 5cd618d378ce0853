"""Files that are no sound plates: each is refused by name before it can hurt, and the engine lives on."""

from __future__ import annotations

import os
import struct
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from aan_engine.errors import PlateMissing, PlateUnreadable, PlateUnsupported
from aan_engine.plates import exr
from tests.engine.sample_exrs import SHARED, needs_shared, write_damaged


def light(kind: Any) -> Any:
    return np.random.default_rng(0).random((40, 56)).astype(kind)


RGB = dict.fromkeys("RGB", light("f2"))


def make(path: Path, channels: dict[str, Any], codec: str = "ZIP") -> Path:
    compression = getattr(OpenEXR, f"{codec}_COMPRESSION")
    OpenEXR.File({"compression": compression, "type": OpenEXR.scanlineimage}, channels).write(str(path))
    return path


def test_a_file_cut_short_anywhere_is_unreadable(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    parts = [
        OpenEXR.Part({"compression": OpenEXR.ZIP_COMPRESSION}, RGB, "beauty"),
        OpenEXR.Part({"compression": OpenEXR.PIZ_COMPRESSION}, {"Z": light("f4")}, "depth"),
    ]
    OpenEXR.File(parts).write(str(tmp_path / "p.exr"))
    whole, cut = (tmp_path / "p.exr").read_bytes(), tmp_path / "cut.exr"
    for length in (0, 3, 6, 40, 300, 700, len(whole) // 3, len(whole) * 2 // 3, len(whole) - 1):
        cut.write_bytes(whole[:length])
        with pytest.raises(PlateUnreadable) as caught:
            exr.read(cut, frame=12)
        assert (caught.value.file, caught.value.frame) == (cut, 12)
    assert capsys.readouterr().out == ""


def test_what_is_no_plate_is_named(tmp_path: Path) -> None:
    with pytest.raises(PlateMissing):
        exr.read(tmp_path / "none.exr", frame=1)
    with pytest.raises(PlateUnreadable):
        exr.read(tmp_path, frame=1)
    (tmp_path / "text.exr").write_text("not an image")
    with pytest.raises(PlateUnreadable, match="no EXR"):
        exr.read(tmp_path / "text.exr", frame=1)
    for channels, why in (
        ({"Y": light("f2"), "RY": light("f2"), "BY": light("f2")}, "luminance and chroma"),
        ({"R": light("f2"), "Z": light("f4")}, r"no R, G, B and no Y among its channels \(R, Z\)"),
        ({name: light("u4") for name in "RGB"}, "integers"),
    ):
        with pytest.raises(PlateUnsupported, match=why):
            exr.read(make(tmp_path / "odd.exr", channels), frame=1)


def test_an_absurd_header_is_refused_before_memory_is_asked_for(tmp_path: Path) -> None:
    data = bytearray(make(tmp_path / "p.exr", RGB).read_bytes())
    at = data.index(b"dataWindow\0box2i\0") + len(b"dataWindow\0box2i\0") + 4
    far = 2**31 - 1
    for corner, why in (((30_000, 30_000), "far too short"), ((far, far), "billion"), ((-5, 3), "reversed")):
        data[at : at + 16] = struct.pack("<4i", 0, 0, *corner)
        (tmp_path / "absurd.exr").write_bytes(data)
        with pytest.raises(PlateUnreadable, match=why):
            exr.read(tmp_path / "absurd.exr", frame=1)


@pytest.mark.parametrize("codec", ["RLE", "ZIP", "DWAB", "HTJ2K256"])
def test_a_large_black_frame_is_believed_however_tightly_it_is_packed(tmp_path: Path, codec: str) -> None:
    black = np.zeros((1024, 8192), np.float32)
    assert exr.read(make(tmp_path / "p.exr", dict.fromkeys("RGB", black), codec), frame=1).shape == black.shape


def test_other_threads_are_heard_while_a_damaged_plate_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    make(tmp_path / "p.exr", RGB)
    (tmp_path / "cut.exr").write_bytes((tmp_path / "p.exr").read_bytes()[:-20])
    done = threading.Event()

    def damaged() -> None:
        for _ in range(20):
            with pytest.raises(PlateUnreadable):
                exr.read(tmp_path / "cut.exr", frame=1)
        done.set()

    thread = threading.Thread(target=damaged)
    thread.start()
    said = 0
    while not done.is_set():
        print("still here")
        said += 1
    thread.join()
    assert capsys.readouterr().out == "still here\n" * said


DAMAGED = """
import sys, resource
from pathlib import Path
from aan_engine.plates import exr
from aan_engine.errors import PlateError
resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30))
for file in sorted(Path(sys.argv[1]).iterdir()):
    try:
        exr.read(file, frame=1)
        print("read", file.name)
    except PlateError as error:
        assert error.file == file and error.frame == 1 and error.hint
print("lives on")
"""


def read_all(folder: Path) -> list[str]:
    """What a process with bounded memory prints that reads every file: a crash, a hang or another exception ends it."""
    pytest.importorskip("resource", reason="memory limits exist on POSIX systems only")
    result = subprocess.run(
        [sys.executable, "-c", DAMAGED, str(folder)],
        capture_output=True,
        text=True,
        timeout=100,
        check=False,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    assert result.returncode == 0, result.stderr[-2000:]
    return result.stdout.splitlines()


def test_the_engine_outlives_real_files_that_were_damaged(tmp_path: Path) -> None:
    names = write_damaged(tmp_path)
    *read, last = read_all(tmp_path)
    assert last == "lives on"
    assert len(names) == 18
    # Pixels may change where bytes were overwritten without any reader noticing; a file cut short is always noticed.
    assert all("overwritten" in line for line in read)
    assert len(read) <= 4


@needs_shared
def test_the_engine_outlives_every_damaged_file() -> None:
    assert read_all(SHARED / "Damaged") == ["lives on"]
