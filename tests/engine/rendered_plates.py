"""Small rendered plates with alpha, depth, numbers and normals, seen by a panning camera; and fills made by hand."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from aan_engine.plates import exr
from aan_engine.plates.plate import Plate
from aan_engine.plates.shot_frames import FrameMasks
from aan_engine.rendering.fill_buffer import FillBuffer

SHAPE = (32, 48)
STEP = 5
"""Pixels by which the camera pans from frame to frame: scene column x is column x - STEP * n of frame n."""

Channels = Mapping[str, NDArray[Any]]


def scene() -> dict[str, NDArray[Any]]:
    """What a renderer writes of a background, wide enough for several frames: smooth alpha, steps of depth and ids."""
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1] + 40].astype(np.float32)
    alpha = 0.5 + 0.4 * np.sin(x / 7) * np.cos(y / 9)
    depth = np.where((x // 8 + y // 8) % 2 == 0, 3.25, np.inf)
    number = (4_000_000_001 + (x // 6).astype(np.uint32) % 5).astype(np.uint32)
    normals = np.stack([np.sin(x / 11), np.cos(y / 13), np.sin((x + y) / 17)])
    return {
        **{name: (0.2 + 0.1 * np.sin(x / 5 + index)).astype(np.float16) for index, name in enumerate("RGB")},
        "A": alpha.astype(np.float16),
        "Z": depth.astype(np.float32),
        "id": number,
        **{f"normals.{axis}": value.astype(np.float16) for axis, value in zip("XYZ", normals, strict=True)},
    }


def view(frame: int) -> dict[str, NDArray[Any]]:
    """The scene as frame n shows it."""
    return {name: np.ascontiguousarray(v[:, STEP * frame : STEP * frame + SHAPE[1]]) for name, v in scene().items()}


def with_object(channels: Channels, hidden: NDArray[np.bool_]) -> dict[str, NDArray[Any]]:
    """The object over it: other values in every channel."""
    objects = {"A": 1, "Z": 1.5, "id": 7}
    return {name: np.where(hidden, v.dtype.type(objects.get(name, 0.75)), v) for name, v in channels.items()}


def plate_of(folder: Path, channels: Channels, *, frame: int = 1001, name: str = "p", data: Any = None) -> Plate:
    header: dict[str, Any] = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    if data is not None:
        header |= {"dataWindow": data, "displayWindow": (np.zeros(2, np.int32), np.array([47, 31], np.int32))}
    path = folder / f"{name}.{frame}.exr"
    OpenEXR.File(header, {n: np.ascontiguousarray(v) for n, v in channels.items()}).write(str(path))
    return exr.read(path, frame=frame)


def square(*, top: int = 10, left: int = 12, side: int = 12) -> NDArray[np.bool_]:
    hidden = np.zeros(SHAPE, bool)
    hidden[top : top + side, left : left + side] = True
    return hidden


def masks_of(
    hidden: NDArray[np.bool_], *, weight: float = 1.0, unusable: NDArray[np.bool_] | None = None
) -> FrameMasks:
    return FrameMasks(hidden * np.float32(weight), np.zeros_like(hidden) if unusable is None else unusable)


def copied_from(frame: int, hidden: NDArray[np.bool_], *, shift: tuple[float, float]) -> FillBuffer:
    """A fill whose every pixel came from one frame, from (x, y) + shift."""
    buffer = FillBuffer.blank(hidden.shape)
    ys, xs = np.nonzero(hidden)
    buffer.source[ys, xs] = frame
    buffer.position[ys, xs] = np.stack([xs + shift[0], ys + shift[1]], -1)
    return buffer


class Sources:
    """Source plates by index; each read is counted."""

    def __init__(self, *plates: Plate) -> None:
        self.plates, self.reads = plates, [0] * len(plates)

    def __call__(self, index: int) -> Plate:
        self.reads[index] += 1
        return self.plates[index]
