"""How a host finds the running engine: the connection file, the runtime folder that holds it, and the engine's lock.

The engine holds the lock `engine.lock` while it runs. The operating system releases it however the engine ends, so a
connection file without a held lock is stale. Only its owner can read the file: whoever has the token may submit jobs.
This module opens no socket.
"""

from __future__ import annotations

import json
import os
import stat
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Optional

from .codec import from_json, to_json
from .errors import ProtocolError, UnsafeFolder

FILE_NAME, ENGINE_LOCK, START_LOCK, LOG_NAME = "engine.json", "engine.lock", "start.lock", "engine.log"
CLAIM_ATTEMPTS = 10  # testing a lock (`is_locked`) holds it for a moment, so one failed attempt proves nothing


@dataclass(frozen=True)
class Connection:
    """How to reach one engine: its ZeroMQ endpoint, its token, and which run of the engine it is (`session`)."""

    endpoint: str
    token: str
    pid: int
    session: str
    lowest: int
    highest: int


def runtime_folder() -> Path:
    """This user's folder for files that last as long as a login: `AAN_RUNTIME_DIR`, or the system's usual place.

    Raises:
        UnsafeFolder: when it cannot be made, is someone else's, or others may write into it.
    """
    folder = _default_folder()
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        info = folder.lstat()
    except OSError as error:
        raise UnsafeFolder(f"the runtime folder {folder} cannot be used ({error.strerror})", hint=_HINT) from None
    if sys.platform != "win32" and (
        stat.S_ISLNK(info.st_mode) or info.st_uid != os.getuid() or info.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    ):
        raise UnsafeFolder(f"the runtime folder {folder} is open to others", hint=_HINT)
    return folder


def log_file() -> Path:
    """The engine's log. One that runs in a terminal (`aan serve`) writes there instead."""
    return _default_folder() / LOG_NAME


_HINT = "Set AAN_RUNTIME_DIR to a folder that only you can write to."


def _default_folder() -> Path:
    if chosen := os.environ.get("AAN_RUNTIME_DIR"):
        return Path(chosen)
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local") / "align-and-attend" / "run"
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support" / "align-and-attend" / "run"
    if login := os.environ.get("XDG_RUNTIME_DIR"):
        return Path(login) / "align-and-attend"
    return Path(tempfile.gettempdir()) / f"align-and-attend-{os.getuid()}"


def read() -> Optional[Connection]:
    """The connection of the running engine, or None. Only a `Hello` can tell whether it also answers."""
    folder = runtime_folder()
    if not is_locked(folder / ENGINE_LOCK):
        return None
    try:
        return from_json(Connection, json.loads((folder / FILE_NAME).read_text("ascii")))
    except (OSError, ValueError, ProtocolError):
        return None


def write(connection: Connection) -> None:
    """Announce an engine. The file is replaced atomically and is readable by its owner only."""
    folder = runtime_folder()
    handle, temporary = tempfile.mkstemp(dir=folder, prefix=".engine-", suffix=".json")
    with os.fdopen(handle, "w", encoding="ascii") as file:
        json.dump(to_json(connection), file)
    Path(temporary).replace(folder / FILE_NAME)


def claim() -> Optional[IO[bytes]]:
    """Become this user's only engine on this machine, while the returned file stays open; None if one is running.

    The connection file of an engine that died is removed.
    """
    folder = runtime_folder()
    lock = None
    for _ in range(CLAIM_ATTEMPTS):
        lock = try_lock(folder / ENGINE_LOCK)
        if lock is not None:
            with suppress(OSError):
                (folder / FILE_NAME).unlink()
            break
        time.sleep(0.05)
    return lock


def remove(session: str) -> None:
    """Remove the connection file, unless it belongs to another engine by now."""
    found = read()
    if found is not None and found.session == session:
        with suppress(OSError):
            (runtime_folder() / FILE_NAME).unlink()


def try_lock(path: Path) -> Optional[IO[bytes]]:
    """Lock a file while the returned handle stays open; None if another process holds it."""
    file = path.open("ab")
    try:
        _lock(file)
    except OSError:
        file.close()
        return None
    return file


def is_locked(path: Path) -> bool:
    """Whether any process holds this lock now."""
    file = try_lock(path)
    if file is None:
        return True
    file.close()
    return False


if sys.platform == "win32":
    import msvcrt

    def _lock(file: IO[bytes]) -> None:
        file.seek(0)
        msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)

else:
    import fcntl

    def _lock(file: IO[bytes]) -> None:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
