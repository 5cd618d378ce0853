"""The journey with the real engine process, on every Python that Nuke has or will have: 3.9, 3.10, 3.11 and 3.13."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_host import launch
from plugin_host.connection_file import read
from tests.foundry import journey, tree
from tests.foundry.pythons import environment
from tests.foundry.shop import NUKE
from tests.pythons import ROOT, run_or_fail

pytestmark = pytest.mark.skipif(tree.TCL is None, reason="tclsh")

PYTHONS = ("3.9", "3.10", "3.11", "3.13")


@pytest.fixture(scope="module")
def house(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Where one real engine lives for all of them, started by the first."""
    root = tmp_path_factory.mktemp("house")
    found = {}
    for name in ("AAN_RUNTIME_DIR", "AAN_CACHE_DIR"):
        (root / name).mkdir(mode=0o700)
        found[name] = str(root / name)
    with pytest.MonkeyPatch.context() as patch:
        for name, value in found.items():
            patch.setenv(name, value)
        yield found
        if read() is not None:
            with launch.find_or_start() as client:
                client.answer(client.shutdown())


@pytest.mark.timeout(240)
@pytest.mark.parametrize("version", PYTHONS)
def test_a_day_with_the_real_engine_on(version: str, house: dict[str, str], tmp_path: Path) -> None:
    folder = tmp_path / "shot [1]"
    folder.mkdir()
    command = [environment(version), "-W", "error", "-m", journey.__name__, folder, sys.executable, NUKE]
    said = run_or_fail(command, limit=200, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1", **house)
    told = json.loads(said.splitlines()[-1])
    assert told["state"] == "Finished"
    assert told["python"].startswith(version)
    assert journey.FIRST in told["appeared"]
