"""The Pythons of this machine, and virtual environments of theirs that tests keep from one run to the next."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
KEPT = ROOT / ".venv-hosts"

OLDEST_HOST = (3, 9)
"""Nuke 13's. Older hosts are not supported."""

HOST_VERSIONS = ("3.9", "3.10", "3.11", "3.12", "3.13")
"""Pythons that hosts embed or will embed."""


def _found() -> dict[str, Path]:
    """Every Python from `OLDEST_HOST` on by its version, as `3.9`: this one, those on the path, and pyenv's."""
    folders = [Path(folder) for folder in os.environ.get("PATH", "").split(os.pathsep)]
    pyenv = Path(os.environ.get("PYENV_ROOT") or Path.home() / ".pyenv")
    folders += sorted(pyenv.glob("versions/*/bin"))
    found = {}
    for folder in folders:
        for path in folder.glob("python3.*") if folder.name != "shims" else ():
            version = re.fullmatch(r"python(3)\.(\d+)(\.exe)?", path.name)
            if version and (3, int(version[2])) >= OLDEST_HOST:
                found.setdefault(f"3.{version[2]}", path)
    return {**found, "{}.{}".format(*sys.version_info): Path(sys.executable)}


FOUND: Mapping[str, Path] = _found()


def numbers(version: str) -> tuple[int, ...]:
    """`3.11` -> (3, 11), to sort by."""
    return tuple(map(int, version.split(".")))


def skip_unless_found(version: str) -> None:
    if version not in FOUND:
        pytest.skip(f"there is no Python {version} on this machine")


def run(command: Sequence[object], *, limit: float, cwd: Path | None = None, **variables: str) -> str:
    """What a command prints; it knows nothing of this process's Python settings.

    Args:
        limit: seconds.
        variables: of its environment.

    Raises:
        CalledProcessError: it fails.
        TimeoutExpired: it takes longer.
    """
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "AAN_", "COV"))}
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env={**clean, "PIP_DISABLE_PIP_VERSION_CHECK": "1", **variables},
        capture_output=True,
        text=True,
        timeout=limit,
        check=True,
    )
    return done.stdout


def run_or_fail(command: Sequence[object], *, limit: float, cwd: Path | None = None, **variables: str) -> str:
    """As `run`; a failure is the test's, with the end of what the command said."""
    try:
        return run(command, limit=limit, cwd=cwd, **variables)
    except subprocess.CalledProcessError as error:
        pytest.fail((error.stdout + error.stderr)[-4000:], pytrace=False)


class CannotInstall(Exception):
    """No environment with the packages asked for can be made."""


def environment(version: str, packages: Sequence[str], *, name: str = "") -> Path:
    """The Python of a virtual environment that has these packages and what they need, and nothing else.

    It is made when it is not there, and skips where it cannot be made. Test processes that run side by side share it.

    Args:
        version: of Python, among `FOUND`.
        packages: requirements; of other ones the environment is made anew.
        name: before the version, where environments of one version differ.
    """
    folder = KEPT / f"{name}{version}"
    with locked(folder):
        try:
            return make_environment(folder, version, ["--retries", "1", *packages], limit=120)
        except CannotInstall as error:
            pytest.skip(str(error))


def make_environment(folder: Path, version: str, *steps: Sequence[str], limit: float, key: str = "") -> Path:
    """The Python of the virtual environment in `folder`, made unless the same is there already.

    Args:
        steps: arguments of one `pip install` after the other.
        key: of what else decides what is installed.
        limit: seconds that each may take.

    Raises:
        CannotInstall: with the end of what pip said.
    """
    python = scripts(folder) / ("python.exe" if os.name == "nt" else "python")
    mark, wanted = folder / "done", "; ".join([*map(" ".join, steps), key])
    if python.exists() and mark.exists() and mark.read_text() == wanted:
        return python
    shutil.rmtree(folder, ignore_errors=True)
    try:
        run([FOUND[version], "-m", "venv", folder], limit=60)
        for step in steps:
            run([python, "-m", "pip", "install", "-q", "--only-binary", ":all:", *step], limit=limit)
    except (subprocess.CalledProcessError, subprocess.TimeoutExpired, OSError) as error:
        shutil.rmtree(folder, ignore_errors=True)
        said = str(getattr(error, "stderr", None) or error).strip()[-300:]
        raise CannotInstall(f"no environment of Python {version} with {wanted} can be made: {said}") from None
    mark.write_text(wanted)
    return python


def scripts(folder: Path) -> Path:
    """Where an environment has its commands."""
    return folder / ("Scripts" if os.name == "nt" else "bin")


@contextmanager
def locked(folder: Path) -> Iterator[None]:
    """Only one process at a time makes this folder. There is no lock on Windows: run the tests one by one there."""
    folder.parent.mkdir(exist_ok=True)
    with (folder.parent / f"{folder.name}.lock").open("w") as lock:
        if os.name != "nt":
            import fcntl

            fcntl.flock(lock, fcntl.LOCK_EX)
        yield
