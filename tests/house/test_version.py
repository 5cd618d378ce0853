"""The version is written once, in `aan_engine/_version.py`; everything else that states it agrees."""

from __future__ import annotations

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from aan_engine._version import __version__

ROOT = Path(__file__).resolve().parents[2]


def test_the_command_prints_it():
    command = [sys.executable, "-c", "from plugin_host.server.cli import main; main()", "--version"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, f"aan {__version__}\n"), done.stderr


def test_the_distribution_takes_it_from_the_module():
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    assert project["project"]["dynamic"] == ["version"]
    assert project["tool"]["setuptools"]["dynamic"]["version"] == {"attr": "aan_engine._version.__version__"}


def test_blender_s_manifest_says_the_same():
    manifest = tomllib.loads((ROOT / "blender_addon" / "blender_manifest.toml").read_text("utf-8"))
    assert manifest["version"] == __version__


def test_nuke_s_adapter_says_the_same():
    source = (ROOT / "nuke" / "aan_nuke" / "__init__.py").read_text("utf-8")
    assert re.findall(r'^VERSION = "(.+)"$', source, re.MULTILINE) == [__version__]


@pytest.mark.parametrize("readme", ["nuke/README.md", "blender_addon/README.md"])
def test_the_packages_are_named_by_it(readme):
    named = re.findall(r"(?:align_attend_nuke|align_and_attend)-(\d+\.\d+\.\d+)", (ROOT / readme).read_text("utf-8"))
    assert set(named) == {__version__}
