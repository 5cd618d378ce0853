"""Small shots for tests: a camera moving over a known plane, written as EXR plates and mattes."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import OpenEXR
from numpy.typing import NDArray

from aan_engine.shot import FrameFile, Shot

Array = NDArray[np.float32]
SIZE = (72, 120)


def scene(seed: int = 0) -> Array:
    """(200, 320, 3) scene-linear, some of it above 1."""
    rng = np.random.default_rng(seed)
    layers = [
        cv2.GaussianBlur(rng.standard_normal((200, 320, 3)).astype(np.float32), (0, 0), s) * s for s in (1.5, 5, 15)
    ]
    picture = sum(layers)
    return np.asarray(0.35 * np.exp(0.6 * picture / np.std(picture)), np.float32)


def pan(frames: int, *, speed: float = 1.5, seed: int = 0, size: tuple[int, int] = SIZE) -> list[Array]:
    """What a camera sees that pans right by `speed` pixels a frame; rounded to half."""
    height, width = size
    picture = scene(seed)
    if (height, width) != SIZE:
        scale = max(height / SIZE[0], width / SIZE[1])
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
    views = []
    for t in range(frames):
        look = np.array([[1, 0, 30 + speed * t], [0, 1, 20 + 0.2 * t]], np.float64)
        flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
        views.append(cv2.warpAffine(picture, look, (width, height), flags=flags, borderMode=cv2.BORDER_REFLECT))
    return [v.astype(np.float16).astype(np.float32) for v in views]


def box_matte(frames: int, *, size: tuple[int, int] = SIZE, side: int = 16) -> list[Array]:
    """A hard square matte that stands still in the frame's middle."""
    mattes = []
    for _ in range(frames):
        matte = np.zeros(size, np.float32)
        y, x = (size[0] - side) // 2, (size[1] - side) // 2
        matte[y : y + side, x : x + side] = 1
        mattes.append(matte)
    return mattes


def write_rgb(path: Path, pixels: Array, **header: object) -> None:
    """A half ZIP EXR."""
    given = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(given, {"RGB": np.ascontiguousarray(pixels.astype(np.float16))}).write(str(path))


def write_matte(path: Path, matte: Array) -> None:
    """A half ZIP EXR with the one channel A."""
    given = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(given, {"A": np.ascontiguousarray(matte.astype(np.float16))}).write(str(path))


def shot_of(folder: Path, plates: list[Array], mattes: list[Array], **options: object) -> Shot:
    """The plates, stained under their mattes so that the truth is never handed over, on disk as a Shot from 1001."""
    plate_files, matte_files = [], []
    for index, (plate, matte) in enumerate(zip(plates, mattes, strict=True)):
        stained = plate.copy()
        stained[matte > 0] = 7.0
        number = 1001 + index
        write_rgb(folder / f"plate.{number}.exr", stained)
        write_matte(folder / f"matte.{number}.exr", matte)
        plate_files.append(FrameFile(number, folder / f"plate.{number}.exr"))
        matte_files.append(FrameFile(number, folder / f"matte.{number}.exr"))
    return Shot(tuple(plate_files), tuple(matte_files), **options)  # type: ignore[arg-type]


def read_rgb(path: Path) -> NDArray[np.float16]:
    """(H, W, 3) as stored."""
    channels = OpenEXR.File(str(path), separate_channels=True).channels()
    return np.stack([channels[c].pixels for c in "RGB"], -1)
