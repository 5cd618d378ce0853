"""A plate to copy from, and how its pixels are sampled."""

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
    """A picture that is read box by box, scene-linear or in the log range, such as `Plate` and `CachedPlate`."""

    @property
    def shape(self) -> tuple[int, int]: ...
    def region(self, box: Box) -> Array: ...
    def log_region(self, box: Box) -> Array: ...


class Unusable(Protocol):
    """Which pixels of a picture must not be copied, such as `FrameMasks` and `CachedPlate`."""

    @property
    def blocked(self) -> Mask: ...


@dataclass(frozen=True, eq=False)
class SourcePlate:
    """A plate to copy from.

    Args:
        picture: its pixels.
        covered: its mask, fetched when it is first needed.
    """

    picture: PlatePixels
    covered: Unusable

    @cached_property
    def blocked(self) -> Mask:
        """(H, W) bool: hidden, in front, excluded, NaN or infinite; never sampled."""
        return self.covered.blocked


def sample_plate(plate: SourcePlate, at: Array, *, blur: float = 0.0) -> tuple[Array, Mask]:
    """Log-range values at positions on a plate, by bicubic interpolation.

    Args:
        at: (n, 2) positions.
        blur: standard deviation in pixels of a Gaussian on scene-linear light that is applied first, for targets out of
            focus; blocked pixels are left out of it (normalised convolution).

    Returns:
        (n, 3) float32, and (n,) bool: whether the position is inside the plate and none of its taps is blocked.

    Convention: positions are (x, y) in pixels, pixel centres at integers.
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
    # Bicubic taps reach one pixel further than bilinear ones: the latter must not touch blocked pixels dilated by one.
    # Candidates are tested in the same way on proxies, so that a plan can be carried out on plates.
    dilated = cv2.dilate(blocked.view(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    return values, inside(at, (H, W)) & (sample(dilated, local) < 1e-3)


def _masked_blur(light: Array, blocked: Mask, blur: float) -> Array:
    """(h, w, 3) light under a Gaussian without its blocked pixels, which must be 0 (normalised convolution)."""
    usable = (~blocked).astype(np.float32)
    share = cv2.GaussianBlur(usable, (0, 0), blur)
    blurred = cv2.GaussianBlur(light, (0, 0), blur) / np.maximum(share, 1e-3)[..., None]
    return np.where(blocked[..., None], light, blurred)
