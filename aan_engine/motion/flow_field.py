"""Motion fields: where each pixel of one proxy lies in a neighbouring one: a homography plus residual optical flow.

Camera motion is taken out first, by the homography, so that the residual is small. The residual is estimated on
*cross-filled* pictures: inside the target's hole stands the warped source, inside the source's hole the target, so the
flow never sees the object that is to go, nor the smear of an inpainting.

Convention: a displacement is (h, w, 2) float32, (x, y) in proxy pixels from a target pixel to where the source shows
the same; pixel centres at integers, origin top-left, y down.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from aan_engine.core.harmonic import harmonic_fill
from aan_engine.core.homography import Homography
from aan_engine.core.sampling import pixel_grid, sample
from aan_engine.core.types import Array, Mask
from aan_engine.motion.foreground import extend_foreground, fast_behind_thin, thin_parts

STATIC = 0.5
"""Pixels by which a hole's surroundings may move against the camera and still pass for background."""


@dataclass(frozen=True, eq=False)
class MotionField:
    """Motion from a target to a source frame.

    Args:
        displacement: (h, w, 2) float32; hidden pixels follow the camera, which is right for a background.
        homography: the camera's part of it.
        inlier_share: 0 .. 1, how much of the frame the homography explains.
        surround_displacement: (h, w, 2) like `displacement`, but hidden pixels move as what surrounds them does,
            foreground included: right for what lies on something that moves by itself.
    """

    displacement: Array
    homography: Homography
    inlier_share: float
    surround_displacement: Array

    @property
    def map(self) -> Array:
        """(h, w, 2): the position in the source of each target pixel. Made anew: displacements are what is kept."""
        return self.displacement + pixel_grid(self.displacement.shape)


def estimate_motion(
    target: Array,
    source: Array,
    *,
    target_visible: Mask,
    source_visible: Mask,
    homography: Homography,
    inlier_share: float,
    hole_filled: Callable[[], tuple[Array, Array]] | None = None,
) -> MotionField:
    """The motion from target to source, both greys (h, w) of about 0 .. 1, given the camera's homography.

    Where nothing reliable is known about the residual (hidden in either frame) it is 0: the homography alone carries
    the pixel on.

    Args:
        hole_filled: gives both greys with their holes filled smoothly from their edges. Where most of what moves passes
            behind thin holes, it is tracked on these; without, it is taken to move as what is around the hole does.
    """
    h, w = target.shape
    warped = homography.warp(source, (h, w))
    seen = homography.warp(source_visible.astype(np.float32), (h, w), border=0) > 0.999
    T, W = crossfill(target, warped, target_visible=target_visible, source_visible=seen)
    residual = _flow(T, W)
    measured = seen & target_visible
    certain = _certain(measured)
    around = harmonic_fill(residual, certain)
    moving = ~measured & ((np.abs(around[..., 0]) > STATIC) | (np.abs(around[..., 1]) > STATIC))
    if moving.any():
        # Something moves against the camera beside the hole, and what was cross-filled did not: it held the flow back
        # as far as its windows reach. One of two ways out is taken, as the flow is what a motion costs.
        thin = thin_parts(~measured)
        if hole_filled is not None and 2 * (moving & thin).sum() > moving.sum():
            before, behind = hole_filled()
            around = fast_behind_thin(around, _flow(before, homography.warp(behind, (h, w))), thin=thin)
        else:
            T, W = _crossfill_along(T, W, around, target_visible=target_visible, source_visible=seen)
            residual = np.where(measured[..., None], _flow(T, W), residual)
            around = harmonic_fill(residual, certain)
        if (moving & ~thin).any():
            around = np.where(thin[..., None], around, extend_foreground(around, residual, certain=certain))
    residual *= (seen | target_visible)[..., None]
    own = pixel_grid((h, w))
    surround = homography.apply(own) + around - own
    return MotionField(homography.apply(own + residual) - own, homography, inlier_share, surround)


def crossfill(target: Array, warped: Array, *, target_visible: Mask, source_visible: Mask) -> tuple[Array, Array]:
    """Each picture's hole filled from the other; what is hidden in both becomes the same smooth patch in both."""
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

    The way back is taken to be the same motion reversed: it is as smooth as the hole's surroundings make it.
    """
    there, back = pixel_grid(motion.shape) + motion, pixel_grid(motion.shape) - motion
    ahead = sample(source_visible.astype(np.float32), there) > 0.999
    behind = sample(target_visible.astype(np.float32), back) > 0.999
    return (
        np.where(~target_visible & ahead, sample(W, there), T),
        np.where(~source_visible & behind, sample(T, back), W),
    )


def _certain(measured: Mask) -> Array:
    """(h, w) 0 or 1: where the flow's windows, which reach a few pixels, contained nothing that was cross-filled."""
    return np.asarray(cv2.erode(measured.astype(np.float32), np.ones((7, 7), np.uint8)))


def _flow(target: Array, source: Array) -> Array:
    """Dense flow (h, w, 2) with target(x) ~ source(x + flow): OpenCV's DIS, on 8 bit of the log range."""
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    low, high = float(min(target.min(), source.min())), float(max(target.max(), source.max()))
    gain = 255.0 / max(high - low, 1e-3)
    eight = [np.clip((i - low) * gain, 0, 255).astype(np.uint8) for i in (target, source)]
    return np.asarray(estimator.calc(eight[0], eight[1], None), np.float32)
