"""The sequences and single files of a folder, found by their names: nothing is opened."""

from __future__ import annotations

import re
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

from ..sequence import parse

# The frame number is the last run of digits before the extension.
_NUMBERED = re.compile(r"(?P<head>.*?)(?P<number>[0-9]+)(?P<tail>\.[^.]+)", re.DOTALL)


@dataclass(frozen=True)
class Listed:
    """A sequence of a folder, or a single file: its path, as `sequence` reads patterns, and its first file."""

    pattern: str
    first: Path


def list_folder(folder: Path) -> list[Listed]:
    """What the files of a folder are, ordered by name; hidden files do not count.

    Files that differ only in their number are a sequence. Numbers of other padding than the shortest are single files.

    Raises:
        OSError: the folder cannot be read.
    """
    names = sorted(entry.name for entry in folder.iterdir() if entry.is_file() and not entry.name.startswith("."))
    groups: dict[tuple[str, str], list[tuple[int, str]]] = defaultdict(list)
    for name in names:
        if (found := _NUMBERED.fullmatch(name)) is not None:
            groups[found["head"], found["tail"]].append((len(found["number"]), name))
    listed, taken = [], set[str]()
    for (head, tail), members in groups.items():
        pattern = parse(str(folder / f"{head}{'#' * min(width for width, _ in members)}{tail}"))
        frames = {frame: name for _, name in members if (frame := pattern.frame_of(name)) is not None}
        if len(frames) > 1:
            taken.update(frames.values())
            path = str(folder / f"{head}{'#' * (pattern.width or 1)}{tail}")
            listed.append(Listed(path, folder / frames[min(frames)]))
    listed += [Listed(str(folder / name), folder / name) for name in names if name not in taken]
    return sorted(listed, key=lambda entry: entry.pattern)
