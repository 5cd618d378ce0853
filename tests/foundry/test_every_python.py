"""The fake, and so the adapter's journeys, on every Python from 3.9 up that this machine has.

Each gets a virtual environment with what a journey needs, kept in `.venv-hosts/` from one run to the next.
"""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest
from tests.foundry import anywhere, tree
from tests.host.test_host_half import EXPECTED, FOUND, KEPT, ROOT, run

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")

# The last that there are for 3.9 and 3.10, and one set for all later ones.
OLD = ("numpy==2.0.2", "OpenEXR==3.5.2", "pyzmq==27.3.0")
NEW = ("numpy==2.2.6", "OpenEXR==3.5.3", "pyzmq==27.3.0")


def environment(version: str) -> Path:
    """The Python of a virtual environment with numpy, OpenEXR and pyzmq; skips where it cannot be made."""
    folder = KEPT / f"foundry-{version}"
    python, done = folder / "bin/python", folder / "done"
    wanted = OLD if version in ("3.9", "3.10") else NEW
    if python.exists() and done.exists() and done.read_text() == " ".join(wanted):
        return python
    shutil.rmtree(folder, ignore_errors=True)
    try:
        run([FOUND[version], "-m", "venv", folder], limit=60)
        run([python, "-m", "pip", "install", "-q", "--only-binary", ":all:", "--retries", "1", *wanted], limit=120)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        words = getattr(error, "stderr", None) or str(error)
        pytest.skip(f"no environment with numpy and OpenEXR can be made for Python {version}: {words.strip()[-200:]}")
    done.write_text(" ".join(wanted))
    return python


@pytest.mark.timeout(240)
@pytest.mark.parametrize("version", EXPECTED)
def test_the_fake_plays_on(version: str, tmp_path: Path) -> None:
    if version not in FOUND:
        pytest.skip(f"there is no Python {version} on this machine")
    command = [environment(version), "-W", "error", "-m", anywhere.__name__, tmp_path]
    try:
        run(command, limit=60, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr[-4000:], pytrace=False)
