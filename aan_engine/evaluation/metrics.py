"""The figures: how far a fill is from the truth, and how steadily it moves with it.

All of them are taken on sRGB-encoded pictures, 0 .. 255, as the eye meets them; none knows where a fill came from.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.sampling import pixel_grid
from aan_engine.core.types import Array, Mask

WINDOW = 7
"""Side of SSIM's window, in pixels."""

AGREED = 1.0
"""Forward and backward flow agree within this many pixels, or the place does not count for the warping error."""


@dataclass(frozen=True)
class Scores:
    """Means over the frames that hide anything; NaN where there is nothing to take a mean of.

    Args:
        psnr: of whole frames, dB.
        hole: PSNR in the hole, dB: of the mean over frames of the hole's mean squared error.
        ssim: of whole frames, 0 .. 1.
        warping: mean squared difference to the previous result, warped by the truth's own flow, in the hole; on a
            scale of 0 .. 1 for each channel, times 1000.
    """

    psnr: float
    hole: float
    ssim: float
    warping: float


@dataclass(frozen=True, eq=False)
class Truth:
    """A clip's truth with its motion, found once and used for every fill.

    Args:
        frames: (H, W, 3) float32 sRGB-encoded 0 .. 255.
        before: for each frame but the first, (H, W, 2) float32: where its pixels lie in the frame before.
        seen: for each frame but the first, (H, W) bool: where that is known.

    Convention: positions are (x, y), pixel centres at integers, origin top-left, y down.
    """

    frames: list[Array]
    before: list[Array]
    seen: list[Mask]

    @classmethod
    def of(cls, frames: Sequence[Array]) -> Truth:
        """The truth from its frames: OpenCV's DIS flow both ways, checked against one another."""
        estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        greys = [cv2.cvtColor(frame.astype(np.uint8), cv2.COLOR_RGB2GRAY) for frame in frames]
        before, seen = [], []
        for earlier, later in pairwise(greys):
            back = np.asarray(estimator.calc(later, earlier, None), np.float32)
            forth = np.asarray(estimator.calc(earlier, later, None), np.float32)
            at = pixel_grid(later.shape) + back
            returned = cv2.remap(forth, at, None, cv2.INTER_LINEAR)
            before.append(at)
            seen.append(((back + returned) ** 2).sum(-1) < AGREED)
        return cls(list(frames), before, seen)


def score_clip(truth: Truth, result: Sequence[Array], holes: Sequence[Mask]) -> Scores:
    """The figures of one result.

    Args:
        result: (H, W, 3) float32 sRGB-encoded 0 .. 255, one for each frame of the truth.
        holes: (H, W) bool, True where hidden.
    """
    squares = [(found - true) ** 2 for found, true in zip(result, truth.frames, strict=True)]
    hiding = [t for t, hole in enumerate(holes) if hole.any()]
    steps = (
        cv2.remap(result[t - 1], truth.before[t - 1], None, cv2.INTER_LINEAR) - result[t] for t in range(1, len(result))
    )
    counted = (truth.seen[t - 1] & holes[t] for t in range(1, len(result)))
    flicker = [
        float(((step / 255) ** 2)[where].mean()) * 1e3
        for step, where in zip(steps, counted, strict=True)
        if where.any()
    ]
    return Scores(
        psnr=_mean([decibels(float(squares[t].mean())) for t in hiding]),
        hole=decibels(_mean([float(squares[t][holes[t]].mean()) for t in hiding])),
        ssim=_mean([similarity(truth.frames[t], result[t]) for t in hiding]),
        warping=_mean(flicker),
    )


def decibels(square: float) -> float:
    """PSNR of a mean squared error on a scale of 0 .. 255; at most about 138 dB, NaN of NaN."""
    return float(10 * np.log10(255**2 / np.maximum(square, 1e-9)))


def similarity(true: Array, found: Array) -> float:
    """Mean SSIM of two (H, W, 3) pictures, 0 .. 255, over the channels (Wang et al. 2004, square windows of 7).

    Raises:
        ValueError: when a picture is smaller than the window.
    """
    if min(true.shape[:2]) < WINDOW:
        raise ValueError(f"a picture of {true.shape[1]} x {true.shape[0]} is smaller than SSIM's window of {WINDOW}")
    a, b = true.astype(np.float64), found.astype(np.float64)
    mean_a, mean_b = _windowed(a), _windowed(b)
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    var_a = unbiased * (_windowed(a * a) - mean_a**2)
    var_b = unbiased * (_windowed(b * b) - mean_b**2)
    covar = unbiased * (_windowed(a * b) - mean_a * mean_b)
    level, spread = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    likeness = (2 * mean_a * mean_b + level) * (2 * covar + spread)
    likeness /= (mean_a**2 + mean_b**2 + level) * (var_a + var_b + spread)
    rim = WINDOW // 2
    return float(likeness[rim:-rim, rim:-rim].mean())


def _windowed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.boxFilter(values, -1, (WINDOW, WINDOW)))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
