"""Finished frames on disk, stored by content key, so that no frame is rendered twice.

    <root>/<key>/fill.1001.exr ...    frames under their final names, always complete
    <root>/<key>/fill.report.json     the report of the frames so far, with its picture under .png
    <root>/<key>/manifest.json        size and modification time of each frame; a file that differs from it is ignored

The modification time of the manifest says when an entry was last used. The least recently used entries are evicted
first. Only folders that are named like keys (64 hex digits) and hold a manifest are entries; everything else at the
root is left alone. One engine writes at a time; any process may read. It knows no jobs, sockets or pixels.
"""

from __future__ import annotations

import json
import os
import re
import secrets
import shutil
import tempfile
from collections.abc import Collection
from contextlib import suppress
from pathlib import Path

import platformdirs

from ..sequence import parse
from .failures import JobError
from .report_files import picture_path, report_path

FRAME_PATTERN = "fill.####.exr"
MANIFEST = "manifest.json"
_KEY = re.compile("[0-9a-f]{64}")


def default_root() -> Path:
    """`AAN_CACHE_DIR`, or the user's cache folder."""
    return Path(os.environ.get("AAN_CACHE_DIR") or platformdirs.user_cache_path("align-and-attend") / "frames")


def default_budget() -> int:
    """`AAN_CACHE_GB` (50 without it) in bytes."""
    return int(float(os.environ.get("AAN_CACHE_GB") or 50) * 1e9)


class CacheUnusable(JobError):
    """The cache's folder can be neither made nor written to."""

    def __init__(self, root: Path, error: OSError) -> None:
        hint = "Set AAN_CACHE_DIR to a folder of yours, stop the engine (aan stop) and submit again."
        super().__init__(
            f"the engine's cache folder {root} cannot be used: {error.strerror or error}", hint=hint, code="output"
        )


class CacheEntry:
    """The cached frames of one key."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.pattern = str(folder / FRAME_PATTERN)
        self.report = report_path(self.pattern)

    def path(self, frame: int) -> Path:
        """The path of a frame, whether it exists yet or not."""
        return Path(parse(self.pattern).path(frame))

    def frames(self) -> dict[int, Path]:
        """The frames that exist and are unchanged since they were recorded."""
        recorded = self._read_manifest()
        return {frame: self.path(frame) for frame in sorted(recorded) if _stamp(self.path(frame)) == recorded[frame]}

    def prepare(self) -> None:
        """Make the folder, and remove files that a killed worker left half-written. For the writer only."""
        self.folder.mkdir(parents=True, exist_ok=True)
        whole = {path.name for path in self.frames().values()} | {MANIFEST, self.report.name}
        whole |= {picture_path(self.report).name}
        for path in self.folder.iterdir():
            if path.name not in whole:
                path.unlink()
        self._write_manifest(self._read_manifest())

    def record(self, frame: int) -> Path:
        """Add a frame that lies under its final name to the manifest."""
        path = self.path(frame)
        self._write_manifest({**self._read_manifest(), frame: _stamp(path)})
        return path

    def remove(self, frames: Collection[int]) -> None:
        """Delete frames from the entry."""
        self._write_manifest({frame: stamp for frame, stamp in self._read_manifest().items() if frame not in frames})
        for frame in frames:
            self.path(frame).unlink(missing_ok=True)

    def touch(self) -> None:
        """Mark the entry as used now."""
        with suppress(OSError):
            os.utime(self.folder / MANIFEST)

    def size(self) -> int:
        """Bytes on disk, as recorded."""
        return sum(stamp[0] for stamp in self._read_manifest().values())

    def last_used(self) -> int:
        """Nanoseconds since the epoch."""
        stamp = _stamp(self.folder / MANIFEST)
        return stamp[1]

    def _read_manifest(self) -> dict[int, tuple[int, int]]:
        try:
            entries = json.loads((self.folder / MANIFEST).read_text("ascii"))["frames"]
            return {int(frame): (size, mtime_ns) for frame, (size, mtime_ns) in entries.items()}
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            return {}

    def _write_manifest(self, entries: dict[int, tuple[int, int]]) -> None:
        temporary = self.folder / f".{secrets.token_hex(4)}.json"
        try:
            temporary.write_text(json.dumps({"frames": entries}), "ascii")
            temporary.replace(self.folder / MANIFEST)
        finally:
            temporary.unlink(missing_ok=True)


class Cache:
    """All entries below `root`, together no larger than `budget` bytes."""

    def __init__(self, root: Path, *, budget: int) -> None:
        self._root = root
        self._budget = budget

    def entry(self, key: str) -> CacheEntry:
        """The entry of one key; it need not exist."""
        return CacheEntry(self._root / key)

    def check(self) -> None:
        """Make the folder, and test that it is writable, before hours of work.

        Raises:
            CacheUnusable: when it is not.
        """
        try:
            self._root.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=self._root) as file:
                file.write(b"EXR")
        except OSError as error:
            raise CacheUnusable(self._root, error) from error

    def evict(self, *, keep: Collection[str]) -> None:
        """Delete the least recently used entries until the rest fits the budget, but none of the keys in `keep`."""
        with suppress(OSError):  # a folder that cannot be used is told of elsewhere
            entries = [CacheEntry(folder) for folder in self._root.iterdir() if _is_entry(folder)]
            over = sum(entry.size() for entry in entries) - self._budget
            for entry in sorted(entries, key=CacheEntry.last_used):
                if over <= 0:
                    return
                if entry.folder.name not in keep:
                    over -= entry.size()
                    shutil.rmtree(entry.folder, ignore_errors=True)


def _is_entry(folder: Path) -> bool:
    return _KEY.fullmatch(folder.name) is not None and (folder / MANIFEST).is_file() and not folder.is_symlink()


def _stamp(path: Path) -> tuple[int, int]:
    try:
        info = path.stat()
    except OSError:
        return (-1, -1)
    return (info.st_size, info.st_mtime_ns)
