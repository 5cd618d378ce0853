"""The host half on every Python of a host that this machine has: copied under another name, as into a host.

The checks themselves are the `check_*.py` files in `half/`, plain unittest. Each Python gets a virtual environment with
nothing but pyzmq in it.
"""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.pythons import FOUND, HOST_VERSIONS, ROOT, environment, numbers, run_or_fail, skip_unless_found

HALF = Path(__file__).parent / "half"


@pytest.mark.timeout(240)
@pytest.mark.parametrize("version", sorted({*HOST_VERSIONS, *FOUND}, key=numbers))
def test_the_host_half_works_on(version: str, tmp_path: Path) -> None:
    skip_unless_found(version)
    python = environment(version, ["pyzmq"])
    copied = tmp_path / "host_half"
    copied.mkdir()
    for file in (ROOT / "plugin_host").glob("*.py"):
        shutil.copy(file, copied)
    checks = [python, "-W", "error", "-m", "unittest", "discover", "-s", HALF, "-p", "check_*.py"]
    run_or_fail(checks, limit=120, PYTHONPATH=str(tmp_path), PYTHONDONTWRITEBYTECODE="1")
