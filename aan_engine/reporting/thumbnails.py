"""Small pictures of a frame for the report's page: the plate with its hole outlined, and the result beside it.

Convention: pictures are sRGB, 8 bits, R, G, B; boxes count from the frame's first pixel.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.display import Picture, to_srgb8
from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask

THUMB = (236, 133)
"""Width and height of a picture, in pixels."""

MIN_SAMPLES = 4
"""Rows and columns of a large plate that are averaged for one pixel of its thumbnail; the others are skipped."""

GROUND = (48, 50, 56)
"""The colour around a picture of another shape."""

_OUTLINE = (255, 96, 88)


@dataclass(frozen=True, eq=False)
class Pair:
    """The same place in the plate, with the hole outlined, and in the result, without; both `THUMB` in size."""

    plate: Picture
    result: Picture


@dataclass(frozen=True, eq=False)
class Thumbnails:
    """A frame, and its hole enlarged."""

    whole: Pair
    close: Pair


class PixelReader(Protocol):
    """Returns a box of a picture, or every `every`-th row and column of it: (h, w, 3) float32 scene-linear."""

    def __call__(self, box: Box, *, every: int = 1) -> Array: ...


def thumbnails(plate: PixelReader, result: PixelReader, *, hidden: Mask) -> Thumbnails:
    """A frame at thumbnail size, and its hole with the surroundings.

    Args:
        plate, result: the frame's picture before and after.
        hidden: (H, W) bool, not all False.
    """
    height, width = hidden.shape
    whole = Box.whole(hidden.shape)
    hole = Box.around_mask(hidden) or whole
    # A box of the thumbnail's aspect around the hole, half as large again, moved inside the frame.
    tall = min(height, max(hole.shape[0] * 1.5, hole.shape[1] * 1.5 * THUMB[1] / THUMB[0], 48))
    wide = min(width, tall * THUMB[0] / THUMB[1])
    top = int(np.clip((hole.top + hole.bottom - tall) / 2, 0, height - tall))
    left = int(np.clip((hole.left + hole.right - wide) / 2, 0, width - wide))
    close = Box(top=top, bottom=top + max(int(tall), 1), left=left, right=left + max(int(wide), 1))
    pairs = (Pair(_outlined(_small(plate, box), hidden, box), _framed(_small(result, box))) for box in (whole, close))
    return Thumbnails(*pairs)


def _small(read: PixelReader, box: Box) -> Picture:
    """A box of the picture, as large as fits into `THUMB`."""
    height, width = box.shape
    scale = min(THUMB[0] / width, THUMB[1] / height)
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    interpolation = cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC
    # A few of a large plate's pixels make as good a thumbnail as all of them.
    pixels = read(box, every=max(1, int(1 / scale / MIN_SAMPLES)))
    light: NDArray[np.float32] = np.clip(np.nan_to_num(pixels), 0, 1).astype(np.float32)
    return to_srgb8(cv2.resize(light, size, interpolation=interpolation))


def _outlined(small: Picture, hidden: Mask, box: Box) -> Picture:
    shape = cv2.resize(
        hidden[box.slices].astype(np.uint8), (small.shape[1], small.shape[0]), interpolation=cv2.INTER_LINEAR
    )
    outlines, _ = cv2.findContours(shape, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    outlined = np.ascontiguousarray(small)
    cv2.drawContours(outlined, outlines, -1, _OUTLINE, 1, cv2.LINE_AA)
    return _framed(outlined)


def _framed(small: Picture) -> Picture:
    """The picture in the middle of `THUMB`."""
    framed: Picture = np.full((THUMB[1], THUMB[0], 3), GROUND, np.uint8)
    y, x = (THUMB[1] - small.shape[0]) // 2, (THUMB[0] - small.shape[1]) // 2
    framed[y : y + small.shape[0], x : x + small.shape[1]] = small
    return framed
