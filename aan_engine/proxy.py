"""Proxies: the small, log-encoded pictures on which everything is decided, and the reel that holds a shot of them.

Convention: a proxy pixel's centre (x, y) lies on the plate at ((x + .5) / s - .5), with s the proxy's size over the
plate's, per axis; both count pixel centres at integers from the top-left of the data window.
"""

from __future__ import annotations

import mmap
import os
import tempfile
from dataclasses import dataclass
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
    # A sum is finite only where all its parts are.
    with np.errstate(invalid="ignore", over="ignore"):
        known = (np.isfinite(pixels[..., 0] + pixels[..., 1] + pixels[..., 2]) & (matte <= 0)).astype(np.float32)
    if size != known.shape:
        # Light is averaged as light, but for sparks, which would outshine all around them.
        light = np.clip(pixels, -SPARK, SPARK)
        light[known == 0] = 0
        to = (size[1], size[0])
        share = cv2.resize(known, to, interpolation=cv2.INTER_AREA)
        # Hidden pixels are left out of the mean instead of staining their surroundings.
        mean = cv2.resize(light, to, interpolation=cv2.INTER_AREA)
        light = mean / np.maximum(share, 1e-6)[..., None]
        hidden = share < 1 - 1e-6
    else:
        hidden = known < 1
        light = np.where(hidden[..., None], 0, pixels)
    image = encode(light)
    image[hidden] = 0.4
    if barred is not None:
        barred = cv2.resize(barred.astype(np.float32), size[::-1], interpolation=cv2.INTER_AREA) > 1e-6
    return Proxy(image, hidden, barred)


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
