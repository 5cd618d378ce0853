"""The host half on every Python from 3.9 up that this machine has: copied under another name, as into a host.

The checks themselves are the `check_*.py` files in `half/`, plain unittest. Each Python gets a virtual environment with
nothing but pyzmq in it, kept in `.venv-hosts/` from one run to the next.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
KEPT = ROOT / ".venv-hosts"
OLDEST = (3, 9)
EXPECTED = ("3.9", "3.10", "3.11", "3.12", "3.13")


def pythons() -> dict[str, Path]:
    """Every Python of `OLDEST` or later by its version, as `3.9`: this one, those on the path, and pyenv's."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += sorted(pyenv.glob("versions/*/bin"))
    found = {}
    for folder in folders:
        for path in folder.glob("python3.*") if folder.name != "shims" else ():
            version = re.fullmatch(r"python(3)\.(\d+)(\.exe)?", path.name)
            if version and (3, int(version[2])) >= OLDEST:
                found.setdefault(f"3.{version[2]}", path)
    return {**found, "{}.{}".format(*sys.version_info): Path(sys.executable)}


FOUND = pythons()


def environment(version: str) -> Path:
    """The Python of a virtual environment with pyzmq; made when it is not there, skipped when it cannot be made."""
    folder = KEPT / version
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    done = folder / "done"
    if done.exists() and python.exists():
        return python
    shutil.rmtree(folder, ignore_errors=True)
    try:
        run([FOUND[version], "-m", "venv", folder], limit=60)
        run([python, "-m", "pip", "install", "-q", "--only-binary", ":all:", "--retries", "1", "pyzmq"], limit=90)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        words = getattr(error, "stderr", None) or str(error)
        pytest.skip(f"no environment with pyzmq can be made for Python {version}: {words.strip()[-200:]}")
    done.touch()
    return python


def run(command: list[object], *, limit: float, **variables: str) -> subprocess.CompletedProcess[str]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AAN_"))}
    return subprocess.run(
        [str(part) for part in command],
        env={**clean, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **variables},
        capture_output=True,
        text=True,
        timeout=limit,
        check=True,
    )


@pytest.mark.timeout(240)
@pytest.mark.parametrize("version", sorted({*EXPECTED, *FOUND}, key=lambda v: int(v[2:])))
def test_the_host_half_works_on(version: str, tmp_path: Path) -> None:
    if version not in FOUND:
        pytest.skip(f"there is no Python {version} on this machine")
    python = environment(version)
    copied = tmp_path / "host_half"
    copied.mkdir()
    for file in (ROOT / "plugin_host").glob("*.py"):
        shutil.copy(file, copied)
    checks = ["-m", "unittest", "discover", "-s", HERE / "half", "-p", "check_*.py"]
    try:
        run([python, "-W", "error", *checks], limit=120, PYTHONPATH=str(tmp_path), PYTHONDONTWRITEBYTECODE="1")
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr[-4000:], pytrace=False)
