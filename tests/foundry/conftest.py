"""An engine for the adapter's tests: a real process, its pictures made by `stand_in`."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from plugin_host import connection
from tests.foundry.shop import STARTED

ROOT = Path(__file__).resolve().parents[2]


class Engine:
    """The one engine of this test's machine, as long as somebody starts it."""

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
        self.gate.unlink()

    @property
    def lives(self) -> bool:
        return connection.read() is not None

    def kill(self) -> None:
        """It is gone, as after a crash of the machine's memory."""
        found = connection.read()
        assert found is not None, "there is no engine to kill"
        os.kill(found.pid, signal.SIGKILL)

    def close(self) -> None:
        found = connection.read()
        if found is not None:
            os.kill(found.pid, signal.SIGTERM)
        for process in STARTED:
            process.wait(10)
        STARTED.clear()


@pytest.fixture
def engine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Engine]:
    for name in ("AAN_RUNTIME_DIR", "AAN_CACHE_DIR"):
        (tmp_path / name).mkdir(mode=0o700)
        monkeypatch.setenv(name, str(tmp_path / name))
    monkeypatch.setenv("STAND_IN_GATE", str(tmp_path / "gate"))
    monkeypatch.delenv("AAN_ENGINE", raising=False)
    found = Engine(tmp_path)
    yield found
    found.close()
