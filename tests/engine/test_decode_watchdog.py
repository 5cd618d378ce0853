"""Breadcrumbs: what a process was reading can be told after it crashed, and while it hangs."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path

import pytest

from aan_engine.plates import decode_watchdog, exr
from aan_engine.plates.decode_watchdog import PATIENCE, FileInProgress
from tests.engine.shots import pan, write_rgb

ROOT = Path(__file__).resolve().parents[2]

CRASH = """
import ctypes, sys
from pathlib import Path
import OpenEXR
from aan_engine.plates import decode_watchdog, exr
decode_watchdog.start(Path(sys.argv[1]))
exr.read(Path(sys.argv[2]), frame=1001)
OpenEXR.File = lambda *_, **__: ctypes.string_at(0)
exr.read(Path(sys.argv[2]), frame=1002)
"""


@pytest.fixture
def trail(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(decode_watchdog, "_record", None)
    decode_watchdog.start(tmp_path / "trail")
    return tmp_path / "trail"


def test_a_file_is_noted_while_it_is_read_and_not_afterwards(trail: Path, tmp_path: Path) -> None:
    assert decode_watchdog.current(trail) is None
    before = time.monotonic()
    with decode_watchdog.watch(tmp_path / "pläte.exr", frame=-7):
        crumb = decode_watchdog.current(trail)
    assert crumb is not None
    assert (crumb.file, crumb.frame, crumb.patience) == (tmp_path / "pläte.exr", -7, PATIENCE)
    assert before <= crumb.since <= time.monotonic()
    assert decode_watchdog.current(trail) is None


def test_a_file_that_fails_with_an_error_is_not_left_in_the_note(trail: Path, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="broken"), decode_watchdog.watch(tmp_path / "p.exr", frame=1):
        raise ValueError("broken")
    assert decode_watchdog.current(trail) is None


def test_a_shorter_name_after_a_longer_one_and_one_that_is_far_too_long(trail: Path, tmp_path: Path) -> None:
    for name in ("a" * 100_000, "a" * 200, "b"):
        with decode_watchdog.watch(tmp_path / name, frame=1):
            crumb = decode_watchdog.current(trail)
        assert crumb is not None
        assert str(tmp_path / name).startswith(str(crumb.file))
    assert crumb.file == tmp_path / "b"


def test_a_large_file_may_take_longer(trail: Path, tmp_path: Path) -> None:
    with (tmp_path / "large.exr").open("wb") as file:
        file.truncate(2_000_000_000)
    with decode_watchdog.watch(tmp_path / "large.exr", frame=1):
        crumb = decode_watchdog.current(trail)
    assert crumb is not None
    assert crumb.patience == pytest.approx(PATIENCE + 100)


def test_patience_ends() -> None:
    crumb = FileInProgress(Path("p.exr"), 1, since=100.0, patience=10.0)
    assert not crumb.is_overdue(109.0)
    assert crumb.is_overdue(111.0)


def test_without_a_trail_nothing_is_noted_and_a_trail_that_is_none_tells_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(decode_watchdog, "_record", None)
    with decode_watchdog.watch(tmp_path / "p.exr", frame=1):
        assert list(tmp_path.iterdir()) == []
    (tmp_path / "short").write_bytes(b"\1")
    assert decode_watchdog.current(tmp_path / "short") is None
    assert decode_watchdog.current(tmp_path / "none") is None


def test_a_decoder_that_crashes_leaves_the_name_of_its_file(tmp_path: Path) -> None:
    write_rgb(tmp_path / "p.exr", pan(1)[0])
    command = [sys.executable, "-c", CRASH, str(tmp_path / "trail"), str(tmp_path / "p.exr")]
    done = subprocess.run(command, cwd=ROOT, timeout=60, check=False)
    assert done.returncode < 0
    crumb = decode_watchdog.current(tmp_path / "trail")
    assert crumb is not None
    assert (crumb.file, crumb.frame) == (tmp_path / "p.exr", 1002)


def test_what_is_written_is_noted_as_well_while_it_is_read_back(
    trail: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    read: list[str] = []
    reading = decode_watchdog.watch

    def noted(file: Path, *, frame: int, patience: float | None = None):  # type: ignore[no-untyped-def]
        read.append(file.name)
        return reading(file, frame=frame, patience=patience)

    monkeypatch.setattr(decode_watchdog, "watch", noted)
    write_rgb(tmp_path / "p.exr", pan(1)[0])
    plate = exr.read(tmp_path / "p.exr", frame=1)
    exr.write(tmp_path / "o.exr", plate, pixels=plate.pixels, hidden=plate.pixels[..., 0] < -1)
    assert read[0] == "p.exr"
    assert read[1].startswith(".o.exr.")
