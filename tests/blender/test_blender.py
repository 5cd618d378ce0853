"""The add-on in real Blenders, with real engine processes. What is checked inside of them is in `inside/check_*.py`.

`make test` runs the newest Blender that the engine's own Python can load, `make test-hosts` all of them.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest

from tests.blender.blenders import ASIDE, BLENDERS, EVERYDAY, ROOT, package, python_of

HERE = Path(__file__).parent
NAME = "align_and_attend"
VERSIONS = [v if v == EVERYDAY else pytest.param(v, marks=pytest.mark.hosts) for v in BLENDERS]

pytestmark = [pytest.mark.timeout(600), pytest.mark.skipif(os.name == "nt", reason="the engine's stand-in is a script")]

Inside = Callable[..., str]


@pytest.fixture(params=VERSIONS)
def inside(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inside]:
    """Runs checks inside of a Blender, which starts an engine of its own."""
    python = python_of(request.param)
    for name in ("run", "cache", "gate", "user"):
        (tmp_path / name).mkdir(mode=0o700)
    package.stage(tmp_path / "addons" / NAME)

    def run(*checks: str, engine: str = "", bare: bool = False, **variables: str) -> str:
        clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AAN_"))}
        own = {
            **{"AAN_RUNTIME_DIR": tmp_path / "run", "AAN_CACHE_DIR": tmp_path / "cache"},
            **{"AAN_ENGINE": _interpreter(tmp_path, engine), "COPYING_GATE": tmp_path / "gate"},
            **{"AAN_ADDON": NAME, "AAN_ADDON_PATH": tmp_path / "addons"},
            **{"BLENDER_USER_RESOURCES": tmp_path / "user", "TMPDIR": tmp_path},
            **{"PYTHONDONTWRITEBYTECODE": "1", "OMP_WAIT_POLICY": "PASSIVE"},
            **({} if bare else {"PYTHONPATH": python.parents[1] / ASIDE}),
        }
        done = subprocess.run(
            [str(python), str(HERE / "inside" / "run.py"), *checks],
            env={**clean, **{name: str(value) for name, value in own.items()}, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            timeout=280,
        )
        if done.returncode:
            pytest.fail(f"exit code {done.returncode}\n{done.stdout[-6000:]}", pytrace=False)
        return done.stdout

    yield run
    with suppress(OSError, ValueError, KeyError):
        os.kill(json.loads((tmp_path / "run" / "engine.json").read_text())["pid"], signal.SIGTERM)


def _interpreter(folder: Path, engine: str) -> Path:
    """A Python that has the engine: this one, by whatever way it came to know it."""
    path = folder / "python"
    known = os.pathsep.join([str(ROOT), str(HERE)])
    chosen = f"--engine {engine}" if engine else ""
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{known}" exec "{sys.executable}" "$@" {chosen}\n')
    path.chmod(0o755)
    return path


def test_the_whole_way_ends_bit_exact(inside: Inside) -> None:
    inside("check_journey")


def test_strips_and_mattes_are_what_the_timeline_shows(inside: Inside) -> None:
    inside("check_shot", "check_panel", engine="copying_engine:make")


def test_whatever_happens_in_mid_job_ends_in_a_sane_panel(inside: Inside) -> None:
    inside("check_faults", engine="copying_engine:make")


@pytest.fixture(scope="session")
def extension(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The zip, with the wheels that it is published with."""
    folder = tmp_path_factory.mktemp("extension")
    try:
        wheels = package.download(folder / "wheels")
    except subprocess.CalledProcessError:
        pytest.skip("pyzmq's wheels cannot be downloaded")
    return package.build(folder, wheels=wheels)


def test_the_zip_is_valid_installs_and_leaves_clean(inside: Inside, extension: Path, request) -> None:
    python = python_of(request.node.callspec.params["inside"])
    (validator,) = python.parents[1].glob("lib/python*/site-packages/bpy/*/scripts/addons_core/**/blender_ext.py")
    subprocess.run([str(python), str(validator), "validate", str(extension)], check=True, capture_output=True)
    inside("check_extension", bare=True, AAN_ZIP=str(extension))
