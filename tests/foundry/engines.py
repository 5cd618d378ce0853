"""An engine for the adapter's tests: a real process, its pictures made by `stand_in`."""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_host import connection_file
from tests.foundry.shop import STARTED

ROOT = Path(__file__).resolve().parents[2]


class Engine:
    """The one engine of these tests' machine, as long as somebody starts it; it goes on from test to test."""

    def __init__(self, root: Path) -> None:
        self.gate = root / "gate"
        self.python = root / "python"
        self.python.write_text(
            f'#!/bin/sh\nPYTHONPATH="{ROOT}" exec "{sys.executable}" "$@" --engine tests.foundry.stand_in:make\n'
        )
        self.python.chmod(0o755)

    def hold_at(self, frame: int) -> None:
        """Frames from this one on wait."""
        self.gate.write_text(str(frame))

    def go_on(self) -> None:
        self.gate.unlink(missing_ok=True)

    @property
    def lives(self) -> bool:
        return connection_file.read() is not None

    def kill(self) -> None:
        """It is gone at once, as when the machine's memory ran out."""
        found = connection_file.read()
        if found is not None:
            os.kill(found.pid, signal.SIGKILL)
            while self.lives:
                time.sleep(0.01)


@pytest.fixture(scope="module")
def shared_engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    root = tmp_path_factory.mktemp("engine")
    with pytest.MonkeyPatch.context() as patch:
        for name in ("AAN_RUNTIME_DIR", "AAN_CACHE_DIR"):
            (root / name).mkdir(mode=0o700)
            patch.setenv(name, str(root / name))
        patch.setenv("STAND_IN_GATE", str(root / "gate"))
        patch.delenv("AAN_ENGINE", raising=False)
        yield Engine(root)
        found = connection_file.read()
        if found is not None:
            os.kill(found.pid, signal.SIGTERM)
        for process in STARTED:
            process.wait(10)
        STARTED.clear()


@pytest.fixture
def engine(shared_engine: Engine) -> Iterator[Engine]:
    yield shared_engine
    if shared_engine.gate.exists():
        shared_engine.go_on()
        time.sleep(0.2)  # what still waits is done before the next test shuts the gate
