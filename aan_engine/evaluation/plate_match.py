"""Plate match: whether a fill is as sharp and as grainy as the plate around it; needs no truth.

A fill that shows the right thing and still stands out is softer than its surroundings or has other grain. Both are
measured as ratios, inside the hole over around it: 1 is equal.

Convention: pictures are scene-linear, compared in the log range of `log_encoding`.
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

BORDER = 2
"""Pixels on either side of the hole's edge that are left out."""

LEAST_PIXELS = 200
"""Pixels inside and around a hole below which nothing is measured."""

FINE, COARSE = 0.7, 2.5
"""Standard deviations, in pixels, of the Gaussians whose gradients are compared."""

_SECOND_DIFFERENCE = np.array([1, -2, 1], np.float32)
_WHITE_NOISE_GAIN = 36.0  # variance of the second difference along both axes of white noise of variance 1


@dataclass(frozen=True)
class PlateMatch:
    """Ratios, inside over outside.

    Args:
        gradient: of the energy of fine gradients: low in a soft fill, but also where the picture has less detail.
        sharpness: of the energy of fine over coarse gradients, which does not depend on how much detail there is.
        grain: of the noise variance where both sides are equally smooth; 1 where neither has noise, NaN where one side
            is nowhere smooth.
    """

    gradient: float
    sharpness: float
    grain: float


def plate_match(picture: NDArray[np.floating], hidden: Mask) -> PlateMatch | None:
    """The ratios between a filled hole and its surroundings.

    Args:
        picture: (H, W, 3), filled; values that are not finite count as black.
        hidden: (H, W) bool.

    Returns:
        None where the hole or its surroundings are too small.
    """
    sides = _sides(hidden)
    if min(int(side.sum()) for side in sides) < LEAST_PIXELS:
        return None
    values = to_log(np.where(np.isfinite(picture), picture, 0))
    fine, coarse = (_gradients(values, sigma) for sigma in (FINE, COARSE))
    sharp = [float(fine[side].mean()) / max(float(coarse[side].mean()), 1e-12) for side in sides]
    # Noise is compared where both sides are equally smooth: more detail on one side would count as grain.
    smooth = min(float(np.median(coarse[side])) for side in sides)
    noise = [_noise(values, side & (coarse <= smooth)) for side in sides]
    inside, outside = (max(float(fine[side].mean()), 1e-12) for side in sides)
    grain = 1.0 if max(noise) < QUIET**2 else noise[0] / max(noise[1], QUIET**2)
    return PlateMatch(inside / outside, sharp[0] / max(sharp[1], 1e-12), grain)


def _sides(hidden: Mask) -> tuple[Mask, Mask]:
    """Inside and outside, without the pixels along the hole's edge."""

    def grown(mask: Mask, radius: int) -> Mask:
        disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
        return np.asarray(cv2.dilate(mask.astype(np.uint8), disc) > 0)

    return ~grown(~hidden, BORDER), grown(hidden, AROUND) & ~grown(hidden, BORDER)


def _gradients(values: Array, sigma: float) -> Array:
    """(H, W) squared gradients of the blurred picture, summed over the channels."""
    soft = cv2.GaussianBlur(values, (0, 0), sigma)
    kernel = np.array([[-0.5, 0, 0.5]], np.float32)
    across, down = cv2.filter2D(soft, -1, kernel), cv2.filter2D(soft, -1, kernel.T)
    return np.asarray((across**2 + down**2).sum(-1), np.float32)


def _noise(values: Array, smooth: Mask) -> float:
    """The variance of white noise with the second differences that the pixels of `smooth` have; NaN without any."""
    finest = (cv2.sepFilter2D(values, -1, _SECOND_DIFFERENCE, _SECOND_DIFFERENCE) ** 2).mean(-1)
    return float(finest[smooth].mean()) / _WHITE_NOISE_GAIN if smooth.any() else float("nan")
