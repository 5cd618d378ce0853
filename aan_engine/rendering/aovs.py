"""Diagnostics: what the artist is told about each pixel, as layers beside the picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask
from aan_engine.plates.plate import Plate
from aan_engine.rendering.fill_buffer import FillBuffer


def aov_layers(
    plate: Plate, buffer: FillBuffer, *, hidden: Mask, frames: Sequence[int], wanted: Collection[str]
) -> dict[str, Array]:
    """The wanted AOVs by channel name, (H, W) float32. Outside the matte a pixel is its own source, surely and wholly.

    - `confidence.a`: 0 .. 1.
    - `source.frame`: number of the frame that a pixel came from, -1 where it was painted.
    - `source.u`, `source.v`: the place in that frame.
    - `unseen.a`: 0 .. 1, the share that was painted.

    Args:
        hidden: (H, W) bool, where the matte is above 0.
        frames: the shot's frame numbers, which `carried.source` counts through.
        wanted: of `shot.AOVS`.

    Convention: u and v make an STMap as Nuke reads it: 0 .. 1 over the display window, u to the right, v upwards, pixel
    centres at (x + .5) / width.
    """
    height, width = plate.shape
    found: dict[str, NDArray[np.floating]] = {}
    if "confidence" in wanted:
        found["confidence.a"] = np.where(hidden, buffer.confidence, 1)
    if "source" in wanted:
        numbers = np.array([*frames, -1])
        y, x = np.mgrid[:height, :width].astype(np.float32)
        moved = hidden & (buffer.source >= 0)
        x, y = np.where(moved, buffer.position[..., 0], x), np.where(moved, buffer.position[..., 1], y)
        left, top, _, _ = plate.data_window
        x0, y0, x1, y1 = plate.display_window
        found["source.frame"] = np.where(hidden, numbers[buffer.source], plate.frame)
        found["source.u"] = (x + left - x0 + 0.5) / (x1 - x0 + 1)
        found["source.v"] = 1 - (y + top - y0 + 0.5) / (y1 - y0 + 1)
    if "unseen" in wanted:
        found["unseen.a"] = buffer.unseen
    return {name: np.ascontiguousarray(values, np.float32) for name, values in found.items()}
