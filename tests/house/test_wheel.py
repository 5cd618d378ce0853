"""The wheel holds every package, the markers for type checkers, and the weights."""

from __future__ import annotations

import importlib.metadata
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("aan_engine", "plugin_host")
SHIPPED = (".py", ".safetensors", ".json", ".md", ".typed")


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> set[str]:
    """The names of all files in a wheel built from a copy of the sources."""
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
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110)
    assert done.returncode == 0, done.stderr[-2000:]
    (built,) = (folder / "out").glob("*.whl")
    with zipfile.ZipFile(built) as archive:
        return set(archive.namelist())


def test_every_module_and_every_file_that_belongs_to_it_is_shipped(wheel: set[str]):
    sources = [path.relative_to(ROOT).as_posix() for name in PACKAGES for path in (ROOT / name).rglob("*.*")]
    notes = {"aan_engine/evaluation/ablation.md"}  # figures for whoever reads the repository
    wanted = {path for path in sources if path.endswith(SHIPPED) and "__pycache__" not in path} - notes
    assert wanted - wheel == set()
    assert {"aan_engine/py.typed", "plugin_host/py.typed", "aan_engine/network/chooser.safetensors"} <= wheel


def test_nothing_of_tests_or_hosts_is_shipped(wheel: set[str]):
    assert {name.split("/")[0] for name in wheel if ".dist-info/" not in name} == set(PACKAGES)
