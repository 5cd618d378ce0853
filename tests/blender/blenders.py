"""Blender as a Python module, in the versions that are tested: each in an environment of its own, kept in `.venv-bpy/`.

An environment is made when it is not there (350 MB to download, 1 GB on disk each); where that cannot be, the tests
that need it are skipped with one word of why.
"""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from types import ModuleType

import pytest

from plugin_host import connection_file
from tests.pythons import locked

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
ADDON = "align_and_attend"


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
    with locked(folder):
        return _python_in(folder, version)


def _python_in(folder: Path, version: str) -> Path:
    python, done = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python"), folder / "done"
    if done.exists() and python.exists():
        return python
    base = _interpreter(BLENDERS[version])
    shutil.rmtree(folder, ignore_errors=True)
    try:
        _run([base, "-m", "venv", folder], limit=60)
        install = [python, "-m", "pip", "install", "-q", "--only-binary", ":all:", "--retries", "1"]
        _run([*install, f"bpy=={version}"], limit=300)
        _run([*install, "--no-deps", "--target", folder / ASIDE, *NEEDED], limit=100)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        words = str(getattr(error, "stderr", None) or error).strip()[-200:]
        pytest.skip(f"no environment with bpy {version} can be made: {words}")
    done.touch()
    return python


def run_inside(
    python: Path, folder: Path, *checks: str, engine: str = "", bare: bool = False, **variables: str
) -> subprocess.CompletedProcess[str]:
    """Run checks inside of a Blender, whose engine lives in `folder` (see `end_engine`).

    `engine` is another than the real one, as `module:factory`; `bare` leaves nothing beside Blender but the extension.
    """
    for name in ("run", "cache", "gate", "user"):
        (folder / name).mkdir(mode=0o700, exist_ok=True)
    package.stage(folder / "addons" / ADDON)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AAN_"))}
    own = {
        **{"AAN_RUNTIME_DIR": folder / "run", "AAN_CACHE_DIR": folder / "cache"},
        **{"AAN_ENGINE": engine_python(folder, engine), "COPYING_GATE": folder / "gate"},
        **{"AAN_ADDON": ADDON, "AAN_ADDON_PATH": folder / "addons"},
        **{"BLENDER_USER_RESOURCES": folder / "user", "TMPDIR": folder},
        **{"PYTHONDONTWRITEBYTECODE": "1", "OMP_WAIT_POLICY": "PASSIVE"},
        **({} if bare else {"PYTHONPATH": python.parents[1] / ASIDE}),
    }
    return subprocess.run(
        [str(python), str(HERE / "inside" / "run.py"), *checks],
        env={**clean, **{name: str(value) for name, value in own.items()}, **variables},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        timeout=500,
    )


def end_engine(folder: Path) -> None:
    """End the engine that lives in a folder, if one does: of one that is gone, the number may be another process's."""
    lock = folder / "run" / connection_file.ENGINE_LOCK
    with suppress(OSError, ValueError, KeyError):
        if not lock.exists() or not connection_file.is_locked(lock):
            return
        os.kill(json.loads((folder / "run" / "engine.json").read_text())["pid"], signal.SIGTERM)


def engine_python(folder: Path, engine: str = "") -> Path:
    """A Python that has the engine: this one, by whatever way it came to know it."""
    path = folder / "python"
    known = os.pathsep.join([str(ROOT), str(HERE)])
    chosen = f"--engine {engine}" if engine else ""
    path.write_text(f'#!/bin/sh\nPYTHONPATH="{known}" exec "{sys.executable}" "$@" {chosen}\n')
    path.chmod(0o755)
    return path


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
