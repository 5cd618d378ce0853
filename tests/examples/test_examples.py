"""The examples run as they are, on the real engine."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from aan_engine.plates import exr
from plugin_host import launch

HERE = Path(__file__).parent
SHOT = HERE.parent / "demo" / "shot"


def example(name: str, *arguments: Path | str, **more: str) -> str:
    """What an example prints."""
    environment = {**os.environ, "PYTHONPATH": str(HERE.parents[1]), **more}
    command = [sys.executable, str(HERE / name), *map(str, arguments)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=280)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.timeout(300)
def test_the_library_script_fills_three_frames(tmp_path: Path):
    lines = example("fill_a_shot.py", tmp_path).splitlines()
    assert [line.split(":")[0] for line in lines] == ["frame 1010", "frame 1011", "frame 1012"]
    for frame in (1010, 1011, 1012):
        (part,) = exr.describe(tmp_path / f"clean.{frame}.exr").parts
        assert {"R", "G", "B", "confidence.a"} <= {name for name, _ in part.channels}


@pytest.mark.timeout(300)
def test_the_client_script_has_the_engine_fill_a_shot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for variable, folder in (("AAN_RUNTIME_DIR", "run"), ("AAN_CACHE_DIR", "cache")):
        (tmp_path / folder).mkdir(mode=0o700)
        monkeypatch.setenv(variable, str(tmp_path / folder))
    for name in ("plate", "matte"):
        for frame in (1010, 1011):
            shutil.copy(SHOT / f"{name}.{frame}.exr", tmp_path)
    patterns = [str(tmp_path / f"{name}.####.exr") for name in ("plate", "matte", "clean")]
    try:
        told = example("submit_job.py", *patterns, AAN_ENGINE=sys.executable)
    finally:
        if (client := launch.find()) is not None:
            with client:
                client.answer(client.shutdown())
    assert "2 frames, 0 of them in the cache" in told
    assert f"frame 1011: {tmp_path / 'clean.1011.exr'}" in told
    assert "2 frames filled" in told
    assert (tmp_path / "clean.1010.exr").is_file()


def test_the_library_script_is_as_short_as_it_is_said_to_be():
    lines = (HERE / "fill_a_shot.py").read_text("utf-8").splitlines()
    code = [line for line in lines if line.strip() and not line.startswith(('"""', "import", "from"))]
    assert len(code) <= 15
