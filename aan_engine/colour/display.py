"""The screen: how scene-linear light looks on one. Knows no file, no shot, and no colour space but sRGB."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Picture = NDArray[np.uint8]
"""(H, W, 3) uint8, R, G, B."""


def to_srgb(linear: NDArray[Any]) -> NDArray[np.float32]:
    """Scene-linear light as a screen takes it, 0 .. 255, not rounded: what figures are computed from.

    Args:
        linear: (H, W, 3) of any float type, any values: below 0 and NaN are black, above 1 white.

    Convention: in is scene-linear light with Rec. 709 primaries, 1 = white; out is sRGB-encoded (IEC 61966-2-1).
    """
    light = np.clip(np.nan_to_num(linear.astype(np.float32), nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    return 255 * np.where(light <= 0.0031308, light * 12.92, 1.055 * light ** (1 / 2.4) - 0.055).astype(np.float32)


def to_srgb8(linear: NDArray[Any]) -> Picture:
    """What a screen shows of scene-linear light: `encoded`, rounded to nearest.

    Convention: as `encoded`; (H, W, 3) uint8.
    """
    return (to_srgb(linear) + 0.5).astype(np.uint8)
