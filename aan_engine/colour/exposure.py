"""The change of light between two frames: an exposure and a contrast per channel, estimated from pairs of pixels.

Method: iteratively reweighted least squares with Cauchy weights (Gauss-Newton in the logarithm of exposure), then
shrinkage by the estimate's own variance, so that no change is applied that chance could have made.

Convention: values are in the log range of `log_encoding`. An exposure multiplies scene-linear light, so that black
stays black; a contrast then stretches the log range around a pivot, as haze or a veil of flare does.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import GAIN, TOE, from_log, to_log
from aan_engine.core.robust import cauchy
from aan_engine.core.types import Array

CAUCHY_SCALE = 2.0
"""Multiple of the robust scale at which a difference has half weight: larger ones come from other content in the two
frames. Not measured separately."""

ALIKE = 40.0
"""Pixels per independent sample: errors of misalignment extend over patches, so the effective sample size is the number
of pixels divided by this. Not measured separately."""

DOUBT = 4.0
"""Smallest ratio of a squared change to its variance (two standard errors) at which more than none of it is applied."""

MIN_CORRELATION = 0.97
"""Correlation of the two frames' values above which a contrast is estimated. Not measured separately."""

MAX_CONTRAST_CHANGE = 0.25
"""Largest distance of a contrast from 1. Not measured separately."""

MAX_ITERATIONS = 8

CONVERGED = 1e-3
"""Step, in natural logarithms of exposure, at which the iteration ends: about a tenth of a visible difference."""


@dataclass(frozen=True, eq=False)
class PixelPairs:
    """The same pixels on the target and on a source.

    Args:
        target, source: (n, 3) float32, log range.
        repeats: how often each pixel occurs among the n, on average.
    """

    target: Array
    source: Array
    repeats: float = 1


@dataclass(frozen=True, eq=False)
class Exposure:
    """A change of light.

    Args:
        stops: (3,) natural logarithms of the factors on scene-linear light.
        contrast: (3,) factors on the log range around `pivot` (3,); 1 for no change.
    """

    stops: NDArray[np.float64]
    contrast: NDArray[np.float64]
    pivot: NDArray[np.float64]


IDENTITY = Exposure(np.zeros(3), np.ones(3), np.zeros(3))
"""No change."""


def apply_exposure(values: Array, change: Exposure, *, more: Array | float = 0.0) -> Array:
    """Log-range values (..., 3) under a change of light.

    Args:
        more: added to the exposure's `stops`, broadcast over the values: a local exposure.
    """
    exposed = to_log(from_log(values) * np.exp(change.stops + more))
    if (change.contrast == 1).all():
        return exposed
    return np.asarray(change.pivot + change.contrast * (exposed - change.pivot), np.float32)


def sensitivity(values: Array) -> Array:
    """Derivative of log-range values (...) by `stops`: `GAIN` in highlights, 0 at black."""
    return np.asarray(GAIN * np.tanh(np.abs(values) / GAIN), np.float32)


def robust_weight(residual: Array, scale: NDArray[np.floating]) -> Array:
    """Cauchy weights, 0 .. 1, of residuals (..., 3) whose robust scale is `scale` (3,)."""
    return cauchy(residual, CAUCHY_SCALE * scale)


def robust_scale(residual: Array) -> NDArray[np.floating]:
    """(3,) robust standard deviations of residuals (n, 3): 1.5 median absolute values, and at least 0.002."""
    return np.maximum(1.5 * _median(np.abs(residual)), 2e-3)


def _median(values: Array) -> NDArray[np.floating]:
    """(c,) the medians of (n, c); `np.median` takes three times as long for a few thousand values."""
    half = (len(values) - 1) // 2
    ranked = np.partition(values.T, (half, len(values) // 2), axis=1)
    return np.asarray((ranked[:, half] + ranked[:, len(values) // 2]) * np.float32(0.5))


def estimate_exposure(pairs: PixelPairs) -> Exposure:
    """The change of light that takes the source's values to the target's, shrunk by its variance.

    `IDENTITY` where no part of it is significant.
    """
    stops, light = _median_ratio(pairs), from_log(pairs.source)
    for _ in range(MAX_ITERATIONS):
        exposed = to_log(light * np.exp(stops))
        residual, slope = pairs.target - exposed, sensitivity(exposed)
        weight = robust_weight(residual, robust_scale(residual))
        normal = np.maximum((weight * slope**2).sum(0), 1e-9)
        step = (weight * slope * residual).sum(0) / normal
        stops = stops + step
        if np.abs(step).max() < CONVERGED:
            break
    # The variance of M-estimation (sandwich estimator), with the effective sample size in place of the pixels' number.
    variance = ((weight * slope * residual) ** 2).sum(0) / normal**2 * ALIKE * pairs.repeats
    shrunk = stops * np.maximum(0, 1 - DOUBT * variance / np.maximum(stops**2, 1e-12))
    contrast, pivot = _contrast(pairs, to_log(light * np.exp(stops)))
    if not shrunk.any() and (contrast == 1).all():
        return IDENTITY
    return Exposure(shrunk, contrast, pivot)


def _median_ratio(pairs: PixelPairs) -> NDArray[np.float64]:
    """(3,) logarithms of the median ratio of light, where both frames have more than a fifth of `TOE`; within 4."""
    target, source = from_log(pairs.target), from_log(pairs.source)
    bright = np.minimum(target, source) > 0.2 * TOE
    stops = np.zeros(3)
    for c in range(3):
        if (here := bright[:, c]).any():
            stops[c] = np.log(_median((target[here, c] / source[here, c])[:, None])[0])
    return np.clip(stops, -4, 4)


def _contrast(pairs: PixelPairs, exposed: Array) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Contrast and pivot, (3,) each: the ratio of the standard deviations, shrunk by its variance.

    Grain of the same strength on both frames leaves that ratio at 1, where a regression slope would fall below.

    Args:
        exposed: (n, 3) the source at the target's exposure.
    """
    image = exposed.astype(np.float64)
    residual = (pairs.target - image).astype(np.float32)
    weight = robust_weight(residual, robust_scale(residual))
    total = np.maximum(weight.sum(0), 1e-9)
    pivot, mean = ((weight * v).sum(0) / total for v in (image, pairs.target))
    x, y = image - pivot, pairs.target - mean
    xx, yy, xy = ((weight * p).sum(0) / total for p in (x * x, y * y, x * y))
    correlation = xy / np.sqrt(np.maximum(xx * yy, 1e-12))
    change = np.sqrt(yy / np.maximum(xx, 1e-9)) - 1
    variance = (1 - correlation**2) * ALIKE * pairs.repeats / np.maximum(len(residual), 1)
    change *= np.maximum(0, 1 - 4 * DOUBT * variance / np.maximum(change**2, 1e-12))
    change = np.where(correlation > MIN_CORRELATION, np.clip(change, -MAX_CONTRAST_CHANGE, MAX_CONTRAST_CHANGE), 0)
    return 1 + change, pivot
