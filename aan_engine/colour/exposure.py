"""Exposure: the one change of light that best takes a picture's values to another's, channel by channel.

Convention: values are in the log range of `light`. A change multiplies scene-linear light, so that black stays black at
any exposure, and then steepens or flattens the log range around a pivot: what haze or a veil of flare does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import GAIN, TOE, from_log, to_log
from aan_engine.core.types import Array

SCALE = 2.0
"""Differences of so many times their usual size are half believed: something else stands there."""

ALIKE = 40.0
"""Neighbouring proxy pixels that are wrong together count as one: what is misaligned is so in patches."""

DOUBT = 4.0
"""A change must be so many times its own error, in variance, to be believed by more than none."""

SURE = 0.97
"""The correlation from which on a contrast is looked at."""

CONTRAST = 0.25
"""How far a contrast may be from 1."""

ROUNDS = 8

ENOUGH = 1e-3
"""An exposure is found once it changes by less than this: a tenth of what anybody sees."""


@dataclass(frozen=True, eq=False)
class PixelPairs:
    """Values (n, 3) as they are on the target, and as a source shows them; each pixel `repeats` times."""

    target: Array
    source: Array
    repeats: float = 1


@dataclass(frozen=True, eq=False)
class Exposure:
    """A change of light.

    Args:
        stops: (3,) natural logarithm of the factor on scene-linear light.
        contrast: (3,) factor on the log range around `pivot` (3,), 1 for none.
    """

    stops: NDArray[np.float64]
    contrast: NDArray[np.float64]
    pivot: NDArray[np.float64]


IDENTITY = Exposure(np.zeros(3), np.ones(3), np.zeros(3))
"""No change."""


def apply_exposure(values: Array, change: Exposure, *, more: Array | float = 0.0) -> Array:
    """Log-range values (..., 3) under a change of light, and `more` exposure (broadcast) within it."""
    bright = to_log(from_log(values) * np.exp(change.stops + more))
    if (change.contrast == 1).all():
        return bright
    return np.asarray(change.pivot + change.contrast * (bright - change.pivot), np.float32)


def sensitivity(values: Array) -> Array:
    """How much log-range values (...) rise per unit of exposure: `GAIN` in the light, nothing in the dark."""
    return np.asarray(GAIN * np.tanh(np.abs(values) / GAIN), np.float32)


def robust_weight(off: Array, spread: NDArray[np.floating]) -> Array:
    """0 .. 1 for differences (..., 3) whose usual size is `spread` (3,)."""
    return np.asarray(1 / (1 + (off / (SCALE * spread)) ** 2), np.float32)


def robust_scale(off: Array) -> NDArray[np.floating]:
    """(3,) the usual size of differences (n, 3)."""
    return np.maximum(1.5 * _median(np.abs(off)), 2e-3)


def _median(values: Array) -> NDArray[np.floating]:
    """(c,) the medians of (n, c); `np.median` takes three times as long for the few values of a rim."""
    half = (len(values) - 1) // 2
    ranked = np.partition(values.T, (half, len(values) // 2), axis=1)
    return np.asarray((ranked[:, half] + ranked[:, len(values) // 2]) * np.float32(0.5))


def estimate_exposure(compared: PixelPairs) -> Exposure:
    """The change from `shown` to `wanted`, less what might be chance; `STILL` where all of it might be."""
    stops, dark = _start(compared), from_log(compared.source)
    for _ in range(ROUNDS):
        image = to_log(dark * np.exp(stops))
        off, slope = compared.target - image, sensitivity(image)
        weight = robust_weight(off, robust_scale(off))
        known = np.maximum((weight * slope**2).sum(0), 1e-9)
        step = (weight * slope * off).sum(0) / known
        stops = stops + step
        if np.abs(step).max() < ENOUGH:
            break
    error = ((weight * slope * off) ** 2).sum(0) / known**2 * ALIKE * compared.repeats
    believed = stops * np.maximum(0, 1 - DOUBT * error / np.maximum(stops**2, 1e-12))
    contrast, pivot = _contrast(compared, to_log(dark * np.exp(stops)))
    if not believed.any() and (contrast == 1).all():
        return IDENTITY
    return Exposure(believed, contrast, pivot)


def _start(compared: PixelPairs) -> NDArray[np.float64]:
    """(3,) the middle ratio of light where there is enough of it."""
    light, dark = from_log(compared.target), from_log(compared.source)
    enough = np.minimum(light, dark) > 0.2 * TOE
    found = np.zeros(3)
    for c in range(3):
        if (here := enough[:, c]).any():
            found[c] = np.log(_median((light[here, c] / dark[here, c])[:, None])[0])
    return np.clip(found, -4, 4)


def _contrast(compared: PixelPairs, exposed: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Contrast and pivot (3,) each: the ratio of both pictures' spreads, which grain on both leaves alone.

    Args:
        exposed: (n, 3) what is shown, already at the target's exposure.
    """
    image = exposed.astype(np.float64)
    off = (compared.target - image).astype(np.float32)
    weight = robust_weight(off, robust_scale(off))
    total = np.maximum(weight.sum(0), 1e-9)
    pivot, mean = ((weight * v).sum(0) / total for v in (image, compared.target))
    x, y = image - pivot, compared.target - mean
    xx, yy, xy = ((weight * p).sum(0) / total for p in (x * x, y * y, x * y))
    correlation = xy / np.sqrt(np.maximum(xx * yy, 1e-12))
    steep = np.sqrt(yy / np.maximum(xx, 1e-9)) - 1
    error = (1 - correlation**2) * ALIKE * compared.repeats / np.maximum(len(off), 1)
    steep *= np.maximum(0, 1 - 4 * DOUBT * error / np.maximum(steep**2, 1e-12))
    return 1 + np.where(correlation > SURE, np.clip(steep, -CONTRAST, CONTRAST), 0), pivot
