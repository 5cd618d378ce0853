"""Blender as a Python module, in the versions that are tested: each in an environment of its own, kept in `.venv-bpy/`.

An environment is made when it is not there (350 MB to download, 1 GB on disk each); where that cannot be, the tests
that need it are skipped with one word of why.
"""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


def _builder() -> ModuleType:
    """`blender_addon/package.py`, which lies in a package that only a Blender can import."""
    spec = importlib.util.spec_from_file_location("package", ROOT / "blender_addon" / "package.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


package = _builder()
KEPT = ROOT / ".venv-bpy"
BLENDERS = {"4.2.23": "3.11", "4.5.15": "3.11", "5.0.1": "3.11", "5.2.3": "3.13"}
"""Version of Blender -> the Python that it is made for."""

EVERYDAY = "5.0.1"
"""The newest that runs on the Python which the engine needs anyway: the one of `make test`."""

ASIDE = "aside"
"""The folder, in an environment, of what checks need but an extension must not find."""

NEEDED = (f"pyzmq=={package.PYZMQ}", "OpenEXR==3.5.3")


def python_of(version: str) -> Path:
    """The Python that has this Blender; skips where there is none and none can be made."""
    folder = KEPT / version
    python, done = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"), folder / "done"
    if done.exists() and python.exists():
        return python
    base = _interpreter(BLENDERS[version])
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _run([base, "-m", "venv", folder], limit=60)
        install = [python, "-m", "pip", "install", "-q", "--only-binary", ":all:", "--retries", "1"]
        _run([*install, f"bpy=={version}"], limit=500)
        _run([*install, "--no-deps", "--target", folder / ASIDE, *NEEDED], limit=100)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        words = str(getattr(error, "stderr", None) or error).strip()[-200:]
        pytest.skip(f"no environment with bpy {version} can be made: {words}")
    done.touch()
    return python


def _interpreter(wanted: str) -> Path:
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    on_path = [Path(folder) / f"python{wanted}" for folder in os.environ.get("PATH", "").split(os.pathsep)]
    found = [*(path for path in on_path if "shims" not in path.parts), *pyenv.glob(f"versions/{wanted}.*/bin/python")]
    for path in found:
        if path.is_file():
            return path
    pytest.skip(f"there is no Python {wanted} on this machine")


def _run(command: list[object], *, limit: float) -> None:
    clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
    subprocess.run(
        [str(part) for part in command],
        env={**clean, "PIP_DISABLE_PIP_VERSION_CHECK": "1"},
        capture_output=True,
        text=True,
        timeout=limit,
        check=True,
    )
