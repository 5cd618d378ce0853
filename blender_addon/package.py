"""Builds the extension: `python blender_addon/package.py OUT` writes OUT/align_and_attend-VERSION.zip. Not shipped.

The zip has the add-on, a copy of plugin_host's client modules, the manifest with its wheels, and all licences. One zip
serves every system and every Python of Blender 4.2 to 5.2. Therefore pyzmq is pinned to the last release with a wheel
of its own for both Pythons: later ones have one for 3.11 and one for "3.12 and later", which Blender does not accept.
"""

from __future__ import annotations

import argparse
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from pathlib import Path

HERE = Path(__file__).resolve().parent
HOST_HALF = HERE.parent / "plugin_host"
PYZMQ = "26.4.0"
PYTHONS = ("3.11", "3.13")
PLATFORMS = ("manylinux2014_x86_64", "win_amd64", "macosx_10_15_universal2")
SHIPPED = (".py", ".md", ".toml")
ZIP_TIMESTAMP = (2020, 1, 1, 0, 0, 0)  # the same sources make the same zip


def stage(folder: Path, *, wheels: list[Path] | None = None) -> Path:
    """Copy the extension's files into a folder, as they will be installed; returns the folder."""
    for file in sorted(HERE.iterdir()):
        if file.suffix in SHIPPED or file.name == "LICENSE":
            _copy(file, folder / file.name)
    (folder / Path(__file__).name).unlink()
    for file in sorted(HOST_HALF.glob("*.py")):
        _copy(file, folder / "plugin_host" / file.name)
    _copy(HERE.parent / "LICENSE", folder / "plugin_host" / "LICENSE")
    for wheel in wheels or ():
        _copy(wheel, folder / "wheels" / wheel.name)
    manifest = folder / "blender_manifest.toml"
    named = "".join(f'\n    "./wheels/{wheel.name}",' for wheel in wheels or ())
    manifest.write_text(manifest.read_text("utf-8").replace("wheels = []", f"wheels = [{named}\n]"), "utf-8")
    return folder


def download(folder: Path) -> list[Path]:
    """Download the wheels of all supported Pythons and platforms from the package index."""
    for python in PYTHONS:
        for platform in PLATFORMS:
            wanted = ["--python-version", python, "--platform", platform, f"pyzmq=={PYZMQ}"]
            command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary", ":all:"]
            subprocess.run([*command, "--dest", str(folder), *wanted], check=True)
    return sorted(folder.glob("*.whl"))


def build(out: Path, *, wheels: list[Path]) -> Path:
    """Write the zip; returns its path."""
    version = tomllib.loads((HERE / "blender_manifest.toml").read_text("utf-8"))["version"]
    out.mkdir(parents=True, exist_ok=True)
    target = out / f"align_and_attend-{version}.zip"
    with tempfile.TemporaryDirectory() as folder, zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        staged = stage(Path(folder), wheels=wheels)
        for file in sorted(path for path in staged.rglob("*") if path.is_file()):
            entry = zipfile.ZipInfo(file.relative_to(staged).as_posix(), ZIP_TIMESTAMP)
            entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
            archive.writestr(entry, file.read_bytes())
    return target


def main() -> int:
    """The command line: downloads the wheels unless `--wheels` names a folder that has them, and builds."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("out", type=Path, help="the folder for the zip")
    parser.add_argument("--wheels", type=Path, help="a folder with the wheels; without it they are downloaded")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        wheels = sorted(arguments.wheels.glob("*.whl")) if arguments.wheels else download(Path(folder))
        print(build(arguments.out, wheels=wheels))
    return 0


def _copy(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(source, target)


if __name__ == "__main__":
    sys.exit(main())
