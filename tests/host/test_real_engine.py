"""The whole house: the real engine behind a real broker gives what it gives in one's own process, bit by bit."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

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
            assert (end.frames, end.report, len(end.worst)) == (FRAMES, str(report), FRAMES)
            assert report.with_suffix(".png").stat().st_size > 10_000
            if not cached:
                assert [e.frame for e in story if isinstance(e, FrameReady)] == [1001, 1002, 1003]
        client.answer(client.shutdown())
    assert launch._started[-1].wait(30) == 0
    for frame in (1001, 1002, 1003):
        here, there, again = ((tmp_path / n / f"o.{frame}.exr").read_bytes() for n in ("here", "there", "again"))
        assert here == there == again
    there, again = ((tmp_path / n / "o.report.json").read_bytes() for n in ("there", "again"))
    assert there == again


def _write(path: Path, **channels: np.ndarray) -> None:
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, channels).write(str(path))
