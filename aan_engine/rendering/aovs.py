"""AOVs: what is known of each filled pixel, as layers beside the picture."""

from __future__ import annotations

from collections.abc import Collection, Sequence

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.types import Array, Mask
from aan_engine.plates.plate import Plate
from aan_engine.rendering.fill_buffer import FillBuffer


def aov_layers(
    plate: Plate, fill: FillBuffer, *, hidden: Mask, frames: Sequence[int], names: Collection[str]
) -> dict[str, Array]:
    """AOVs by channel name, (H, W) float32. Outside the matte a pixel is its own source, with confidence 1.

    - `confidence.a`: 0 .. 1.
    - `source.frame`: number of the frame that most of a pixel was copied from, -1 where none was; in a shot that has
      a frame -1, the number below its lowest.
    - `source.u`, `source.v`: the position on that frame.
    - `unseen.a`: 0 .. 1, the share that was synthesised.

    Args:
        hidden: (H, W) bool, where the matte is above 0.
        frames: the shot's frame numbers, by the indices of `FillBuffer.source`.
        names: of `shot.AOVS`.

    Convention: u and v make an STMap as Nuke reads it: 0 .. 1 over the display window, u to the right, v upwards, pixel
    centres at (x + .5) / width.
    """
    height, width = plate.shape
    found: dict[str, NDArray[np.floating]] = {}
    if "confidence" in names:
        found["confidence.a"] = np.where(hidden, fill.confidence, 1)
    if "source" in names:
        numbers = np.array([*frames, -1 if -1 not in frames else min(frames) - 1])
        y, x = np.mgrid[:height, :width].astype(np.float32)
        copied = hidden & (fill.source >= 0)
        x, y = np.where(copied, fill.position[..., 0], x), np.where(copied, fill.position[..., 1], y)
        window, display = plate.window, plate.display_window
        found["source.frame"] = np.where(hidden, numbers[fill.source], plate.frame)
        found["source.u"] = (x + window.left - display.left + 0.5) / display.shape[1]
        found["source.v"] = 1 - (y + window.top - display.top + 0.5) / display.shape[0]
    if "unseen" in names:
        found["unseen.a"] = fill.unseen
    return {name: np.ascontiguousarray(values, np.float32) for name, values in found.items()}
