"""Proxies: small, log-encoded pictures on which registration, motion and the networks work. `proxy_store` keeps them.

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
"""Pixels of a proxy at most, so that the networks take the same time for 480p and for 8K plates."""

BAND_ROWS = 64
"""Rows of a plate that are averaged together."""

NEGLIGIBLE_SHARE = 1e-5
"""Share of a proxy pixel below which it counts as 0: float32 sums of shares are rounded by less."""

HIGHLIGHT_CLIP = 50.0
"""Scene-linear light to which brighter plate pixels are clipped before they are averaged: a specular highlight of a
few pixels would outshine everything around it. Not measured separately."""


HIDDEN_VALUE = 0.4
"""Log-range value of hidden proxy pixels: scene-linear 0.15, near mid grey."""


@dataclass(frozen=True, eq=False)
class Proxy:
    """One frame as the network sees it.

    Args:
        image: (h, w, 3) float32, log range; `HIDDEN_VALUE` where hidden.
        hidden: (h, w) bool, True where any plate pixel under it is hidden, NaN or infinite.
        unusable: (h, w) bool, True where any plate pixel under it must not be copied for another reason (holdout,
            exclude); None for none.
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
        unusable: (H, W) bool, visible pixels that must not be copied; None for none.
    """
    return proxy_from_bands(lambda box: pixels[box.slices], matte, size=size, unusable=unusable)


def proxy_from_bands(
    region: Callable[[Box], Array], matte: Array, *, size: tuple[int, int], unusable: Mask | None = None
) -> Proxy:
    """As `make_proxy`, for a plate that is read through `region`, one band of rows after the other.

    The intermediate arrays of a band stay in the processor's cache; for a whole 4K plate they would take a quarter of a
    gigabyte.

    Method: the mean of scene-linear light over each proxy pixel's own area, hidden pixels left out (normalised
    convolution with a box), as an area resize along x and a matrix product along y.
    """
    height, (h, w) = len(matte), size
    vertical = _overlap_matrix(height, h)
    light_sum, known_share, unusable_share = (np.zeros((h, w, n), np.float32) for n in (3, 1, 1))
    for top in range(0, height, BAND_ROWS):
        rows = slice(top, min(top + BAND_ROWS, height))
        pixels = region(Box(top=rows.start, bottom=rows.stop, left=0, right=matte.shape[1]))
        # A sum is finite only where all its terms are.
        with np.errstate(invalid="ignore", over="ignore"):
            known = np.isfinite(pixels[..., 0] + pixels[..., 1] + pixels[..., 2]) & (matte[rows] <= 0)
        # Hidden pixels become 0 here and have no share below, so they do not bleed into their surroundings.
        light = cv2.copyTo(
            pixels if size == matte.shape else np.clip(pixels, -HIGHLIGHT_CLIP, HIGHLIGHT_CLIP), known.view(np.uint8)
        )
        proxy_rows = slice(top * h // height, -(-rows.stop * h // height))
        sums = [(light_sum, light), (known_share, known.astype(np.float32))]
        if unusable is not None and unusable[rows].any():
            sums.append((unusable_share, unusable[rows].astype(np.float32)))
        for total, values in sums:
            narrow = cv2.resize(values, (w, len(values)), interpolation=cv2.INTER_AREA)
            band = vertical[proxy_rows, rows] @ narrow.reshape(len(values), -1)
            total[proxy_rows] += band.reshape(total[proxy_rows].shape)
    hidden = known_share[..., 0] < 1 - NEGLIGIBLE_SHARE
    image = to_log(light_sum / np.maximum(known_share, NEGLIGIBLE_SHARE))
    image[hidden] = HIDDEN_VALUE
    return Proxy(image, hidden, None if unusable is None else unusable_share[..., 0] > NEGLIGIBLE_SHARE)


@lru_cache(maxsize=2)
def _overlap_matrix(length: int, short: int) -> Array:
    """(short, length) float32: the share of each of `length` pixels in each of `short` larger ones; rows sum to 1."""
    edges = np.arange(short + 1)[:, None] * (length / short)
    first = np.arange(length)
    inside = np.minimum(edges[1:], first + 1) - np.maximum(edges[:-1], first)
    return np.asarray(np.maximum(inside, 0) * (short / length), np.float32)
