"""A source: a plate to copy from, the places on it that a decision means, and what it shows there.

Convention: plate and proxy positions as in `proxy`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.decision import Decision
from aan_engine.light import encode
from aan_engine.motion import Array, Mask, sample, within
from aan_engine.origin import by_frame


class Picture(Protocol):
    """A picture part by part, in scene-linear light or in the log range: a `Plate` in the engine."""

    @property
    def shape(self) -> tuple[int, int]: ...
    def region(self, top: int, bottom: int, left: int, right: int) -> Array: ...
    def logs(self, top: int, bottom: int, left: int, right: int) -> Array: ...


class Covered(Protocol):
    """What may not be taken from a picture: `Masks` in the engine."""

    @property
    def blocked(self) -> Mask: ...


@dataclass(frozen=True, eq=False)
class Source:
    """A plate to copy from.

    Args:
        picture: its light.
        covered: (H, W) bool: what is hidden, in front, excluded, NaN or infinite; never sampled.
    """

    picture: Picture
    covered: Covered

    @cached_property
    def blocked(self) -> Mask:
        """(H, W) bool."""
        return self.covered.blocked


def places(decision: Decision, k: int, points: Array, *, scale: Array) -> tuple[NDArray[np.int32], Array]:
    """Of candidate k at (n, 2) box positions: the source frame (-1 where none) and the position on its plate.

    Displacements are interpolated among neighbours of one source frame only: across a border between sources there is
    nothing in between.
    """
    candidate = decision.layers[k]
    h, w = candidate.frame.shape
    cell = np.clip(np.rint(points).astype(np.int32), 0, (w - 1, h - 1))
    frames = candidate.frame[cell[:, 1], cell[:, 0]]
    corner = np.array([decision.near.left, decision.near.top], np.float32)
    found = np.zeros((len(points), 2), np.float32)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    shift = candidate.position - corner - np.stack([x, y], -1)
    for frame, here in by_frame(frames):
        near = np.clip(points[here], 0, (w - 1, h - 1))
        (left, top), (right, bottom) = np.floor(near.min(0)).astype(int), np.ceil(near.max(0)).astype(int) + 1
        part = np.s_[top:bottom, left:right]
        field = np.ones((bottom - top, right - left, 3), np.float32)
        field[..., :2] = shift[part]
        field *= (candidate.frame[part] == frame)[..., None]
        sums = sample(field, near - np.array([left, top], np.float32))
        found[here] = points[here] + sums[:, :2] / np.maximum(sums[:, 2:], 1e-3)
    return frames, (found + corner + 0.5) / scale - 0.5


def sampled(plate: Source, at: Array, *, blur: float = 0.0) -> tuple[Array, Mask]:
    """Log-range values (n, 3) at plate positions, and which are sound: inside the plate, every tap unblocked.

    With a `blur`, in pixels, as a lens out of focus would show them: what is blocked does not bleed into them.
    """
    H, W = plate.picture.shape
    beyond = int(np.ceil(3 * blur))
    low = np.floor(at.min(0)).astype(int) - 2 - beyond
    high = np.ceil(at.max(0)).astype(int) + 3 + beyond
    x0, y0 = np.clip(low, 0, (W - 1, H - 1))
    x1, y1 = np.clip(high, 1, (W, H))
    if y1 <= y0 or x1 <= x0:
        return np.zeros((len(at), 3), np.float32), np.zeros(len(at), bool)
    blocked = plate.blocked[y0:y1, x0:x1]
    if blur > 0:
        light = plate.picture.region(y0, y1, x0, x1)
        light[blocked] = 0
        crop = encode(_blurred(light, blocked, blur))
    else:
        crop = plate.picture.logs(y0, y1, x0, x1)
        crop[blocked] = 0
    local = at - np.array([x0, y0], np.float32)
    values = sample(crop, local, sharp=True)
    # A bicubic value has its taps up to a pixel beyond a bilinear one's: those must not touch the blocked ones grown by
    # one. The proxies' candidates are judged alike, so that what was decided on can be carried out.
    reached = cv2.dilate(blocked.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    return values, within(at, (H, W)) & (sample(reached, local) < 1e-3)


def _blurred(light: Array, blocked: Mask, blur: float) -> Array:
    """(h, w, 3) light under a Gaussian, its blocked pixels left out of the mean."""
    shown = (~blocked).astype(np.float32)
    share = cv2.GaussianBlur(shown, (0, 0), blur)
    soft = cv2.GaussianBlur(light, (0, 0), blur) / np.maximum(share, 1e-3)[..., None]
    return np.where(blocked[..., None], light, soft)
