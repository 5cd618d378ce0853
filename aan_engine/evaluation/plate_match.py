"""Likeness: whether a fill is as sharp and as grainy as the plate around it; no truth is needed.

A fill that is right and still does not sit in the plate is either softer than its surroundings or has another grain.
Both are told as ratios, inside over outside: 1 is alike.

Convention: pictures are scene-linear, compared in the log range of `light`.
"""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.types import Array, Mask
from aan_engine.grain.estimate import QUIET

AROUND = 24
"""Pixels around the hole that it is compared with."""

BESIDE = 2
"""Pixels on either side of the border that belong to neither."""

ENOUGH = 200
"""Pixels to a side, at least."""

FINE, COARSE = 0.7, 2.5
"""Blurs, in pixels, whose gradients are compared."""

_SECOND = np.array([1, -2, 1], np.float32)
_WHITE = 36.0  # what the finest differences make of white noise of variance 1


@dataclass(frozen=True)
class PlateMatch:
    """Inside over outside.

    Args:
        gradient: of the energy of fine gradients: what a soft patch lacks, and also a place that has less to show.
        sharpness: of how fine gradients compare with coarse ones, which leaves out how much there is to show.
        grain: of the power of the finest differences in places that are as smooth on either side; 1 where both are
            without noise, NaN where one side has no such places.
    """

    gradient: float
    sharpness: float
    grain: float


def plate_match(picture: NDArray[np.floating], hidden: Mask) -> PlateMatch | None:
    """How alike a filled hole and its surroundings are.

    Args:
        picture: (H, W, 3), filled; values that are not finite count as black.
        hidden: (H, W) bool.

    Returns:
        None where the hole or its surroundings are too small to tell.
    """
    sides = _sides(hidden)
    if min(int(side.sum()) for side in sides) < ENOUGH:
        return None
    values = to_log(np.where(np.isfinite(picture), picture, 0))
    fine, coarse = (_gradients(values, sigma) for sigma in (FINE, COARSE))
    sharp = [float(fine[side].mean()) / max(float(coarse[side].mean()), 1e-12) for side in sides]
    # As smooth on either side: where a hole has more to show than its surroundings, that would pass for grain.
    smooth = min(float(np.median(coarse[side])) for side in sides)
    noise = [_noise(values, side & (coarse <= smooth)) for side in sides]
    inside, outside = (max(float(fine[side].mean()), 1e-12) for side in sides)
    grain = 1.0 if max(noise) < QUIET**2 else noise[0] / max(noise[1], QUIET**2)
    return PlateMatch(inside / outside, sharp[0] / max(sharp[1], 1e-12), grain)


def _sides(hidden: Mask) -> tuple[Mask, Mask]:
    """Inside and outside, without what lies beside the border."""

    def grown(mask: Mask, by: int) -> Mask:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * by + 1, 2 * by + 1))
        return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)

    return ~grown(~hidden, BESIDE), grown(hidden, AROUND) & ~grown(hidden, BESIDE)


def _gradients(values: Array, sigma: float) -> Array:
    """(H, W) the energy of gradients under a blur, over all channels."""
    soft = cv2.GaussianBlur(values, (0, 0), sigma)
    kernel = np.array([[-0.5, 0, 0.5]], np.float32)
    across, down = cv2.filter2D(soft, -1, kernel), cv2.filter2D(soft, -1, kernel.T)
    return np.asarray((across**2 + down**2).sum(-1), np.float32)


def _noise(values: Array, smooth: Mask) -> float:
    """The variance of white noise that would make the finest differences of these places."""
    finest = (cv2.sepFilter2D(values, -1, _SECOND, _SECOND) ** 2).mean(-1)
    return float(finest[smooth].mean()) / _WHITE if smooth.any() else float("nan")
