"""Which file this process is decoding, recorded where the record outlives the process.

A malformed file can crash the process that decodes it, or keep it busy for ever, and neither raises an error. A process
that decodes calls `start` with the path of a small file; from then on `watch` records each file there while it is being
decoded. The process that watches it calls `current`, also after a crash. This module uses the standard library alone:
those who watch never load the engine.

The record is shared memory backed by a file; writing it costs about 25 microseconds for each file that is decoded.
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
"""Seconds that decoding a file may take, on top of its size divided by `MIN_BYTES_PER_SECOND`. Not measured."""

MIN_BYTES_PER_SECOND = 20e6
"""Storage and decoder together are assumed to be faster than this. Not measured."""

_SIZE = 8192
_HEAD = struct.Struct("<?xxxxxxxqddH")
_record: mmap.mmap | None = None
_lock = threading.Lock()


@dataclass(frozen=True)
class FileInProgress:
    """A file that is being decoded.

    Args:
        file, frame: the file, and its number on the timeline.
        since: when decoding began, in seconds of the machine's monotonic clock.
        patience: seconds that decoding may take.
    """

    file: Path
    frame: int
    since: float
    patience: float

    def is_overdue(self, now: float) -> bool:
        """Whether decoding has taken longer than `patience`."""
        return now - self.since > self.patience


def start(path: Path) -> None:
    """From now on, record in the file `path` what this process decodes; an existing file is overwritten.

    Raises:
        OSError: the file cannot be written.
    """
    global _record
    with path.open("wb+") as file:
        file.truncate(_SIZE)
        _record = mmap.mmap(file.fileno(), _SIZE)


@contextmanager
def watch(file: Path, *, frame: int, patience: float | None = None) -> Iterator[None]:
    """Record that this file is being decoded, as long as the block lasts. Without `start` it does nothing.

    One thread at a time: with two files in the record it would be unclear which of them crashed the process.

    Args:
        patience: seconds that decoding may take; None for `PATIENCE` and the time that the file's size needs.
    """
    if _record is None:
        yield
        return
    name = os.fsencode(os.path.abspath(file))[: _SIZE - _HEAD.size]  # noqa: PTH100 - resolve() would follow links
    seconds = PATIENCE + _bytes_of(file) / MIN_BYTES_PER_SECOND if patience is None else patience
    with _lock:
        _record[_HEAD.size : _HEAD.size + len(name)] = name
        _record[: _HEAD.size] = _HEAD.pack(True, frame, time.monotonic(), seconds, len(name))
        try:
            yield
        finally:
            _record[:1] = b"\0"


def current(path: Path) -> FileInProgress | None:
    """The file that the process which records in `path` is decoding, or was decoding when it ended; None for none."""
    try:
        record = path.read_bytes()
    except OSError:
        return None
    if len(record) < _SIZE:
        return None
    is_decoding, frame, since, patience, length = _HEAD.unpack_from(record)
    name = record[_HEAD.size : _HEAD.size + length]
    return FileInProgress(Path(os.fsdecode(name)), frame, since, patience) if is_decoding else None


def _bytes_of(file: Path) -> int:
    try:
        return file.stat().st_size
    except OSError:
        return 0
