"""The wheel: what is in it, and that what it installs fills frames, without this checkout.

It is installed in environments of its own, kept in `.venv-wheel/` from one run to the next: one of the newest Python of
this machine, and one of the newest for which there is a PyTorch without CUDA, whose libraries are gigabytes.
"""

from __future__ import annotations

import hashlib
import importlib.metadata
import platform
import re
import shutil
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import pytest

from aan_engine._version import __version__
from aan_engine.plates import exr, matte
from tests.pythons import FOUND, ROOT, CannotInstall, locked, make_environment, numbers, run, run_or_fail, scripts

PACKAGES = ("aan_engine", "plugin_host")
SHIPPED = (".py", ".safetensors", ".json", ".md", ".typed")
SHOT = ROOT / "tests" / "demo" / "shot"
FRAMES = (1001, 1002, 1003)

PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
CONSTRAINTS = ROOT / ".ci" / "constraints.txt"
SUPPORTED = [v for v in FOUND if numbers(v) >= numbers(PROJECT["requires-python"].removeprefix(">="))]
NEWEST_FIRST = sorted(SUPPORTED, key=numbers, reverse=True)

CPU_BUILDS = "https://download.pytorch.org/whl/cpu"
"""PyTorch's own index of builds without CUDA."""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wheel built from a copy of the sources, without looking for a newer setuptools."""
    try:
        version = int(importlib.metadata.version("setuptools").partition(".")[0])
    except importlib.metadata.PackageNotFoundError:
        version = 0
    if version < 77:
        pytest.skip(f"no setuptools of version 77 or newer is installed here (found: {version or 'none'})")
    folder = tmp_path_factory.mktemp("wheel")
    for name in PACKAGES:
        shutil.copytree(ROOT / name, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder / name)
    command = [sys.executable, "-m", "pip", "wheel", ".", "--no-deps", "--no-build-isolation", "-w", "out", "--quiet"]
    run_or_fail(command, limit=110, cwd=folder)
    (built,) = (folder / "out").glob("*.whl")
    return built


@pytest.fixture(scope="module")
def files(wheel: Path) -> set[str]:
    """The names of all files in the wheel."""
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def test_every_module_and_every_file_that_belongs_to_it_is_shipped(files: set[str]):
    sources = [path.relative_to(ROOT).as_posix() for name in PACKAGES for path in (ROOT / name).rglob("*.*")]
    notes = {"aan_engine/evaluation/ablation.md"}  # measurements, for readers of the repository
    wanted = {path for path in sources if path.endswith(SHIPPED) and "__pycache__" not in path} - notes
    assert wanted - files == set()
    assert {"aan_engine/py.typed", "plugin_host/py.typed", "aan_engine/network/chooser.safetensors"} <= files


def test_nothing_of_tests_or_hosts_is_shipped(files: set[str]):
    assert {name.split("/")[0] for name in files if ".dist-info/" not in name} == set(PACKAGES)


def torch_arguments() -> list[str]:
    """For pip: the pinned PyTorch without CUDA, which has to be asked for on Linux's x86_64 alone.

    By itself, and with one retry: where that index is out of reach, pip waits at every package that it looks up there.
    """
    (pin,) = re.findall(r"^torch==(\S+)", CONSTRAINTS.read_text("utf-8"), re.MULTILINE)
    build = "+cpu" if sys.platform == "linux" and platform.machine() == "x86_64" else ""
    return ["--no-deps", "--retries", "1", "--extra-index-url", CPU_BUILDS, f"torch=={pin}{build}"]


def newest_with_torch(folder: Path) -> str:
    """The newest Python for which there is such a build; skips where there is none."""
    for version in NEWEST_FIRST:
        only = ["--dry-run", "--only-binary", ":all:", "--python-version", version, "--target", folder]
        with suppress(subprocess.CalledProcessError, subprocess.TimeoutExpired):
            run([sys.executable, "-m", "pip", "install", "-q", *only, *torch_arguments()], limit=200)
            return version
    pytest.skip(f"there is no {torch_arguments()[-1]} to be had for any of Python {', '.join(NEWEST_FIRST)}")


@contextmanager
def installed(wheel: Path, version: str, *, torch: bool) -> Iterator[Path]:
    """The folder of commands of an environment with the wheel and all that it needs, or all but PyTorch.

    Nobody else touches it meanwhile. It skips where what is needed cannot be had.
    """
    folder = ROOT / ".venv-wheel" / f"{version}{'-torch' if torch else ''}"
    needed = [line for line in PROJECT["dependencies"] if torch or not line.startswith("torch")]
    constrained = ["--no-compile", "--constraint", str(CONSTRAINTS)]
    steps = [[*constrained, *torch_arguments()]] if torch else []
    pinned = hashlib.sha256(CONSTRAINTS.read_bytes()).hexdigest()
    with locked(folder):
        try:
            python = make_environment(folder, version, *steps, [*constrained, *needed], limit=300, key=pinned)
        except CannotInstall as error:
            pytest.skip(str(error))
        run_or_fail([python, "-m", "pip", "install", "-q", "--no-deps", "--force-reinstall", wheel], limit=60)
        yield scripts(folder)


def assert_independent(commands: Path, *, cwd: Path) -> None:
    """Our packages are imported from the environment, and the checkout is nowhere on the path."""
    say = "import aan_engine, plugin_host, sys; print(aan_engine.__file__, plugin_host.__file__, *sys.path, sep='\\n')"
    folder = commands.parent
    engine, host, _, *path = run_or_fail([commands / "python", "-c", say], limit=60, cwd=cwd).splitlines()
    for place in map(Path, (engine, host)):
        assert place.is_relative_to(folder), f"{place} is no part of {folder}"
    inside = [place for place in map(Path, path) if place.is_relative_to(ROOT) and not place.is_relative_to(folder)]
    assert not inside


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_command_starts_on_the_newest_python(wheel: Path, tmp_path: Path):
    """It needs no PyTorch for that."""
    with installed(wheel, NEWEST_FIRST[0], torch=False) as commands:
        aan = commands / "aan"
        assert run_or_fail([aan, "--version"], limit=60, cwd=tmp_path) == f"aan {__version__}\n"
        for command in ("fill", "submit", "jobs"):
            assert "--help" in run_or_fail([aan, command, "--help"], limit=60, cwd=tmp_path)
        assert "640 x 360" in run_or_fail([aan, "info", SHOT / "plate.1001.exr"], limit=60, cwd=tmp_path)
        assert_independent(commands, cwd=tmp_path)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_installed_command_fills_three_frames(wheel: Path, tmp_path: Path):
    for name in ("plate", "matte"):
        for frame in FRAMES:
            shutil.copy(SHOT / f"{name}.{frame}.exr", tmp_path)
    with installed(wheel, newest_with_torch(tmp_path / "none"), torch=True) as commands:
        assert_independent(commands, cwd=tmp_path)
        run_or_fail([commands / "python", "-m", "pip", "check"], limit=60, cwd=tmp_path)
        for command in ("train", "bench"):
            assert "--help" in run_or_fail([commands / "aan", command, "--help"], limit=60, cwd=tmp_path)
        files = ["--plate", "plate.####.exr", "--matte", "matte.####.exr", "--out", "filled.####.exr"]
        run_or_fail([commands / "aan", "fill", *files, "--device", "cpu"], limit=300, cwd=tmp_path)
    for frame in FRAMES:
        before, after = (exr.read(tmp_path / f"{name}.{frame}.exr", frame=frame) for name in ("plate", "filled"))
        masked = matte.read(tmp_path / f"matte.{frame}.exr", frame=frame, channel=None, like=before) > 0
        np.testing.assert_array_equal(before.pixels[~masked], after.pixels[~masked])
        assert np.isfinite(after.pixels).all()
        changed = (before.pixels[masked] != after.pixels[masked]).any(-1)
        assert changed.mean() > 0.9, "what is masked has not been replaced"
