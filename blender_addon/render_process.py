"""Runs a second Blender that renders a job's inputs. The timer polls it; nothing here blocks."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bpy

from .errors import RenderFailed

SCRIPT = Path(__file__).with_name("render_inputs.py")
LOG_NAME = "render_queue.log"
FramePaths = list[tuple[int, str]]


@dataclass
class RenderQueue:
    """The renders that a job needs before it can be submitted, and the data-blocks that they use."""

    renders: list[dict[str, Any]] = field(default_factory=list)
    data_blocks: set[Any] = field(default_factory=set)

    def add_mask(self, mask: bpy.types.Mask, *, size: tuple[int, int], files: FramePaths) -> None:
        """Render a mask; `files` are pairs of a mask frame and a path."""
        self.renders.append({"mask": mask.name, "size": list(size), "files": files})
        self.data_blocks.add(mask)

    def add_strip(self, scene: bpy.types.Scene, name: str, *, opaque: bool, files: FramePaths) -> None:
        """Render a strip alone; `files` are pairs of a timeline frame and a path."""
        self.renders.append({"scene": scene.name, "strip": name, "opaque": opaque, "files": files})
        self.data_blocks.add(scene)


class RenderProcess:
    """The second Blender at work: `done` of `total` pictures existed at the last `poll`."""

    def __init__(self, queue: RenderQueue, folder: Path) -> None:
        self.total = sum(len(render["files"]) for render in queue.renders)
        self.done = 0
        self._folder = folder
        self._queue_file = folder / "render_queue.json"
        blend = folder / "render_queue.blend"
        bpy.data.libraries.write(str(blend), queue.data_blocks, path_remap="ABSOLUTE")
        self._queue_file.write_text(json.dumps({"blend": str(blend), "renders": queue.renders}), "utf-8")
        self._process = self._start()

    def poll(self) -> bool:
        """Whether all pictures are rendered.

        Raises:
            RenderFailed: when Blender ended with an error.
        """
        self.done = max(0, self._count_pictures() - self._already_there)
        status = self._process.poll()
        if status is None:
            return False
        if status == 0:
            return True
        raise RenderFailed(self._failure_reason(status), hint=f"Its log is {self._folder / LOG_NAME}.")

    def stop(self) -> None:
        """Kill the process."""
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def _start(self) -> subprocess.Popen[bytes]:
        self._already_there = self._count_pictures()
        with (self._folder / LOG_NAME).open("wb") as log:
            try:
                return subprocess.Popen(
                    [*_blender_command(), str(self._queue_file)],
                    stdin=subprocess.DEVNULL,
                    stdout=log,
                    stderr=log,
                    env={**os.environ, "PYTHONDONTWRITEBYTECODE": "1"},
                )
            except OSError as error:
                raise RenderFailed(f"no second Blender can be started ({error.strerror})") from None

    def _count_pictures(self) -> int:
        return sum(1 for _ in self._folder.glob("*.exr"))

    def _failure_reason(self, status: int) -> str:
        reason: str | None = None
        error_file = self._queue_file.with_suffix(".txt")
        if error_file.is_file():
            reason = error_file.read_text("utf-8", errors="replace")
        return f"plates or mattes could not be rendered ({reason or f'exit code {status}'})"


def _blender_command() -> list[str]:
    """This Blender without the artist's settings; where bpy is a Python module, Python itself."""
    if bpy.app.binary_path:
        return [bpy.app.binary_path, "--background", "--factory-startup", "--python", str(SCRIPT), "--"]
    return [sys.executable, str(SCRIPT)]
