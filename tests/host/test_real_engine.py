"""The whole house: the real engine behind a real broker gives what it gives in one's own process, bit by bit."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from aan_engine.plates.result_marks import read_provenance
from aan_engine.reporting.stored import read_rows
from plugin_host import launch
from plugin_host.protocol import Accepted, Finished, FrameReady, JobSpec

FRAMES, HEIGHT, WIDTH = 3, 64, 96


@pytest.fixture
def spec(tmp_path: Path) -> JobSpec:
    """A camera that pans over a smooth wall, and a hole that stays in the middle."""
    y, x = np.mgrid[:HEIGHT, : WIDTH + 8 * FRAMES].astype(np.float32)
    wall = np.stack([np.sin(x / 5) * np.cos(y / 7), np.sin(x / 9 + y / 6), np.cos(x / 4)], axis=-1) + 1.2
    matte = np.zeros((HEIGHT, WIDTH), np.float16)
    matte[24:40, 40:56] = 1
    for index in range(FRAMES):
        plate = np.ascontiguousarray(wall[:, 8 * index : 8 * index + WIDTH].astype(np.float16))
        _write(tmp_path / f"plate.{1001 + index}.exr", RGB=plate)
        _write(tmp_path / f"matte.{1001 + index}.exr", A=matte)
    return JobSpec(
        str(tmp_path / "plate.####.exr"), str(tmp_path / "matte.%04d.exr"), aov=("confidence",), device="cpu"
    )


@pytest.mark.timeout(300)
def test_a_shot_goes_through_the_whole_house(house, spec, tmp_path):
    # In a process of its own: other tests set the number of threads in this one, and with it the last bits of sums.
    here = str(tmp_path / "here" / "o.####.exr")
    options = ["--plate", spec.plate, "--matte", spec.matte, "--out", here, "--aov", "confidence", "--device", "cpu"]
    subprocess.run([str(Path(sys.executable).with_name("aan")), "fill", *options], check=True, capture_output=True)
    with launch.find_or_start(python=sys.executable) as client:
        for name, cached in (("there", 0), ("again", FRAMES)):
            accepted = client.answer(client.submit(spec, output=str(tmp_path / name / "o.####.exr")))
            assert isinstance(accepted, Accepted)
            assert accepted.cached == cached
            *story, end = client.follow(accepted.job)
            report = tmp_path / name / "o.report.json"
            assert isinstance(end, Finished)
            assert (end.frames, end.report) == (FRAMES, str(report))
            assert len(end.worst) <= 1, "a short job does not name all of its frames"
            assert report.with_suffix(".png").stat().st_size > 10_000
            if not cached:
                assert [e.frame for e in story if isinstance(e, FrameReady)] == [1001, 1002, 1003]
        client.answer(client.shutdown())
    assert launch._started[-1].wait(30) == 0
    for frame in (1001, 1002, 1003):
        here, there, again = (tmp_path / n / f"o.{frame}.exr" for n in ("here", "there", "again"))
        assert there.read_bytes() == again.read_bytes()
        assert _but_for_the_date(here) == _but_for_the_date(there)
    there, again = ((tmp_path / n / "o.report.json").read_bytes() for n in ("there", "again"))
    assert there == again


@pytest.mark.timeout(300)
def test_a_shot_filled_in_chunks_at_the_same_time_has_one_report_and_skips_what_exists(house, spec, tmp_path):
    out = str(tmp_path / "out" / "o.####.exr")
    command = [str(Path(sys.executable).with_name("aan")), "fill", "--plate", spec.plate, "--matte", spec.matte]
    command += ["--out", out, "--device", "cpu"]
    chunks = [subprocess.Popen([*command, *chunk]) for chunk in (("--last", "1001"), ("--first", "1002"))]
    assert [chunk.wait(250) for chunk in chunks] == [0, 0]
    assert [row.frame for row in read_rows(tmp_path / "out" / "o.report.json")] == [1001, 1002, 1003]
    (tmp_path / "out" / "o.1002.exr").unlink()
    done = subprocess.run([*command, "--skip-existing"], check=True, capture_output=True, text=True)
    assert "2 of 3 frames exist already" in done.stderr
    assert [row.frame for row in read_rows(tmp_path / "out" / "o.report.json")] == [1001, 1002, 1003]
    shutil.copy(tmp_path / "matte.1001.exr", tmp_path / "another.exr")
    refused = subprocess.run([*command, "--matte", str(tmp_path / "another.exr")], capture_output=True, text=True)
    assert refused.returncode == 1
    assert "o.1001.exr (and 2 more like it) would be overwritten: it is another job's" in refused.stderr


def _but_for_the_date(path: Path) -> bytes:
    found = read_provenance(path)
    assert found is not None
    assert found.date
    return path.read_bytes().replace(found.date.encode(), b"-" * len(found.date))


def _write(path: Path, **channels: np.ndarray) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, channels).write(str(path))
