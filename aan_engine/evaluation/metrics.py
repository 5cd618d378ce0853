"""Metrics: how far a fill is from the truth, and how steadily it moves along with it.

All are computed on sRGB-encoded pictures, 0 .. 255.
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

FLOW_TOLERANCE = 1.0
"""Squared distance in pixels up to which forward and backward flow agree; elsewhere the warping error is not taken."""


@dataclass(frozen=True)
class Scores:
    """Means over the frames that hide anything; NaN where there is nothing to take a mean of.

    Args:
        psnr: of whole frames, dB.
        hole: PSNR in the hole, dB: of the mean over frames of the hole's mean squared error.
        ssim: of whole frames, 0 .. 1.
        warping: warping error, times 1000: mean squared difference in the hole to the previous frame of the fill,
            warped along the truth's flow; channels in 0 .. 1.
    """

    psnr: float
    hole: float
    ssim: float
    warping: float


@dataclass(frozen=True, eq=False)
class Truth:
    """A clip's truth with its optical flow, computed once and used for every fill.

    Args:
        frames: (H, W, 3) float32 sRGB-encoded 0 .. 255.
        before: for each frame but the first, (H, W, 2) float32: the positions of its pixels in the frame before.
        reliable: for each frame but the first, (H, W) bool: where forward and backward flow agree.

    Convention: positions are (x, y), pixel centres at integers, origin top-left, y down.
    """

    frames: list[Array]
    before: list[Array]
    reliable: list[Mask]

    @classmethod
    def of(cls, frames: Sequence[Array]) -> Truth:
        """From the frames, by OpenCV's DIS flow in both directions."""
        estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
        greys = [cv2.cvtColor(frame.astype(np.uint8), cv2.COLOR_RGB2GRAY) for frame in frames]
        before, reliable = [], []
        for earlier, later in pairwise(greys):
            back = np.asarray(estimator.calc(later, earlier, None), np.float32)
            forth = np.asarray(estimator.calc(earlier, later, None), np.float32)
            position = pixel_grid(later.shape) + back
            returned = cv2.remap(forth, position, None, cv2.INTER_LINEAR)
            before.append(position)
            reliable.append(((back + returned) ** 2).sum(-1) < FLOW_TOLERANCE)
        return cls(list(frames), before, reliable)


def score_clip(truth: Truth, result: Sequence[Array], holes: Sequence[Mask]) -> Scores:
    """The scores of one fill.

    Args:
        result: (H, W, 3) float32 sRGB-encoded 0 .. 255, one for each frame of the truth.
        holes: (H, W) bool, True where hidden.
    """
    squares = [(found - true) ** 2 for found, true in zip(result, truth.frames, strict=True)]
    hiding = [t for t, hole in enumerate(holes) if hole.any()]
    steps = (
        cv2.remap(result[t - 1], truth.before[t - 1], None, cv2.INTER_LINEAR) - result[t] for t in range(1, len(result))
    )
    counted = (truth.reliable[t - 1] & holes[t] for t in range(1, len(result)))
    flicker = [
        float(((step / 255) ** 2)[where].mean()) * 1e3
        for step, where in zip(steps, counted, strict=True)
        if where.any()
    ]
    return Scores(
        psnr=_mean([psnr(float(squares[t].mean())) for t in hiding]),
        hole=psnr(_mean([float(squares[t][holes[t]].mean()) for t in hiding])),
        ssim=_mean([ssim(truth.frames[t], result[t]) for t in hiding]),
        warping=_mean(flicker),
    )


def psnr(square: float) -> float:
    """PSNR of a mean squared error on a scale of 0 .. 255; at most about 138 dB, NaN of NaN."""
    return float(10 * np.log10(255**2 / np.maximum(square, 1e-9)))


def ssim(true: Array, found: Array) -> float:
    """Mean SSIM of two (H, W, 3) pictures, 0 .. 255, over the channels (Wang et al. 2004, square windows of 7).

    Raises:
        ValueError: a picture is smaller than the window.
    """
    if min(true.shape[:2]) < WINDOW:
        raise ValueError(f"a picture of {true.shape[1]} x {true.shape[0]} is smaller than SSIM's window of {WINDOW}")
    a, b = true.astype(np.float64), found.astype(np.float64)
    mean_a, mean_b = _windowed(a), _windowed(b)
    unbiased = WINDOW**2 / (WINDOW**2 - 1)
    var_a = unbiased * (_windowed(a * a) - mean_a**2)
    var_b = unbiased * (_windowed(b * b) - mean_b**2)
    covar = unbiased * (_windowed(a * b) - mean_a * mean_b)
    c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
    similarity = (2 * mean_a * mean_b + c1) * (2 * covar + c2)
    similarity /= (mean_a**2 + mean_b**2 + c1) * (var_a + var_b + c2)
    rim = WINDOW // 2
    return float(similarity[rim:-rim, rim:-rim].mean())


def _windowed(values: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.asarray(cv2.boxFilter(values, -1, (WINDOW, WINDOW)))


def _mean(values: Sequence[float]) -> float:
    return float(np.mean(values)) if values else float("nan")
