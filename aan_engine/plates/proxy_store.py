"""The proxies of a shot, on disk."""

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

from aan_engine.core.frame import Frame
from aan_engine.core.types import Array, Mask
from aan_engine.errors import ShotError
from aan_engine.plates.proxy import Proxy


class ProxyStore:
    """A shot's proxies, on disk: memory holds a bounded number of them, however long the shot is.

    They are stored in half precision, which suffices for the log range: 1000 frames take 750 MB in the system's folder
    for temporary files.

    Args:
        count: the number of plates, which come first.
        size: (h, w) of the proxies.
        extra: the number of clean plates, which follow them.
        numbers: the number of every index, see `Frame`; None numbers them by index.

    Raises:
        ShotError: the folder for temporary files has no room.
    """

    def __init__(
        self, count: int, size: tuple[int, int], *, extra: int = 0, numbers: Sequence[int] | None = None
    ) -> None:
        self.count = count
        self.extra = extra
        self.size = size
        self._numbers = numbers if numbers is not None else range(count + extra)
        self._folder = tempfile.TemporaryDirectory(prefix="aan-proxies-", ignore_cleanup_errors=True)
        self._image = self._allocate("image.npy", np.float16, (count + extra, *size, 3))
        self._hidden = self._allocate("hidden.npy", np.bool_, (count + extra, *size))
        self._unusable = self._allocate("unusable.npy", np.bool_, (count + extra, *size))
        if os.name == "posix":
            # The mapped files stay on disk as long as the maps exist. Unlinked now, they go with a killed process.
            self._folder.cleanup()

    def _allocate(self, name: str, kind: type[np.generic], shape: tuple[int, ...]) -> NDArray[Any]:
        """A memory-mapped array whose blocks are reserved now: writing to a sparse map on a full disk is a SIGBUS."""
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
        """The frame of an index."""
        return Frame(index, self._numbers[index], index if self.has_time(index) else None)

    def has_time(self, index: int) -> bool:
        """Whether this index is a plate's: False for clean plates, and before and beyond the shot."""
        return 0 <= index < self.count

    def put(self, index: int, proxy: Proxy) -> None:
        """Store the proxy of an index."""
        self._image[index] = np.clip(proxy.image, -60000, 60000)
        self._hidden[index] = proxy.hidden
        self._unusable[index] = False if proxy.unusable is None else proxy.unusable
        self._release_pages()

    def image(self, index: int) -> Array:
        """(h, w, 3) float32, log range."""
        image = np.asarray(self._image[index], np.float32)
        self._release_pages()
        return image

    def hidden(self, index: int) -> Mask:
        """(h, w) bool, see `Proxy.hidden`."""
        return np.asarray(self._hidden[index])

    def unusable(self, index: int) -> Mask:
        """(h, w) bool, see `Proxy.unusable`."""
        return np.asarray(self._unusable[index])

    def _release_pages(self) -> None:
        """Unmap the pages that were used: the system still caches them, but they no longer count as this process's."""
        mapped = self._image.base
        if isinstance(mapped, mmap.mmap) and hasattr(mmap, "MADV_DONTNEED"):
            mapped.madvise(mmap.MADV_DONTNEED)

    def close(self) -> None:
        """Free the disk."""
        del self._image, self._hidden, self._unusable
        self._folder.cleanup()

    def __enter__(self) -> ProxyStore:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
