"""The add-on in real Blenders, with real engine processes. What is checked inside of them is in `inside/check_*.py`.

`make test` runs the newest Blender that the engine's own Python can load, `make test-hosts` all of them.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.blender.blenders import BLENDERS, EVERYDAY, ROOT, end_engine, package, python_of, run_inside

VERSIONS = [v if v == EVERYDAY else pytest.param(v, marks=pytest.mark.hosts) for v in BLENDERS]

pytestmark = [pytest.mark.timeout(600), pytest.mark.skipif(os.name == "nt", reason="the engine's stand-in is a script")]

Inside = Callable[..., str]


@pytest.fixture(params=VERSIONS)
def inside(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Inside]:
    """Runs checks inside of a Blender, which starts an engine of its own."""
    python = python_of(request.param)

    def run(*checks: str, **options: str | bool) -> str:
        done = run_inside(python, tmp_path, *checks, **options)
        if done.returncode:
            pytest.fail(f"exit code {done.returncode}\n{done.stdout[-6000:]}", pytrace=False)
        return done.stdout

    yield run
    end_engine(tmp_path)


def test_the_whole_way_ends_bit_exact(inside: Inside) -> None:
    inside("check_journey")


def test_strips_and_mattes_are_what_the_timeline_shows(inside: Inside) -> None:
    inside("check_job_spec", "check_movies", "check_panel", engine="copying_engine:make")


def test_whatever_happens_in_mid_job_ends_in_a_sane_panel(inside: Inside) -> None:
    inside("check_result", "check_faults", engine="copying_engine:make")


def test_the_host_half_travels_as_it_is(tmp_path: Path) -> None:
    staged = package.stage(tmp_path)
    sources = {path.name: path.read_bytes() for path in (ROOT / "plugin_host").glob("*.py")}
    assert {path.name: path.read_bytes() for path in (staged / "plugin_host").glob("*.py")} == sources
    assert (staged / "plugin_host" / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes()
    assert not list(staged.rglob("package.py"))


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
