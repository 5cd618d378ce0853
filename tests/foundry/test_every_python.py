"""The fake, and so the adapter's journeys, on every Python from 3.9 up that this machine has."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.foundry import anywhere, tree
from tests.foundry.pythons import environment
from tests.pythons import HOST_VERSIONS, ROOT, run_or_fail

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")


@pytest.mark.timeout(240)
@pytest.mark.parametrize("version", HOST_VERSIONS)
def test_the_fake_plays_on(version: str, tmp_path: Path) -> None:
    command = [environment(version), "-W", "error", "-m", anywhere.__name__, tmp_path]
    run_or_fail(command, limit=60, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1")
