"""Motion: where each pixel of one proxy lies in a neighbouring one: a homography plus a residual flow.

Camera motion is taken out first (the homography), so that the residual is small. The residual is estimated on
*cross-filled* pictures: inside the target's hole stands the warped reference, inside the reference's hole the
target, so the flow never sees the object that is to go, nor the smear of an inpainting.

Convention: a motion map is (h, w, 2) float32: for each target pixel the (x, y) position in the source frame,
pixel centres at integers, origin top-left, y down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.harmonic import harmonic_fill
from aan_engine.core.homography import project
from aan_engine.core.sampling import _pixel_grid, pixel_grid, sample
from aan_engine.core.types import Array, Mask
from aan_engine.motion.foreground import extend_foreground, fast_behind_thin, thin_parts

STILL = 0.5
"""Pixels by which a hole's surroundings may move against the camera and still pass for background."""


@dataclass(frozen=True, eq=False)
class MotionField:
    """Motion from a target to a source frame.

    Args:
        shift: (h, w, 2) float32, `map` less each pixel's own position: small and smooth, it is what to interpolate.
        homography: (3, 3) float64, its global part.
        inlier_share: 0 .. 1, how much of the frame the homography explains.
        carried: (h, w, 2) like `shift`, but what is hidden moves as what surrounds it does, foreground included.

    `shift` lets the hole follow the camera, which is right for a background; `carried` is right for what lies on
    something that moves by itself. A survey keeps many motions: what is seldom asked for is not kept with them.
    """

    displacement: Array
    homography: NDArray[np.float64]
    inlier_share: float
    surround_displacement: Array

    @property
    def map(self) -> Array:
        """(h, w, 2) see the module's convention."""
        return self.displacement + _pixel_grid(*self.displacement.shape[:2])


def estimate_motion(
    target: Array,
    source: Array,
    *,
    target_visible: Mask,
    source_visible: Mask,
    homography: NDArray[np.float64],
    inlier_share: float,
    hole_filled: Callable[[], tuple[Array, Array]] | None = None,
) -> MotionField:
    """The motion from target to source, both greys (h, w) of about 0 .. 1, given the camera's homography.

    Where nothing trustworthy is known about the residual (hidden in either frame) it is 0: the homography alone
    carries the pixel on.

    Args:
        bridged: gives both greys once more, their holes filled smoothly from their rims: where most of what moves
            passes behind narrow holes, it is followed on these. Else it is taken to move as what is around them does.
    """
    h, w = target.shape
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(source, homography, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE)
    seen = cv2.warpPerspective(source_visible.astype(np.float32), homography, (w, h), flags=flags, borderValue=0)
    seen_mask = seen > 0.999
    T, W = crossfill(target, warped, target_visible=target_visible, source_visible=seen_mask)
    residual = _flow(T, W)
    measured = seen_mask & target_visible
    sure = _sure(measured)
    around = harmonic_fill(residual, sure)
    moving = ~measured & ((np.abs(around[..., 0]) > STILL) | (np.abs(around[..., 1]) > STILL))
    if moving.any():
        # Something moves before the camera beside the hole, and what was crossfilled stood still: it held the flow back
        # for as far as its windows reach. Of the two ways out, one is taken: the flow is what a motion costs.
        thin = thin_parts(~measured)
        if hole_filled is not None and 2 * (moving & thin).sum() > moving.sum():
            before, behind = hole_filled()
            after = cv2.warpPerspective(behind, homography, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE)
            around = fast_behind_thin(around, _flow(before, after), thin=thin)
        else:
            T, W = _crossfill_along(T, W, around, target_visible=target_visible, source_visible=seen_mask)
            residual = np.where(measured[..., None], _flow(T, W), residual)
            around = harmonic_fill(residual, sure)
        if (moving & ~thin).any():
            around = np.where(thin[..., None], around, extend_foreground(around, residual, sure=sure))
    residual *= (seen_mask | target_visible)[..., None]
    own = _pixel_grid(h, w)
    carried = project(homography, own) + around - own
    return MotionField(project(homography, own + residual) - own, homography, inlier_share, carried)


def crossfill(target: Array, warped: Array, *, target_visible: Mask, source_visible: Mask) -> tuple[Array, Array]:
    """Each picture's hole filled from the other; what is hidden in both is the same smooth patch in both."""
    either = np.where(target_visible, target, warped)
    known = target_visible | source_visible
    if not known.all():
        either = harmonic_fill(either[..., None], known.astype(np.float32))[..., 0]
    T = np.where(target_visible, target, either)
    W = np.where(source_visible, warped, either)
    return T, W


def _crossfill_along(
    T: Array, W: Array, motion: Array, *, target_visible: Mask, source_visible: Mask
) -> tuple[Array, Array]:
    """Each picture's hole filled from the other along `motion` (h, w, 2), target -> source, where that shows it.

    Against the motion the way back is taken to be the same: it is as smooth as the hole's surroundings make it.
    """
    there, back = pixel_grid(motion.shape) + motion, pixel_grid(motion.shape) - motion
    ahead = sample(source_visible.astype(np.float32), there) > 0.999
    behind = sample(target_visible.astype(np.float32), back) > 0.999
    return (
        np.where(~target_visible & ahead, sample(W, there), T),
        np.where(~source_visible & behind, sample(T, back), W),
    )


def _sure(measured: Mask) -> Array:
    """(h, w) 0 or 1: where the flow's windows, which reach a few pixels, saw nothing that was crossfilled."""
    return np.asarray(cv2.erode(measured.astype(np.float32), np.ones((7, 7), np.uint8)))


def _flow(target: Array, source: Array) -> Array:
    """Dense flow (h, w, 2) with target(x) ~ source(x + flow): OpenCV's DIS, on 8 bit of the log range."""
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    low, high = float(min(target.min(), source.min())), float(max(target.max(), source.max()))
    gain = 255.0 / max(high - low, 1e-3)
    eight = [np.clip((i - low) * gain, 0, 255).astype(np.uint8) for i in (target, source)]
    return np.asarray(estimator.calc(eight[0], eight[1], None), np.float32)
