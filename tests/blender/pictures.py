"""Pictures of the panel in a real window: `python tests/blender/pictures.py OUT [--blender COMMAND]`.

Needs a Blender of 4.2 or later, Xvfb and ImageMagick's `import`; no display. A virtual screen is set up, the zip
installed in that Blender, and the demo's shot cleaned through the panel, by a real engine. The pictures, and a sheet of
them all, are left in OUT.
"""

from __future__ import annotations

import argparse
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT))

from plugin_host import launch  # noqa: E402
from tests.blender.blenders import end_engine, engine_python, package  # noqa: E402

SCREEN = (1600, 900)
PATIENCE = 500.0  # seconds for the whole story; the software renderer of a virtual screen is slow
SHEET = (800, 450)


def main() -> int:
    """Play the story, take the pictures, lay out the sheet."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("out", type=Path)
    parser.add_argument("--blender", default="blender", help="the command that starts it")
    parser.add_argument("--display", default=":77", help="of the virtual screen")
    asked = parser.parse_args()
    for tool in ("Xvfb", "import", shlex.split(asked.blender)[0]):
        if shutil.which(tool) is None:
            print(f"{tool} is not installed", file=sys.stderr)
            return 1
    asked.out.mkdir(parents=True, exist_ok=True)
    screen = subprocess.Popen(
        ["Xvfb", asked.display, "-screen", "0", f"{SCREEN[0]}x{SCREEN[1]}x24", "-nolisten", "tcp"]
    )
    try:
        with tempfile.TemporaryDirectory(prefix="aan-pictures-") as folder:
            taken = _played(asked, Path(folder))
    finally:
        screen.terminate()
        screen.wait()
    _sheet(taken, asked.out / "sheet.jpg")
    return 0 if len(taken) == 3 else 1


def _played(asked: argparse.Namespace, folder: Path) -> list[Path]:
    for name in ("run", "cache", "stage", "user", "wheels"):
        (folder / name).mkdir(mode=0o700)
    os.environ |= {"AAN_RUNTIME_DIR": str(folder / "run"), "AAN_CACHE_DIR": str(folder / "cache")}
    archive = package.build(folder, wheels=package.download(folder / "wheels"))
    own = {
        **{"DISPLAY": asked.display, "LIBGL_ALWAYS_SOFTWARE": "1", "BLENDER_USER_RESOURCES": str(folder / "user")},
        **{"AAN_STAGE": str(folder / "stage"), "AAN_SHOT": str(ROOT / "tests" / "demo"), "AAN_ZIP": str(archive)},
    }
    geometry = ["--window-geometry", "0", "0", *map(str, SCREEN)]
    script = ["--python", str(Path(__file__).with_name("window.py"))]
    with launch.find_or_start(python=str(engine_python(folder)), name="pictures"):
        blender = subprocess.Popen(
            [*shlex.split(asked.blender), "--factory-startup", *geometry, *script],
            env={**os.environ, **own},
        )
        try:
            return _taken(blender, folder / "stage", asked)
        finally:
            blender.kill()
            blender.wait()
            end_engine(folder)


def _taken(blender: subprocess.Popen[bytes], stage: Path, asked: argparse.Namespace) -> list[Path]:
    """Take pictures as the story asks for them, until Blender ends."""
    taken, end = [], time.monotonic() + PATIENCE
    while blender.poll() is None and time.monotonic() < end:
        for order in stage.glob("take *"):
            taken.append(asked.out / f"{order.name.removeprefix('take ')}.png")
            subprocess.run(["import", "-display", asked.display, "-window", "root", str(taken[-1])], check=True)
            order.unlink()
        time.sleep(0.1)
    told = stage / "told"
    print(told.read_text() if told.exists() else "Blender told nothing")
    return taken


def _sheet(pictures: list[Path], target: Path) -> None:
    """All pictures, one above the other."""
    rows = [cv2.resize(cv2.imread(str(path)), SHEET, interpolation=cv2.INTER_AREA) for path in pictures]
    if rows:
        cv2.imwrite(str(target), np.vstack(rows), [cv2.IMWRITE_JPEG_QUALITY, 80])


if __name__ == "__main__":
    sys.exit(main())
