"""The edge of a matte: what a soft one says of its pixels, and one that is grown and feathered.

Convention: mattes are (H, W) float32 over the plate, 0 keeps it and 1 hides it; distances are in pixels of the plate.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box

FULL_AT = 0.08
"""Share of a pixel from which the fill takes it whole, see `covering`."""


def fill_weight(roto: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of the fill each pixel gets: a soft edge says how much of the *object* is in a pixel, not of the fill.

    Where a tenth of a pixel is object and nine tenths are background, laying a tenth of the fill over it would keep
    nine tenths of the object's tenth: a fringe all around. So weights rise to full within `COVERS` of the edge, and
    only there plate and fill mix. A matte that is nowhere opaque is no edge but an opacity, and is meant as such.

    Args:
        roto: (H, W) float32, 0 .. 1.

    Returns:
        (H, W) float32, 0 .. 1: 0 exactly where `roto` is, the greatest value of each connected area as it is.
    """
    box = Box.around_mask(roto > 0)
    if box is None:
        return roto
    near = roto[box.slices]
    shown = near > 0
    if not (shown & (near < 1)).any():
        return roto
    _, area = cv2.connectedComponents(shown.astype(np.uint8), connectivity=8)
    opacity = np.zeros(int(area.max()) + 1, np.float32)
    np.maximum.at(opacity, area[shown], near[shown])
    whole = np.zeros_like(roto)
    whole[box.slices] = np.where(shown, np.minimum(near / FULL_AT, opacity[area]), 0)
    return whole


def grow_feather(roto: NDArray[np.float32], *, grow: float, feather: float) -> NDArray[np.float32]:
    """A matte grown and feathered.

    Args:
        roto: (H, W) float32, 0 .. 1.
        grow: pixels by which its edge moves outwards, or inwards where negative; soft edges move whole.
        feather: pixels over which the moved edge then fades outwards to 0.

    Returns:
        (H, W) float32, 0 .. 1; `roto` itself where both are 0.

    Convention: distances are in pixels of the plate, along rows and columns; circles become octagons. Pixel aspect is
    not looked at.
    """
    box = Box.around_mask(roto > 0, margin=math.ceil(max(grow, 0) + feather) + 1)
    if box is None or not (grow or feather):
        return roto
    grown = _grow(roto[box.slices], grow)
    # A cone laid over every pixel: what fades out is as soft over a hard edge as over a soft one.
    result, reached, steps = grown, grown, math.ceil(feather)
    for step in range(steps):
        reached = cv2.dilate(reached, _RINGS[step % 2])
        result = np.maximum(result, reached * np.float32(1 - (step + 1) / (feather + 1)))
    whole = np.zeros_like(roto)
    whole[box.slices] = result
    return whole


_RINGS = (cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.ones((3, 3), np.uint8))
"""One pixel further, in turns: a diamond and a square make an octagon."""


def _grow(roto: NDArray[np.float32], by: float) -> NDArray[np.float32]:
    """Dilated by so many pixels, or eroded; between whole pixels both are mixed."""
    change = cv2.dilate if by > 0 else cv2.erode
    for step in range(math.floor(abs(by))):
        roto = change(roto, _RINGS[step % 2])
    part = np.float32(abs(by) % 1)
    beyond = change(roto, _RINGS[math.floor(abs(by)) % 2]) if part else roto
    return np.asarray(roto * (1 - part) + beyond * part, np.float32) if part else roto
