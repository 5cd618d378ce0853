"""Scene-linear light as sRGB, for pictures that people look at and for figures in 8-bit units."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(H, W, 3) uint8, R, G, B."""


def to_srgb(linear: NDArray[Any]) -> NDArray[np.float32]:
    """sRGB-encoded values, (H, W, 3) float32, 0 .. 255, not rounded: PSNR and the like are computed from them.

    Args:
        linear: (H, W, 3) of any float type and any values; below 0 and NaN become black, above 1 white.

    Convention: the input is scene-linear light with Rec. 709 primaries, 1 = white; the output is encoded by the curve
    of IEC 61966-2-1.
    """
    light = np.clip(np.nan_to_num(linear.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def to_srgb8(linear: NDArray[Any]) -> Picture:
    """`to_srgb`, rounded to nearest: (H, W, 3) uint8.

    Convention: as `to_srgb`.
    """
    return (to_srgb(linear) + 0.5).astype(np.uint8)
