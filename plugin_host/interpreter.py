"""Finds the Python that has the engine: a chosen one, the one in `AAN_ENGINE`, or one in the usual places.

A host's own interpreter never has the engine. Only paths are checked: whether the engine runs shows when it is started
(see `launch`).
"""

from __future__ import annotations

import os
import shutil
import sys
from pathlib import Path
from typing import List, Optional

from .errors import EngineAbsent

VARIABLE = "AAN_ENGINE"


def find(chosen: str = "") -> str:
    """The engine's Python. `chosen` is the host's own setting, and may name the folder of a virtual environment.

    Raises:
        EngineAbsent: when there is none; the hint is the command that installs it.
    """
    for named, where in ((chosen, "in the settings"), (os.environ.get(VARIABLE, ""), f"in {VARIABLE}")):
        if named:
            found = _python_of(Path(named).expanduser())
            if found is None:
                raise EngineAbsent(f"{named}, {where}, is no Python", hint="Name the Python that has the engine.")
            return str(found)
    for place in default_locations():
        found = _python_of(place)
        if found is not None:
            return str(found)
    raise EngineAbsent("the engine is not installed on this machine", hint=f"In its folder run: {install_command()}")


def default_locations() -> List[Path]:
    """Where to look for the engine by default: its install location, then the environment of the command `aan`."""
    command = shutil.which("aan")
    return [default_environment(), *([Path(command).resolve().parent.parent] if command else [])]


def default_environment() -> Path:
    """The virtual environment that `install_command` makes."""
    return _data_folder() / "align-and-attend" / "engine"


def install_command() -> str:
    """The command that installs the engine where hosts look for it; to be run in the folder of Align & Attend."""
    if sys.platform == "win32":
        return f'py -3.11 -m venv "{default_environment()}" && "{default_environment()}\\Scripts\\pip" install .'
    return f'python3.11 -m venv "{default_environment()}" && "{default_environment()}/bin/pip" install .'


def _data_folder() -> Path:
    if sys.platform == "win32":
        return Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    if sys.platform == "darwin":
        return Path.home() / "Library" / "Application Support"
    return Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share")


def _python_of(place: Path) -> Optional[Path]:
    """The interpreter that a path names, or that of the virtual environment there. Links are not resolved."""
    inside = Path("Scripts/python.exe") if sys.platform == "win32" else Path("bin/python")
    for path in (place, place / inside):
        if path.is_file() and os.access(path, os.X_OK):
            return path
    return None
