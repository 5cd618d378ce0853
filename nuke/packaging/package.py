"""Builds the package for studios: `make nuke-package`, or `python nuke/packaging/package.py [--out DIR] [--no-pyzmq]`.

    align_attend_nuke-0.1.0/
        package.py           for rez
        README.md LICENSE
        checks.py checklist.txt   `nuke -t checks.py`: checks that need a real Nuke
        nuke/                this folder goes on NUKE_PATH: init.py, menu.py, AlignAttend.gizmo, aan_nuke/
            aan_nuke/host/   plugin_host's client modules, copied
            vendor/cp311-linux/ ...   pyzmq for each Python and platform, unpacked wheels with their licences

and the same as a zip. Wheels come from the package index through pip, in exact versions; nothing is compiled.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path
from typing import Iterator, Tuple

NUKE = Path(__file__).resolve().parents[1]
ROOT = NUKE.parent
NAME = "align_attend_nuke"

# Nuke 14 has Python 3.9, 15 has 3.10, 16 and 17 have 3.11; the VFX platform of 2026 has 3.13.
# The last pyzmq of each whose Linux wheel runs on glibc 2.17.
PYZMQ = {"cp39": "27.3.0", "cp310": "26.4.0", "cp311": "26.4.0", "cp313": "26.4.0"}
PLATFORMS = {"linux": "manylinux2014_x86_64", "windows": "win_amd64", "macos": "macosx_10_15_universal2"}

REZ = """name = "{name}"
version = "{version}"
description = "Align & Attend in Nuke: removes what must go from a shot."
requires = ["nuke-14+<18"]


def commands():
    env.NUKE_PATH.append("{{root}}/nuke")
"""


def version() -> str:
    """The plug-in's version, read without importing it."""
    for line in (NUKE / "aan_nuke" / "__init__.py").read_text("utf-8").splitlines():
        if line.startswith("VERSION"):
            return line.split('"')[1]
    raise SystemExit("aan_nuke has no VERSION")


def wheels() -> Iterator[Tuple[str, str, str, str]]:
    """Folder, Python, platform and pyzmq's version of each wheel."""
    for python, pinned in PYZMQ.items():
        for system, platform in PLATFORMS.items():
            yield f"{python}-{system}", f"{python[2]}.{python[3:]}", platform, pinned


def build(out: Path, *, pyzmq: bool = True) -> Path:
    """Write the package's folder; an earlier one is replaced."""
    target = out / f"{NAME}-{version()}"
    shutil.rmtree(target, ignore_errors=True)
    nuke = target / "nuke"
    nuke.mkdir(parents=True)
    for name in ("init.py", "menu.py", "AlignAttend.gizmo"):
        shutil.copy(NUKE / name, nuke)
    shutil.copytree(NUKE / "aan_nuke", nuke / "aan_nuke", ignore=shutil.ignore_patterns("__pycache__"))
    for path in sorted((ROOT / "plugin_host").glob("*.py")):
        if path.name != "__init__.py":
            shutil.copy(path, nuke / "aan_nuke" / "host")
    shutil.copy(NUKE / "README.md", target)
    shutil.copy(ROOT / "LICENSE", target)
    for name in ("checks.py", "checklist.txt"):
        shutil.copy(NUKE / "packaging" / name, target)
    (target / "package.py").write_text(REZ.format(name=NAME, version=version()), "utf-8")
    for wheel in wheels() if pyzmq else ():
        _unpack(nuke / "vendor", *wheel)
    return target


def pack(target: Path) -> Path:
    """Zip the folder."""
    path = target.with_name(target.name + ".zip")
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as file:
        for each in sorted(target.rglob("*")):
            if each.is_file():
                file.write(each, Path(target.name) / each.relative_to(target))
    return path


def _unpack(vendor: Path, folder: str, python: str, platform: str, pinned: str) -> None:
    """Download and unpack one wheel. Nothing of another platform is executed."""
    with tempfile.TemporaryDirectory() as there:
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--disable-pip-version-check", "--no-deps"]
        command += ["--only-binary", ":all:", "--implementation", "cp", "--python-version", python]
        command += ["--platform", platform, "--dest", there, f"pyzmq=={pinned}"]
        subprocess.run(command, check=True)
        (wheel,) = Path(there).glob("*.whl")
        with zipfile.ZipFile(wheel) as file:
            file.extractall(vendor / folder)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "dist")
    parser.add_argument("--no-pyzmq", action="store_true", help="leave pyzmq to the studio")
    arguments = parser.parse_args()
    target = build(arguments.out, pyzmq=not arguments.no_pyzmq)
    zipped = pack(target)
    print(f"{target}\n{zipped} ({zipped.stat().st_size / 1e6:.1f} MB)")


if __name__ == "__main__":
    main()
