"""The command line as a host: `aan submit` in a terminal of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

from tests.host.compliance.host import CANCELLED, FAILED, FINISHED, FRAMES, LOST

COMMAND = [sys.executable, "-c", "from plugin_host.server.cli import main; main()", "submit"]


class CommandLine:
    """`aan submit`; what is finished shows as files."""

    def __init__(self, folder: Path, engine: Any) -> None:
        self.folder, self.engine = folder, engine
        self._terminal: subprocess.Popen[bytes] | None = None
        self._told = folder / "terminal.txt"

    def submit(self) -> None:
        shot = ["--plate", self.folder / "plate.####.exr", "--matte", self.folder / "matte.####.exr"]
        command = [*COMMAND, *map(str, shot), "--out", str(self.folder / "out" / "o.####.exr")]
        with self._told.open("wb") as told:
            environment = {**os.environ, "AAN_ENGINE": str(self.engine.python)}
            self._terminal = subprocess.Popen(command, stdout=told, stderr=told, env=environment)

    def look(self) -> None:
        time.sleep(0.02)

    def frames(self) -> list[int]:
        return [frame for frame in FRAMES if self.file(frame).exists()]

    def file(self, frame: int) -> Path:
        return self.folder / "out" / f"o.{frame}.exr"

    def ended(self) -> str:
        assert self._terminal is not None
        code = self._terminal.poll()
        if code is None:
            return ""
        lost = "does not answer" in self.words() or "worker" in self.words()
        return {0: FINISHED, 130: CANCELLED}.get(code, LOST if lost else FAILED)

    def words(self) -> str:
        return self._told.read_text()

    def cancel(self) -> None:
        assert self._terminal is not None
        self._terminal.send_signal(signal.SIGINT)

    def leave(self) -> None:
        assert self._terminal is not None
        self._terminal.kill()
        self._terminal.wait(10)

    def come_back(self) -> None:
        self.submit()

    again = come_back

    def close(self) -> None:
        if self._terminal is not None and self._terminal.poll() is None:
            self.leave()
