"""One writer at a time to a file that several processes, also on several machines, change one after the other.

It lasts milliseconds: a lock that is older belongs to a process that died. Where none can be had, the caller goes on
without: what it guards must stay whole by itself, and only be less complete.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from aan_engine.core.temporary_name import SUFFIX, hidden_path

PATIENCE = 2.0
"""Seconds to wait for another process."""

STALE = 10.0
"""Seconds after which a lock's process is taken for dead."""

_PAUSE = 0.01
_ENDING = f".lock{SUFFIX}"


@contextmanager
def folder_lock(path: Path) -> Iterator[bool]:
    """Hold the lock of a file while the context lasts; says whether it could be had.

    A file that is made only if it is not there yet is the lock: unlike other locks this holds on network disks too.
    """
    lock = hidden_path(path, _ENDING)
    held = _acquire(lock)
    try:
        yield held
    finally:
        if held:
            with suppress(OSError):
                lock.unlink()


def _acquire(lock: Path) -> bool:
    end = time.monotonic() + PATIENCE
    while True:
        try:
            os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
        except FileExistsError:
            _remove_stale(lock)
        except OSError:
            return False
        else:
            return True
        if time.monotonic() > end:
            return False
        time.sleep(_PAUSE)


def _remove_stale(lock: Path) -> None:
    with suppress(OSError):
        if time.time() - lock.stat().st_mtime > STALE:
            lock.unlink()
