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
from functools import lru_cache
from math import ceil, floor

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.membrane import continued
from aan_engine.movers import across, led, narrow

Array = NDArray[np.float32]
Mask = NDArray[np.bool_]

LONGEST, WIDTH = 32_000, 1024
"""Points that are sampled in one row, at most; and the width that more of them are folded to."""

TAPS = 2
"""Pixels to each side that a bicubic value is made of."""

STILL = 0.5
"""Pixels by which a hole's surroundings may move against the camera and still pass for background."""


@dataclass(frozen=True, eq=False)
class Motion:
    """Motion from a target to a source frame.

    Args:
        shift: (h, w, 2) float32, `map` less each pixel's own position: small and smooth, it is what to interpolate.
        homography: (3, 3) float64, its global part.
        trust: 0 .. 1, how much of the frame the homography explains.
        carried: (h, w, 2) like `shift`, but what is hidden moves as what surrounds it does, foreground included.

    `shift` lets the hole follow the camera, which is right for a background; `carried` is right for what lies on
    something that moves by itself. A survey keeps many motions: what is seldom asked for is not kept with them.
    """

    shift: Array
    homography: NDArray[np.float64]
    trust: float
    carried: Array

    @property
    def map(self) -> Array:
        """(h, w, 2) see the module's convention."""
        return self.shift + _grid(*self.shift.shape[:2])


def grid(shape: tuple[int, ...]) -> Array:
    """(h, w, 2): each pixel's own (x, y)."""
    return _grid(shape[0], shape[1]).copy()


@lru_cache(maxsize=4)
def _grid(height: int, width: int) -> Array:
    y, x = np.mgrid[:height, :width].astype(np.float32)
    return np.stack([x, y], -1)


def project(homography: NDArray[np.float64], points: Array) -> Array:
    """Points (..., 2) through a homography. Convention: target (x, y) -> source (x, y)."""
    H = homography.astype(np.float32)
    x, y = points[..., 0], points[..., 1]
    depth = H[2, 0] * x + H[2, 1] * y + H[2, 2]
    # Behind the horizon there is no picture: send such points far outside instead of mirroring them back in.
    depth = np.where(depth > 1e-3, depth, np.float32(np.nan))
    u = (H[0, 0] * x + H[0, 1] * y + H[0, 2]) / depth
    v = (H[1, 0] * x + H[1, 1] * y + H[1, 2]) / depth
    return np.nan_to_num(np.stack([u, v], -1), nan=-1e6, posinf=-1e6, neginf=-1e6).astype(np.float32)


def within(points: Array, shape: tuple[int, ...]) -> Mask:
    """Which of the points (..., 2) lie on a picture of `shape`, from its first pixel's centre to its last one's."""
    x, y = points[..., 0], points[..., 1]
    return (x >= 0) & (y >= 0) & (x <= shape[1] - 1) & (y <= shape[0] - 1)


def sample(image: NDArray[np.float32], points: Array, *, sharp: bool = False) -> Array:
    """Values of `image` (h, w[, c]) at `points` (..., 2), bilinear, or bicubic where `sharp`.

    A bicubic value never leaves the range of the pixels around it: at the edge of a lamp it would ring otherwise,
    into negative light on the one side and twice the light on the other.

    Convention: points are (x, y), pixel centres at integers; outside, the nearest edge pixel's value.
    """
    if sharp:
        image, points = _cropped(image, points)
        around = np.ones((3, 3), np.uint8)
        low = _remapped(cv2.erode(image, around), points, cv2.INTER_NEAREST)
        high = _remapped(cv2.dilate(image, around), points, cv2.INTER_NEAREST)
        return np.clip(_remapped(image, points, cv2.INTER_CUBIC), low, high)
    return _remapped(image, points, cv2.INTER_LINEAR)


def window(points: Array, *, margin: int, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    """(left, top, right, bottom), the last two excluded: the pixels of a picture of `shape` (h, w ...) around points.

    From `margin` pixels before to `margin` pixels beyond all pixels beside the points (..., 2), of which there is at
    least one; a point outside counts as the nearest pixel.
    """

    def span(along: Array, size: int) -> tuple[int, int]:
        low, high = (min(max(float(end), 0), size - 1) for end in (along.min(), along.max()))
        return max(floor(low) - margin, 0), min(ceil(high) + margin + 1, size)

    (left, right), (top, bottom) = span(points[..., 0], shape[1]), span(points[..., 1], shape[0])
    return left, top, right, bottom


def _cropped(image: NDArray[np.float32], points: Array) -> tuple[NDArray[np.float32], Array]:
    """The part of `image` that bicubic values at `points` depend on, and the points on it."""
    if not points.size:
        return image, points
    left, top, right, bottom = window(points, margin=TAPS, shape=image.shape)
    # Halfway between two pixels OpenCV takes the even one: what is even stays so.
    left, top = left - left % 2, top - top % 2
    return np.ascontiguousarray(image[top:bottom, left:right]), points - np.array([left, top], np.float32)


def _remapped(image: NDArray[np.float32], points: Array, method: int) -> Array:
    shape, count = points.shape[:-1], points.size // 2
    if count <= LONGEST:
        maps = np.ascontiguousarray(points, np.float32).reshape(1, count, 2)
    else:
        # remap's own maps are limited in length: fold long lists of points.
        folded = np.empty((-(-count // WIDTH) * WIDTH, 2), np.float32)
        folded[:count], folded[count:] = points.reshape(-1, 2), 0
        maps = folded.reshape(-1, WIDTH, 2)
    if not count:
        return np.zeros((*shape, *image.shape[2:]), np.float32)
    values = cv2.remap(image, maps, None, method, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(-1, *image.shape[2:])[:count].reshape(*shape, *image.shape[2:])


def between(
    target: Array,
    source: Array,
    *,
    target_visible: Mask,
    source_visible: Mask,
    homography: NDArray[np.float64],
    trust: float,
    bridged: Callable[[], tuple[Array, Array]] | None = None,
) -> Motion:
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
    around = continued(residual, sure)
    moving = ~measured & ((np.abs(around[..., 0]) > STILL) | (np.abs(around[..., 1]) > STILL))
    if moving.any():
        # Something moves before the camera beside the hole, and what was crossfilled stood still: it held the flow back
        # for as far as its windows reach. Of the two ways out, one is taken: the flow is what a motion costs.
        thin = narrow(~measured)
        if bridged is not None and 2 * (moving & thin).sum() > moving.sum():
            before, behind = bridged()
            after = cv2.warpPerspective(behind, homography, (w, h), flags=flags, borderMode=cv2.BORDER_REPLICATE)
            around = across(around, _flow(before, after), thin=thin)
        else:
            T, W = _along(T, W, around, target_visible=target_visible, source_visible=seen_mask)
            residual = np.where(measured[..., None], _flow(T, W), residual)
            around = continued(residual, sure)
        if (moving & ~thin).any():
            around = np.where(thin[..., None], around, led(around, residual, sure=sure))
    residual *= (seen_mask | target_visible)[..., None]
    own = _grid(h, w)
    carried = project(homography, own) + around - own
    return Motion(project(homography, own + residual) - own, homography, trust, carried)


def crossfill(target: Array, warped: Array, *, target_visible: Mask, source_visible: Mask) -> tuple[Array, Array]:
    """Each picture's hole filled from the other; what is hidden in both is the same smooth patch in both."""
    either = np.where(target_visible, target, warped)
    known = target_visible | source_visible
    if not known.all():
        either = continued(either[..., None], known.astype(np.float32))[..., 0]
    T = np.where(target_visible, target, either)
    W = np.where(source_visible, warped, either)
    return T, W


def _along(T: Array, W: Array, motion: Array, *, target_visible: Mask, source_visible: Mask) -> tuple[Array, Array]:
    """Each picture's hole filled from the other along `motion` (h, w, 2), target -> source, where that shows it.

    Against the motion the way back is taken to be the same: it is as smooth as the hole's surroundings make it.
    """
    there, back = grid(motion.shape) + motion, grid(motion.shape) - motion
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
