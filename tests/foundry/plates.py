"""Plates for the fake's own tests: EXRs of noise, and the scripts that read them."""

from __future__ import annotations

from pathlib import Path
from typing import Any, Optional, Tuple

import numpy as np
import OpenEXR

WIDTH, HEIGHT = 32, 24
FORMAT = f'"{WIDTH} {HEIGHT} 0 0 {WIDTH} {HEIGHT} 1 plate"'


def noise(frame: int) -> np.ndarray:
    """(H, W, 3) half floats from -0.5 to 4, top row first, as files have them."""
    return (np.random.default_rng(frame).random((HEIGHT, WIDTH, 3)) * 4.5 - 0.5).astype(np.float16)


def write(path: Path, *, box: Optional[Tuple[int, int, int, int]] = None, **channels: Any) -> Path:
    """An EXR; `box` is its data window (x, y, w, h) from the upper left in a frame of WIDTH x HEIGHT."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    if box:
        x, y, w, h = box
        header["dataWindow"] = (np.array([x, y], np.int32), np.array([x + w - 1, y + h - 1], np.int32))
        header["displayWindow"] = (np.array([0, 0], np.int32), np.array([WIDTH - 1, HEIGHT - 1], np.int32))
    OpenEXR.File(header, {name.replace("__", "."): value for name, value in channels.items()}).write(str(path))
    return path


def plates(folder: Path, frames: range, name: str = "plate") -> str:
    for frame in frames:
        write(folder / f"{name}.{frame}.exr", RGB=noise(frame))
    return f"{folder.as_posix()}/{name}.####.exr"


def read(path: Path) -> dict:
    """Channels of a file by its own names, the top row first."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: np.array(channel.pixels) for name, channel in file.channels().items()}


def reader(pattern: str, first: int, last: int, name: str = "Plate", more: str = "") -> str:
    return (
        f'Read {{\n inputs 0\n file "{pattern}"\n first {first}\n last {last}\n format {FORMAT}\n raw true\n'
        f" {more}\n name {name}\n}}\n"
    )
