"""The command line passes what every host must: `aan submit`, with a real engine process that fills in words."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
import unittest
from pathlib import Path

from tests.compliance.stories import FRAMES, Compliance, State

ROOT = Path(__file__).resolve().parents[2]
OTHER_VERSION = """
import sys
import plugin_host.protocol as protocol
protocol.LOWEST = protocol.HIGHEST = int(sys.argv.pop())
from plugin_host.server.__main__ import main
sys.exit(main())
"""


class TheCommandLine(Compliance, unittest.TestCase):
    """What is shown is what lies in the result's folder; closing the host is closing its terminal."""

    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="aan-compliance-")
        self.addCleanup(folder.cleanup)
        self.root = Path(folder.name)
        for name in ("run", "cache", "shot", "gates"):
            (self.root / name).mkdir(mode=0o700)
        self.environment = {name: value for name, value in os.environ.items() if not name.startswith("AAN_")} | {
            "AAN_RUNTIME_DIR": str(self.root / "run"),
            "AAN_CACHE_DIR": str(self.root / "cache"),
            "FAKE_WEIGHTS": str(self.root / "weights"),
            "PYTHONPATH": os.pathsep.join([str(ROOT / "tests" / "host"), str(ROOT)]),
        }
        for frame in FRAMES:
            (self.root / "shot" / f"plate.{frame}.exr").write_text(f"wait {self._gate(frame)}")
            self._gate(frame).touch()
        (self.root / "shot" / "matte.exr").write_text("a still matte")
        self.engine: subprocess.Popen[bytes] | None = None
        self.host: subprocess.Popen[str] | None = None
        self.addCleanup(self._close)

    def hold_at(self, frame: int) -> None:
        for later in FRAMES[FRAMES.index(frame) :]:
            self._gate(later).unlink(missing_ok=True)

    def go_on(self) -> None:
        for frame in FRAMES:
            self._gate(frame).touch()

    def start_engine(self, *, speaks: int = 0) -> None:
        module = ["-c", OTHER_VERSION] if speaks else ["-m", "plugin_host.server"]
        version = [str(speaks)] if speaks else []
        command = [sys.executable, *module, "--engine", "fake_engine:make", *version]
        with (self.root / "engine.txt").open("ab") as log:
            self.engine = subprocess.Popen(command, stdout=log, stderr=log, env=self.environment)
        while not list((self.root / "run").glob("*.json")):
            assert self.engine.poll() is None, (self.root / "engine.txt").read_text()
            time.sleep(0.01)

    def kill_engine(self) -> None:
        assert self.engine is not None
        self.engine.kill()
        self.engine.wait()

    def lose_plate(self, frame: int) -> None:
        (self.root / "shot" / f"plate.{frame}.exr").unlink()

    def submit(self) -> None:
        self._hang_up()
        shot = self.root / "shot"
        job = [
            "--plate",
            f"{shot}/plate.####.exr",
            "--matte",
            f"{shot}/matte.exr",
            "--out",
            f"{self.root}/out.####.exr",
        ]
        command = [str(Path(sys.executable).with_name("aan")), "submit", *job]
        self.said = (self.root / "said.txt").open("w+")
        self.addCleanup(self.said.close)
        self.host = subprocess.Popen(command, stdout=self.said, stderr=self.said, env=self.environment, text=True)

    def cancel(self) -> None:
        assert self.host is not None
        self.host.send_signal(signal.SIGINT)

    def reopen(self) -> None:
        self._hang_up()
        self.submit()

    def turn(self) -> None:
        time.sleep(0.02)

    def state(self) -> State:
        ended = self.host.poll() if self.host is not None else 0
        if ended is None:
            return State.BUSY
        if ended == 1 and "does not answer" in self.words():
            return State.LOST
        return {0: State.FINISHED, 130: State.CANCELLED}.get(ended, State.FAILED)

    def words(self) -> str:
        return (self.root / "said.txt").read_text()

    def shown(self) -> tuple[int, ...]:
        found = (re.fullmatch(r"out\.(\d+)\.exr", path.name) for path in self.root.iterdir())
        return tuple(sorted(int(match[1]) for match in found if match))

    def filled(self) -> list[int]:
        """Each frame once the engine opened its plate, which it does anew for one that it was held up at."""
        notes = (self.root / "shot" / "opened.txt").read_text().split()
        return [frame for frame in FRAMES if str(frame) in notes and notes.count(str(frame)) <= 1 + (frame == 1003)]

    def _gate(self, frame: int) -> Path:
        return self.root / "gates" / str(frame)

    def _hang_up(self) -> None:
        if self.host is not None and self.host.poll() is None:
            self.host.kill()
        if self.host is not None:
            self.host.wait()

    def _close(self) -> None:
        self._hang_up()
        if self.engine is not None and self.engine.poll() is None:
            self.engine.terminate()
            self.engine.wait(20)
