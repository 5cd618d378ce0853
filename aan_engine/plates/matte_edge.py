"""The edge of a matte: the weight of the fill under a soft edge; growing and feathering.

Convention: mattes are (H, W) float32 over the plate, 0 keeps it and 1 hides it; distances are in pixels of the plate.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box

FULL_AT = 0.08
"""Coverage, 0 .. 1, from which a pixel gets the fill alone, see `fill_weight`. Not measured separately."""


def fill_weight(roto: NDArray[np.float32]) -> NDArray[np.float32]:
    """How much of the fill each pixel gets: a soft edge says how much of the *object* is in a pixel, not of the fill.

    Where a tenth of a pixel is object and nine tenths are background, laying a tenth of the fill over it would keep
    nine tenths of the object's tenth: a fringe all around. So the weight is 1 from a coverage of `FULL_AT` on, and
    plate and fill mix only below. A connected area that is nowhere opaque is an opacity, not an edge: it keeps its
    maximum.

    Args:
        roto: (H, W) float32, 0 .. 1.

    Returns:
        (H, W) float32, 0 .. 1: 0 exactly where `roto` is; each connected area keeps its greatest value.
    """
    box = Box.around_mask(roto > 0)
    if box is None:
        return roto
    coverage = roto[box.slices]
    covered = coverage > 0
    if not (covered & (coverage < 1)).any():
        return roto
    _, area = cv2.connectedComponents(covered.astype(np.uint8), connectivity=8)
    opacity = np.zeros(int(area.max()) + 1, np.float32)
    np.maximum.at(opacity, area[covered], coverage[covered])
    weight = np.zeros_like(roto)
    weight[box.slices] = np.where(covered, np.minimum(coverage / FULL_AT, opacity[area]), 0)
    return weight


def grow_feather(roto: NDArray[np.float32], *, grow: float, feather: float) -> NDArray[np.float32]:
    """A matte grown and feathered.

    Args:
        roto: (H, W) float32, 0 .. 1.
        grow: pixels by which its edge moves outwards, or inwards where negative; a soft edge keeps its profile.
        feather: pixels over which the moved edge then fades outwards to 0.

    Returns:
        (H, W) float32, 0 .. 1; `roto` itself where both are 0.

    Convention: distances are in pixels of the plate, along rows and columns; circles become octagons. The pixel aspect
    ratio is ignored.
    """
    box = Box.around_mask(roto > 0, margin=math.ceil(max(grow, 0) + feather) + 1)
    if box is None or not (grow or feather):
        return roto
    grown = _grow(roto[box.slices], grow)
    # Dilation with a cone: the feather is as wide outside a hard edge as outside a soft one.
    feathered, dilated, steps = grown, grown, math.ceil(feather)
    for step in range(steps):
        dilated = cv2.dilate(dilated, _KERNELS[step % 2])
        feathered = np.maximum(feathered, dilated * np.float32(1 - (step + 1) / (feather + 1)))
    result = np.zeros_like(roto)
    result[box.slices] = feathered
    return result


_KERNELS = (cv2.getStructuringElement(cv2.MORPH_CROSS, (3, 3)), np.ones((3, 3), np.uint8))
"""Kernels for steps of one pixel, used in turns: a diamond and a square make an octagon."""


def _grow(roto: NDArray[np.float32], by: float) -> NDArray[np.float32]:
    """Grey-scale dilation by so many pixels, or erosion where negative; linear between whole pixels."""
    change = cv2.dilate if by > 0 else cv2.erode
    for step in range(math.floor(abs(by))):
        roto = change(roto, _KERNELS[step % 2])
    part = np.float32(abs(by) % 1)
    beyond = change(roto, _KERNELS[math.floor(abs(by)) % 2]) if part else roto
    return np.asarray(roto * (1 - part) + beyond * part, np.float32) if part else roto
