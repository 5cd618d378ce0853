"""The breadcrumb: which file this process is decoding, noted where the note outlives the process.

A hostile file can take the decoder's process down, or keep it for ever, and neither leaves an error behind. Whoever
watches the process names a small file with `lay`; from then on the file in work stands in it, and `find` reads it from
another process, also after a crash. Standard library only: it is for watchers that never load the engine.

The note is shared memory backed by a file: it costs some 25 microseconds for each file that is read.
"""

from __future__ import annotations

import mmap
import os
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

PATIENCE = 10.0
"""Seconds that a file may take to be decoded, and so many more as its size takes at `SLOWEST`."""

MIN_BYTES_PER_SECOND = 20e6
"""Bytes a second: storage and decoder together are faster even on a bad day."""

_SIZE = 8192
_HEAD = struct.Struct("<?xxxxxxxqddH")
_shared_note: mmap.mmap | None = None
_lock = threading.Lock()


@dataclass(frozen=True)
class FileInProgress:
    """One file in work.

    Args:
        file, frame: which it is.
        since: when its decoding began, on the machine's monotonic clock.
        patience: seconds that it may take.
    """

    file: Path
    frame: int
    since: float
    patience: float

    def is_overdue(self, now: float) -> bool:
        """Whether it has taken longer than it may."""
        return now - self.since > self.patience


def start(path: Path) -> None:
    """Note what this process decodes in the file `path` from here on; it is made anew.

    Raises:
        OSError: it cannot be made.
    """
    global _shared_note
    with path.open("wb+") as file:
        file.truncate(_SIZE)
        _shared_note = mmap.mmap(file.fileno(), _SIZE)


@contextmanager
def watch(file: Path, *, frame: int, patience: float | None = None) -> Iterator[None]:
    """Note that this file is being decoded, for as long as the block lasts.

    One file at a time, other threads wait: else nobody could tell which of two a process died of. Without `lay` nothing
    is noted. `patience` in seconds is for files that may take another time than `PATIENCE`.
    """
    if _shared_note is None:
        yield
        return
    name = os.fsencode(os.path.abspath(file))[: _SIZE - _HEAD.size]  # noqa: PTH100 - no link is to be followed
    seconds = PATIENCE + _bytes_of(file) / MIN_BYTES_PER_SECOND if patience is None else patience
    with _lock:
        _shared_note[_HEAD.size : _HEAD.size + len(name)] = name
        _shared_note[: _HEAD.size] = _HEAD.pack(True, frame, time.monotonic(), seconds, len(name))
        try:
            yield
        finally:
            _shared_note[:1] = b"\0"


def current(path: Path) -> FileInProgress | None:
    """The file that the process which laid `path` is decoding, or was when it ended; None where it decoded nothing."""
    try:
        noted = path.read_bytes()
    except OSError:
        return None
    if len(noted) < _SIZE:
        return None
    in_work, frame, since, patience, length = _HEAD.unpack_from(noted)
    name = noted[_HEAD.size : _HEAD.size + length]
    return FileInProgress(Path(os.fsdecode(name)), frame, since, patience) if in_work else None


def _bytes_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
