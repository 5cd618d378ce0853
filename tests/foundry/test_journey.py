"""The journey with the real engine process, on every Python that Nuke has or will have: 3.9, 3.10, 3.11 and 3.13."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_host import launch
from plugin_host.connection_file import read
from tests.foundry import journey, tree
from tests.foundry.shop import NUKE
from tests.foundry.test_every_python import environment
from tests.host.test_host_half import FOUND, ROOT, run

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
    if version not in FOUND:
        pytest.skip(f"there is no Python {version} on this machine")
    folder = tmp_path / "shot [1]"
    folder.mkdir()
    command = [environment(version), "-W", "error", "-m", journey.__name__, folder, sys.executable, NUKE]
    try:
        done = run(command, limit=200, PYTHONPATH=str(ROOT), PYTHONDONTWRITEBYTECODE="1", **house)
    except subprocess.CalledProcessError as error:
        pytest.fail(error.stderr[-4000:], pytrace=False)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["state"] == "Finished"
    assert told["python"].startswith(version)
    assert journey.FIRST in told["appeared"]
