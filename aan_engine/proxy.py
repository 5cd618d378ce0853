"""Proxies: the small, log-encoded pictures on which everything is decided, and the reel that holds a shot of them.

Convention: a proxy pixel's centre (x, y) lies on the plate at ((x + .5) / s - .5), with s the proxy's size over the
plate's, per axis; both count pixel centres at integers from the top-left of the data window.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.light import encode
from aan_engine.motion import Array, Mask
from aan_engine.shot import ShotError

AREA = 432 * 240
"""Proxy pixels at most: the network's cost is the same for 480p and for 8K."""

BAND = 64
"""Rows of a plate that are looked at together."""

SLIVER = 1e-5
"""Share of a proxy pixel that is nothing: what sums of shares are rounded by."""

SPARK = 50.0
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
    barred: Mask | None = None


def size_for(height: int, width: int) -> tuple[int, int]:
    """(h, w) of the proxy for a plate: the plate's own size up to `AREA` pixels, else the same shape at that area."""
    scale = min(1.0, (AREA / (height * width)) ** 0.5)
    return max(16, round(height * scale)), max(16, round(width * scale))


def make(pixels: Array, matte: Array, *, size: tuple[int, int], barred: Mask | None = None) -> Proxy:
    """The proxy of a plate.

    Args:
        pixels: (H, W, 3) float32, scene-linear; NaN and infinities count as hidden.
        matte: (H, W) float32, 0 .. 1; above 0 is hidden.
        size: (h, w) from `size_for`.
        barred: (H, W) what may not be taken from though the picture shows it, None for nothing.
    """
    return from_rows(lambda top, bottom: pixels[top:bottom], matte, size=size, barred=barred)


def from_rows(
    rows: Callable[[int, int], Array], matte: Array, *, size: tuple[int, int], barred: Mask | None = None
) -> Proxy:
    """As `make`, of a plate that gives its `rows` (top, bottom excluded) one band after the other.

    What lies between a band and its part of the proxy stays in the processor's cache; of a whole 4K plate it would be
    a quarter of a gigabyte.
    """
    height, (h, w) = len(matte), size
    down = _shares(height, h)
    mean, share, shut = (np.zeros((h, w, n), np.float32) for n in (3, 1, 1))
    for top in range(0, height, BAND):
        here = slice(top, min(top + BAND, height))
        pixels = rows(here.start, here.stop)
        # A sum is finite only where all its parts are.
        with np.errstate(invalid="ignore", over="ignore"):
            known = np.isfinite(pixels[..., 0] + pixels[..., 1] + pixels[..., 2]) & (matte[here] <= 0)
        # Light is averaged as light, but for sparks, which would outshine all around them. Hidden pixels are left out
        # of the mean instead of staining their surroundings.
        light = cv2.copyTo(pixels if size == matte.shape else np.clip(pixels, -SPARK, SPARK), known.view(np.uint8))
        into = slice(top * h // height, -(-here.stop * h // height))
        pairs = [(mean, light), (share, known.astype(np.float32))]
        if barred is not None and barred[here].any():
            pairs.append((shut, barred[here].astype(np.float32)))
        for total, values in pairs:
            narrow = cv2.resize(values, (w, len(values)), interpolation=cv2.INTER_AREA)
            total[into] += (down[into, here] @ narrow.reshape(len(values), -1)).reshape(total[into].shape)
    hidden = share[..., 0] < 1 - SLIVER
    image = encode(mean / np.maximum(share, SLIVER))
    image[hidden] = 0.4
    return Proxy(image, hidden, None if barred is None else shut[..., 0] > SLIVER)


@lru_cache(maxsize=2)
def _shares(length: int, short: int) -> Array:
    """(short, length): how much of each pixel along an axis lies in each of fewer ones, relative to those."""
    edges = np.arange(short + 1)[:, None] * (length / short)
    first = np.arange(length)
    inside = np.minimum(edges[1:], first + 1) - np.maximum(edges[:-1], first)
    return np.asarray(np.maximum(inside, 0) * (short / length), np.float32)


class Reel:
    """A shot's proxies, on disk: memory holds a bounded number of frames whatever the shot's length.

    `count` frames are the shot's own, in order; `extra` more (clean plates) follow them, each on its own.

    Half precision: the log range needs no more, and a thousand frames take 750 MB of disk, in the system's folder for
    temporary files.

    Raises:
        ShotError: that folder has no room for it.
    """

    def __init__(self, count: int, size: tuple[int, int], *, extra: int = 0) -> None:
        self.count = count
        self.extra = extra
        self.size = size
        self._folder = tempfile.TemporaryDirectory(prefix="aan-reel-", ignore_cleanup_errors=True)
        self._image = self._reserved("image.npy", np.float16, (count + extra, *size, 3))
        self._hidden = self._reserved("hidden.npy", np.bool_, (count + extra, *size))
        self._barred = self._reserved("barred.npy", np.bool_, (count + extra, *size))
        if os.name == "posix":
            # The maps keep the disk for as long as they live; without a name nothing is left of a killed process.
            self._folder.cleanup()

    def _reserved(self, name: str, kind: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
        """An array on disk that has all its room from the start: a full disk would end the process otherwise."""
        file = Path(self._folder.name) / name
        try:
            mapped = np.lib.format.open_memmap(file, "w+", kind, shape)
            if hasattr(os, "posix_fallocate"):
                with file.open("rb+") as opened:
                    os.posix_fallocate(opened.fileno(), 0, file.stat().st_size)
        except OSError as error:
            self._folder.cleanup()
            raise ShotError(
                f"no room for the shot's proxies: {error.strerror}",
                hint="Free some of the disk, or name a folder on another one in the environment variable TMPDIR.",
                file=file.parent.parent,
            ) from error
        return mapped

    def put(self, index: int, proxy: Proxy) -> None:
        """Store the proxy of frame `index` (0-based)."""
        self._image[index] = np.clip(proxy.image, -60000, 60000)
        self._hidden[index] = proxy.hidden
        self._barred[index] = False if proxy.barred is None else proxy.barred
        self._let_go()

    def image(self, index: int) -> Array:
        """(h, w, 3) float32, log range."""
        found = np.asarray(self._image[index], np.float32)
        self._let_go()
        return found

    def hidden(self, index: int) -> Mask:
        """(h, w) bool."""
        return np.asarray(self._hidden[index])

    def barred(self, index: int) -> Mask:
        """(h, w) bool."""
        return np.asarray(self._barred[index])

    def _let_go(self) -> None:
        """Leave what was looked at to the system's cache of the disk: mapped, it would count as the process's own."""
        mapped = self._image.base
        if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Give the disk back."""
        del self._image, self._hidden, self._barred
        self._folder.cleanup()

    def __enter__(self) -> Reel:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
