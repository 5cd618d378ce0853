"""A Blender of its own at work in the darkroom: started, watched from the timer, stopped. It never blocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from .errors import DevelopingFailed

DARKROOM = Path(__file__).with_name("render_inputs.py")
Files = list[tuple[int, str]]


@dataclass
class Order:
    """What is to be made before the job can begin. `blocks` are the data-blocks that it takes."""

    works: list[dict[str, Any]] = field(default_factory=list)
    blocks: set[Any] = field(default_factory=set)

    def mask(self, mask: Any, *, size: tuple[int, int], files: Files) -> None:
        """Render a mask; `files` are pairs of a frame of the mask's and a path."""
        self.works.append({"mask": mask.name, "size": list(size), "files": files})
        self.blocks.add(mask)

    def strip(self, scene: Any, name: str, *, opaque: bool, files: Files) -> None:
        """Render a strip by itself; `files` are pairs of a timeline frame and a path."""
        self.works.append({"scene": scene.name, "strip": name, "opaque": opaque, "files": files})
        self.blocks.add(scene)


class Developing:
    """An order being carried out: `done` of `total` pictures were there at the last look."""

    def __init__(self, order: Order, folder: Path) -> None:
        self.total = sum(len(work["files"]) for work in order.works)
        self.done = 0
        self._folder = folder
        self._order_file = folder / "order.json"
        blend = folder / "order.blend"
        bpy.data.libraries.write(str(blend), order.blocks, path_remap="ABSOLUTE")
        self._order_file.write_text(json.dumps({"blend": str(blend), "works": order.works}), "utf-8")
        self._process = self._started()

    def poll(self) -> bool:
        """Whether everything is there.

        Raises:
            DevelopingFailed: it will never be.
        """
        self.done = max(0, self._pictures() - self._before)
        status = self._process.poll()
        if status is None:
            return False
        if status == 0:
            return True
        raise DevelopingFailed(self._why(status), hint=f"Its words are in {self._folder / 'order.log'}.")

    def stop(self) -> None:
        """Make no more pictures."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _started(self) -> subprocess.Popen[bytes]:
        self._before = self._pictures()
        with (self._folder / "order.log").open("wb") as words:
            try:
                return subprocess.Popen(
                    [*_blender(), str(self._order_file)],
                    stdin=subprocess.DEVNULL,
                    stdout=words,
                    stderr=words,
                    env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                )
            except OSError as error:
                raise DevelopingFailed(f"no second Blender can be started ({error.strerror})") from None

    def _pictures(self) -> int:
        return sum(1 for _ in self._folder.glob("*.exr"))

    def _why(self, status: int) -> str:
        words: str | None = None
        told = self._order_file.with_suffix(".txt")
        if told.is_file():
            words = told.read_text("utf-8", errors="replace")
        return f"plates or mattes could not be rendered ({words or f'exit code {status}'})"


def _blender() -> list[str]:
    """This Blender anew, without the artist's settings; as a Python module it has no program of its own."""
    if bpy.app.binary_path:
        return [bpy.app.binary_path, "--background", "--factory-startup", "--python", str(DARKROOM), "--"]
    return [sys.executable, str(DARKROOM)]
