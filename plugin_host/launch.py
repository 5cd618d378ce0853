"""Finds the engine that runs on this machine, or starts one: detached, so that it outlives the host that needed it.

A host with a window makes an `EngineLaunch` and calls its `poll()` from a timer; a terminal calls `find_or_start()`.
Both end with a connected client. When several hosts start at once, the first to take the start lock starts the engine
and the others wait for it. This module does not know what the engine does.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path
from typing import IO, Dict, List, Optional

from . import connection_file
from .client import Client
from .connection_file import log_file as log_file
from .errors import EngineRefused, EngineStartFailed
from .interpreter import install_command
from .protocol import Refused, Welcome

POLL_INTERVAL = 0.05  # seconds between two polls of a blocking call
LOG_TAIL_LINES = 12  # of the end of the log, quoted when the engine does not start
MODULE = "plugin_host.server"

_started: List[subprocess.Popen[bytes]] = []  # kept so that their exit status is collected once they end


def find(*, name: str = "", timeout: float = 2.0) -> Optional[Client]:
    """A connected client of the running engine, or None. Blocks while the engine is asked.

    Raises:
        EngineRefused: when an engine runs, but shares no protocol version with this host.
    """
    connection = connection_file.read()
    if connection is None:
        return None
    client = Client(connection, name=name)
    end = time.monotonic() + timeout
    while time.monotonic() < end:
        if _is_welcomed(client):
            return client
        time.sleep(POLL_INTERVAL / 5)
    client.close()
    return None


def find_or_start(*, python: Optional[str] = None, name: str = "", timeout: float = 120.0) -> Client:
    """A client of the running engine, or of a newly started one. Blocks; otherwise like `EngineLaunch`."""
    start = EngineLaunch(python=python, name=name, timeout=timeout)
    try:
        while True:
            client = start.poll()
            if client is not None:
                return client
            time.sleep(POLL_INTERVAL)
    except BaseException:
        start.abandon()
        raise


class EngineLaunch:
    """An engine that is being started.

    Args:
        python: the interpreter that has the engine installed; by default the one named by `AAN_ENGINE`, else the one
            that runs this. A host must name it: within Nuke or Blender `sys.executable` is not an engine's Python.
        name: the host's name, for the engine's log.
        timeout: seconds after which the launch fails.
    """

    def __init__(self, *, python: Optional[str] = None, name: str = "", timeout: float = 120.0) -> None:
        self._command = [python or os.environ.get("AAN_ENGINE") or sys.executable, "-m", MODULE]
        self._name = name
        self._timeout = timeout
        self._end = time.monotonic() + timeout
        self._folder = connection_file.runtime_folder()
        self._lock: Optional[IO[bytes]] = None
        self._process: Optional[subprocess.Popen[bytes]] = None
        self._client: Optional[Client] = None

    def poll(self) -> Optional[Client]:
        """Check without blocking: a connected client once the engine is up, else None.

        Raises:
            EngineStartFailed: when it died while starting, or did not come up in time; the reason ends with its last
                output.
            EngineRefused: when an engine runs, but shares no protocol version with this host.
        """
        client = self._connected_client()
        if client is not None:
            self._release_lock()
            return client
        if time.monotonic() > self._end:
            raise self._failure(f"the engine did not come up in {self._timeout:.0f} s")
        if self._client is None and not self._engine_lives():
            self._start_process()
        return None

    def abandon(self) -> None:
        """Give up: an engine that is still starting is stopped, one that is up stays."""
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
        if self._client is not None:
            self._client.close()
        self._release_lock()

    def _connected_client(self) -> Optional[Client]:
        if self._client is not None and self._client.lost:
            self._client.close()
            self._client = None
        if self._client is None:
            connection = connection_file.read()
            if connection is None:
                return None
            self._client = Client(connection, name=self._name)
        try:
            return self._client if _is_welcomed(self._client) else None
        except EngineRefused:
            self._process = None  # it is up, and other hosts may use it
            raise

    def _engine_lives(self) -> bool:
        return connection_file.is_locked(self._folder / connection_file.ENGINE_LOCK)

    def _start_process(self) -> None:
        """Start the engine, unless another host is doing so; notice when this host's engine has died."""
        if self._process is not None:
            if self._process.poll() is not None:
                raise self._failure(f"the engine ended while starting (exit code {self._process.returncode})")
            return
        if self._lock is None:
            self._lock = connection_file.try_lock(self._folder / connection_file.START_LOCK)
        if self._lock is not None and not self._engine_lives():
            self._process = _start_detached(self._command, self._folder)
            _started[:] = [process for process in _started if process.poll() is None] + [self._process]

    def _failure(self, reason: str) -> EngineStartFailed:
        self.abandon()
        output = _last_lines(log_file())
        if re.search(rf"No module named '?{MODULE.partition('.')[0]}", output):
            return EngineStartFailed(
                f"{self._command[0]} does not have the engine", hint=f"In its folder run: {install_command()}"
            )
        said = f"; its last output:\n{output}\n" if output else ""
        return EngineStartFailed(reason + said, hint=f"Tried {' '.join(self._command)}. Log: {log_file()}")

    def _release_lock(self) -> None:
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _is_welcomed(client: Client) -> bool:
    for arrival in client.poll():
        if isinstance(arrival.message, Refused):
            client.close()
            refused = arrival.message
            raise EngineRefused(refused.reason, hint=refused.hint, code=refused.code)
        if isinstance(arrival.message, Welcome):
            return True
    return False


def _start_detached(command: List[str], folder: Path) -> subprocess.Popen[bytes]:
    log = folder / connection_file.LOG_NAME
    if log.exists():
        log.replace(log.with_suffix(".previous.log"))
    detached: Dict[str, object] = {"start_new_session": True}
    if sys.platform == "win32":
        detached = {"creationflags": subprocess.DETACHED_PROCESS | subprocess.CREATE_NEW_PROCESS_GROUP}
    with log.open("wb") as output:
        try:
            return subprocess.Popen(  # type: ignore[call-overload]
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=folder,
                env=_clean_environment(command[0]),
                **detached,
            )
        except OSError as error:
            raise EngineStartFailed(
                f"{command[0]} cannot be run ({error.strerror})", hint="Set AAN_ENGINE to the engine's Python."
            ) from None


def _clean_environment(python: str) -> Dict[str, str]:
    """The environment without the variables that a host sets for its own Python and that would break another one."""
    host_only = (
        () if python == sys.executable else ("PYTHONHOME", "PYTHONPATH", "PYTHONEXECUTABLE", "__PYVENV_LAUNCHER__")
    )
    return {name: value for name, value in os.environ.items() if name not in host_only}


def _last_lines(log: Path) -> str:
    try:
        return "\n".join(log.read_text("utf-8", errors="replace").splitlines()[-LOG_TAIL_LINES:])
    except OSError:
        return ""
