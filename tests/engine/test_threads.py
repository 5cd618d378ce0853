"""Thread limits: set by the programs that own their process, handed on to the processes that they start."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from aan_engine.threads import set_thread_limits

ROOT = Path(__file__).resolve().parents[2]
NAMES = ("OMP_WAIT_POLICY", "OMP_NUM_THREADS", "OPENCV_FOR_THREADS_NUM", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX")


def test_half_of_the_processors_and_threads_that_sleep(monkeypatch: pytest.MonkeyPatch):
    for name in NAMES:
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    set_thread_limits()
    assert [os.environ[name] for name in NAMES] == ["PASSIVE", "3", "3", "1", "2"]


def test_what_is_set_already_stays(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    set_thread_limits()
    assert os.environ["OMP_NUM_THREADS"] == "5"


def test_the_tests_run_under_these_limits():
    assert all(name in os.environ for name in NAMES)


@pytest.mark.parametrize(
    "program",
    [
        "from plugin_host.server.cli import main; sys.argv = ['aan', '--version']",
        "from plugin_host.server.__main__ import main; sys.argv = ['server', '--help']",
    ],
    ids=["aan", "engine"],
)
def test_the_command_and_the_engine_set_them_before_anything_heavy_is_loaded(program: str):
    code = f"""
import json, os, sys
{program}
assert "numpy" not in sys.modules
try:
    main()
except SystemExit:
    pass
print()
print(json.dumps(dict(os.environ)))
"""
    bare = {name: value for name, value in os.environ.items() if name not in NAMES}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env=bare, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]).keys() >= set(NAMES)
