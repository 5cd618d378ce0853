"""Proxies on disk."""

from __future__ import annotations

import mmap
import os
import tempfile
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.frame import Frame, frames_of
from aan_engine.core.types import Array, Mask
from aan_engine.errors import ShotError
from aan_engine.plates.proxy import Proxy


class ProxyStore:
    """A shot's proxies, on disk: memory holds a bounded number of frames whatever the shot's length.

    `count` frames are the shot's own, in order; `extra` more (clean plates) follow them, each on its own.

    Half precision: the log range needs no more, and a thousand frames take 750 MB of disk, in the system's folder for
    temporary files.

    Raises:
        ShotError: that folder has no room for it.
    """

    def __init__(
        self, count: int, size: tuple[int, int], *, extra: int = 0, numbers: Sequence[int] | None = None
    ) -> None:
        self.count = count
        self.extra = extra
        self.size = size
        self._frames = frames_of(numbers if numbers is not None else range(count + extra), plates=count)
        self._folder = tempfile.TemporaryDirectory(prefix="aan-reel-", ignore_cleanup_errors=True)
        self._image = self._allocate("image.npy", np.float16, (count + extra, *size, 3))
        self._hidden = self._allocate("hidden.npy", np.bool_, (count + extra, *size))
        self._unusable = self._allocate("barred.npy", np.bool_, (count + extra, *size))
        if os.name == "posix":
            # The maps keep the disk for as long as they live; without a name nothing is left of a killed process.
            self._folder.cleanup()

    def _allocate(self, name: str, kind: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
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

    def frame(self, index: int) -> Frame:
        """What this index stands for."""
        return self._frames[index]

    def has_time(self, index: int) -> bool:
        """Whether there is a plate of this index: False for clean plates, and before and beyond the shot."""
        return 0 <= index < len(self._frames) and self._frames[index].time is not None

    def put(self, index: int, proxy: Proxy) -> None:
        """Store the proxy of frame `index` (0-based)."""
        self._image[index] = np.clip(proxy.image, -60000, 60000)
        self._hidden[index] = proxy.hidden
        self._unusable[index] = False if proxy.unusable is None else proxy.unusable
        self._release_pages()

    def image(self, index: int) -> Array:
        """(h, w, 3) float32, log range."""
        found = np.asarray(self._image[index], np.float32)
        self._release_pages()
        return found

    def hidden(self, index: int) -> Mask:
        """(h, w) bool."""
        return np.asarray(self._hidden[index])

    def unusable(self, index: int) -> Mask:
        """(h, w) bool."""
        return np.asarray(self._unusable[index])

    def _release_pages(self) -> None:
        """Leave what was looked at to the system's cache of the disk: mapped, it would count as the process's own."""
        mapped = self._image.base
        if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Give the disk back."""
        del self._image, self._hidden, self._unusable
        self._folder.cleanup()

    def __enter__(self) -> ProxyStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
