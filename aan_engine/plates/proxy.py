"""Proxies: the small, log-encoded pictures on which everything is decided, and the reel that holds a shot of them.

Convention: a proxy pixel's centre (x, y) lies on the plate at ((x + .5) / s - .5), with s the proxy's size over the
plate's, per axis; both count pixel centres at integers from the top-left of the data window.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask

MAX_AREA = 432 * 240
"""Proxy pixels at most: the network's cost is the same for 480p and for 8K."""

BAND_ROWS = 64
"""Rows of a plate that are looked at together."""

NEGLIGIBLE_SHARE = 1e-5
"""Share of a proxy pixel that is nothing: what sums of shares are rounded by."""

HIGHLIGHT_CLIP = 50.0
"""Scene-linear light above which a pixel counts as this in its proxy's mean."""


@dataclass(frozen=True, eq=False)
class Proxy:
    """One frame as the network sees it.

    Args:
        image: (h, w, 3) float32, log range; hidden places hold a smooth nothing.
        hidden: (h, w) bool, True where any plate pixel under it is hidden.
        barred: (h, w) bool, True where any plate pixel under it may not be taken from for another reason.
    """

    image: Array
    hidden: Mask
    unusable: Mask | None = None


def size_for(height: int, width: int) -> tuple[int, int]:
    """(h, w) of the proxy for a plate: the plate's own size up to `AREA` pixels, else the same shape at that area."""
    scale = min(1.0, (MAX_AREA / (height * width)) ** 0.5)
    return max(16, round(height * scale)), max(16, round(width * scale))


def make_proxy(pixels: Array, matte: Array, *, size: tuple[int, int], unusable: Mask | None = None) -> Proxy:
    """The proxy of a plate.

    Args:
        pixels: (H, W, 3) float32, scene-linear; NaN and infinities count as hidden.
        matte: (H, W) float32, 0 .. 1; above 0 is hidden.
        size: (h, w) from `size_for`.
        unusable: (H, W) what may not be taken from though the picture shows it, None for nothing.
    """
    return proxy_from_bands(lambda box: pixels[box.slices], matte, size=size, unusable=unusable)


def proxy_from_bands(
    region: Callable[[Box], Array], matte: Array, *, size: tuple[int, int], unusable: Mask | None = None
) -> Proxy:
    """As `make_proxy`, of a plate whose `region` is read one band of rows after the other.

    What lies between a band and its part of the proxy stays in the processor's cache; of a whole 4K plate it would be
    a quarter of a gigabyte.
    """
    height, (h, w) = len(matte), size
    down = _overlap_matrix(height, h)
    mean, share, shut = (np.zeros((h, w, n), np.float32) for n in (3, 1, 1))
    for top in range(0, height, BAND_ROWS):
        here = slice(top, min(top + BAND_ROWS, height))
        pixels = region(Box(top=here.start, bottom=here.stop, left=0, right=matte.shape[1]))
        # A sum is finite only where all its parts are.
        with np.errstate(invalid="ignore", over="ignore"):
            known = np.isfinite(pixels[..., 0] + pixels[..., 1] + pixels[..., 2]) & (matte[here] <= 0)
        # Light is averaged as light, but for sparks, which would outshine all around them. Hidden pixels are left out
        # of the mean instead of staining their surroundings.
        light = cv2.copyTo(
            pixels if size == matte.shape else np.clip(pixels, -HIGHLIGHT_CLIP, HIGHLIGHT_CLIP), known.view(np.uint8)
        )
        into = slice(top * h // height, -(-here.stop * h // height))
        pairs = [(mean, light), (share, known.astype(np.float32))]
        if unusable is not None and unusable[here].any():
            pairs.append((shut, unusable[here].astype(np.float32)))
        for total, values in pairs:
            narrow = cv2.resize(values, (w, len(values)), interpolation=cv2.INTER_AREA)
            total[into] += (down[into, here] @ narrow.reshape(len(values), -1)).reshape(total[into].shape)
    hidden = share[..., 0] < 1 - NEGLIGIBLE_SHARE
    image = to_log(mean / np.maximum(share, NEGLIGIBLE_SHARE))
    image[hidden] = 0.4
    return Proxy(image, hidden, None if unusable is None else shut[..., 0] > NEGLIGIBLE_SHARE)


@lru_cache(maxsize=2)
def _overlap_matrix(length: int, short: int) -> Array:
    """(short, length): how much of each pixel along an axis lies in each of fewer ones, relative to those."""
    edges = np.arange(short + 1)[:, None] * (length / short)
    first = np.arange(length)
    inside = np.minimum(edges[1:], first + 1) - np.maximum(edges[:-1], first)
    return np.asarray(np.maximum(inside, 0) * (short / length), np.float32)
