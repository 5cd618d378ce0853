"""A plate to copy from."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

import cv2
import numpy as np

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import Box
from aan_engine.core.sampling import TAPS, inside, sample
from aan_engine.core.types import Array, Mask


class PlatePixels(Protocol):
    """A picture part by part, in scene-linear light or in the log range: a `Plate` in the engine."""

    @property
    def shape(self) -> tuple[int, int]: ...
    def region(self, box: Box) -> Array: ...
    def log_region(self, box: Box) -> Array: ...


class Unusable(Protocol):
    """What may not be taken from a picture: `Masks` in the engine."""

    @property
    def blocked(self) -> Mask: ...


@dataclass(frozen=True, eq=False)
class SourcePlate:
    """A plate to copy from.

    Args:
        picture: its light.
        covered: (H, W) bool: what is hidden, in front, excluded, NaN or infinite; never sampled.
    """

    picture: PlatePixels
    covered: Unusable

    @cached_property
    def blocked(self) -> Mask:
        """(H, W) bool."""
        return self.covered.blocked


def sample_plate(plate: SourcePlate, at: Array, *, blur: float = 0.0) -> tuple[Array, Mask]:
    """Log-range values (n, 3) at plate positions, and which are sound: inside the plate, every tap unblocked.

    With a `blur`, in pixels, as a lens out of focus would show them: what is blocked does not bleed into them.
    """
    H, W = plate.picture.shape
    box = Box.around_points(at, margin=TAPS + int(np.ceil(3 * blur)), shape=(H, W))
    blocked = plate.blocked[box.slices]
    if blur > 0:
        light = plate.picture.region(box)
        light[blocked] = 0
        crop = to_log(_masked_blur(light, blocked, blur))
    else:
        crop = plate.picture.log_region(box)
        if blocked.any():
            crop = np.asarray(cv2.copyTo(crop, (~blocked).view(np.uint8)), np.float32)
    local = at - np.array([box.left, box.top], np.float32)
    values = sample(crop, local, sharp=True)
    # A bicubic value has its taps up to a pixel beyond a bilinear one's: those must not touch the blocked ones grown by
    # one. The proxies' candidates are judged alike, so that what was decided on can be carried out.
    reached = cv2.dilate(blocked.view(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    return values, inside(at, (H, W)) & (sample(reached, local) < 1e-3)


def _masked_blur(light: Array, blocked: Mask, blur: float) -> Array:
    """(h, w, 3) light under a Gaussian, its blocked pixels left out of the mean."""
    shown = (~blocked).astype(np.float32)
    share = cv2.GaussianBlur(shown, (0, 0), blur)
    soft = cv2.GaussianBlur(light, (0, 0), blur) / np.maximum(share, 1e-3)[..., None]
    return np.where(blocked[..., None], light, soft)
