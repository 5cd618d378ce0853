"""Blender as a host: a Blender without a window in its own Python, told over a pipe what an artist does there."""

from __future__ import annotations

import json
import os
import subprocess
import time
from pathlib import Path
from typing import IO, Any

from tests.blender.blenders import ADDON, ASIDE, EVERYDAY, HERE, package, python_of
from tests.host.compliance.host import CANCELLED, FAILED, FINISHED, FRAMES, LOST

ENDS = {"FINISHED": FINISHED, "CANCELLED": CANCELLED, "FAILED": FAILED, "ABSENT": FAILED, "LOST": LOST, "IDLE": FAILED}
ANSWER = "--answer: "


class Blender:
    """One session after another; see `inside/driven.py`."""

    def __init__(self, folder: Path, engine: Any) -> None:
        self.folder, self.engine = folder, engine
        self._python = python_of(EVERYDAY)
        package.stage(folder / "addons" / ADDON)
        self._process = self._start()
        self._tell("new", str(folder), FRAMES[0], FRAMES[-1])
        self._seen = self._tell("look")

    def submit(self) -> None:
        self._tell("press", "clean")
        self._seen = self._tell("look")
        self._tell("save")

    again = submit

    def look(self) -> None:
        time.sleep(0.02)
        self._seen = self._tell("look")

    def frames(self) -> list[int]:
        return [frame for frame in FRAMES if self.file(frame).name in self._seen["names"]]

    def file(self, frame: int) -> Path:
        return Path(self._seen["folder"]) / f"clean.{frame}.exr"

    def ended(self) -> str:
        return ENDS.get(self._seen["phase"], "")

    def words(self) -> str:
        return str(self._seen["words"])

    def cancel(self) -> None:
        self._tell("press", "cancel")

    def leave(self) -> None:
        self._tell("save")
        self.close()

    def come_back(self) -> None:
        self._process = self._start()
        self._tell("open", str(self.folder))
        self.look()
        end = time.monotonic() + 5
        while self.ended() == LOST and time.monotonic() < end:  # so it shows until the engine has been asked
            self.look()

    def close(self) -> None:
        self._process.kill()
        self._process.wait(20)
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()

    def _start(self) -> subprocess.Popen[str]:
        clean = {name: value for name, value in os.environ.items() if not name.startswith("PYTHON")}
        own = {
            **{"AAN_ENGINE": self.engine.python, "AAN_ADDON": ADDON, "AAN_ADDON_PATH": self.folder / "addons"},
            **{"BLENDER_USER_RESOURCES": self.folder, "PYTHONPATH": self._python.parents[1] / ASIDE},
        }
        return subprocess.Popen(
            [str(self._python), str(HERE / "inside" / "driven.py")],
            env={**clean, **{name: str(value) for name, value in own.items()}},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            errors="replace",
        )

    def _tell(self, *words: object) -> Any:
        asked, answered = self._process.stdin, self._process.stdout
        assert asked is not None
        assert answered is not None
        print(json.dumps(words), file=asked, flush=True)
        answer = json.loads(_answer(answered))
        assert "fault" not in answer, answer["fault"]
        return answer["is"]


def _answer(lines: IO[str]) -> str:
    said = []
    for line in lines:
        if line.startswith(ANSWER):
            return line[len(ANSWER) :]
        said.append(line)
    raise AssertionError("Blender is gone; it said:\n" + "".join(said[-30:]))
