"""The folder of one job: the result's frames, and the plates and mattes that were rendered or linked for the engine.

    <chosen folder>/<strip>/v001/clean.1001.exr ...      the result
    <chosen folder>/<strip>/v001/input/plate.1001.exr    links to the plates' files, or rendered plates
    <chosen folder>/<strip>/v001/input/matte.1001.exr

Each job has a new folder, so that Blender never shows a cached frame of an earlier one.
"""

from __future__ import annotations

import os
import re
import shutil
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from .errors import CannotPlaceResult

RESULT_FILES, PLATE_FILES, MATTE_FILES = "clean.####.exr", "plate.####{suffix}", "matte.####{suffix}"


@dataclass(frozen=True)
class ResultFolder:
    """The paths of one job."""

    path: Path

    @property
    def output(self) -> str:
        """The result's pattern."""
        return str(self.path / RESULT_FILES)

    def input_pattern(self, kind: str, suffix: str = ".exr") -> str:
        """The pattern of an input; `kind` is `PLATE_FILES` or `MATTE_FILES`. Makes the folder."""
        folder = self.path / "input"
        folder.mkdir(parents=True, exist_ok=True)
        return str(folder / kind.format(suffix=suffix))

    def link(self, pattern: str, files: Mapping[int, str]) -> None:
        """Link the frames of a pattern to these files."""
        head, _, tail = pattern.rpartition("####")
        for frame, file in files.items():
            _link(Path(file), Path(f"{head}{frame:04d}{tail}"))


def create(chosen: str, strip_name: str) -> ResultFolder:
    """Make the next free folder for a strip.

    Raises:
        CannotPlaceResult: when it cannot be made.
    """
    if not chosen or not Path(chosen).is_absolute():
        raise CannotPlaceResult(
            "the result would lie beside the file, which was never saved",
            hint="Save the file first, or choose a full path for the result's folder.",
        )
    base = Path(chosen) / (re.sub(r"[^\w.-]+", "_", strip_name).strip("._") or "strip")
    try:
        base.mkdir(parents=True, exist_ok=True)
        taken = [int(path.name[1:]) for path in base.iterdir() if re.fullmatch(r"v\d+", path.name)]
        path = base / f"v{max(taken, default=0) + 1:03d}"
        path.mkdir()
    except OSError as error:
        raise CannotPlaceResult(
            f"the folder {base} cannot be used ({error.strerror})", hint="Choose another folder for the result."
        ) from None
    return ResultFolder(path)


def _link(source: Path, target: Path) -> None:
    """A symbolic link where the system allows it, else a hard link, else a copy."""
    for way in (os.symlink, os.link):
        try:
            way(source, target)
            return
        except OSError:
            continue
    shutil.copy2(source, target)
