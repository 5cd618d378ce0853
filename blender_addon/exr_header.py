"""Reads the windows and channel names from an EXR file's header. Decodes no pixels."""

from __future__ import annotations

import struct
from dataclasses import dataclass
from pathlib import Path

MAX_HEADER_BYTES = 1 << 16  # bytes that are read of a file; a longer header is not supported
MAGIC = b"\x76\x2f\x31\x01"

Window = tuple[int, int, int, int]


@dataclass(frozen=True)
class ExrHeader:
    """The first part's windows, as (x0, y0, x1, y1) with both ends included, and its channel names."""

    data_window: Window
    display_window: Window
    channels: tuple[str, ...]

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the data window."""
        x0, y0, x1, y1 = self.data_window
        return x1 - x0 + 1, y1 - y0 + 1

    @property
    def is_uncropped(self) -> bool:
        """Whether the data window is the display window."""
        return self.data_window == self.display_window


def read(path: str | Path) -> ExrHeader | None:
    """The header of an EXR file; None if the file is no EXR or cannot be read."""
    try:
        with Path(path).open("rb") as file:
            found = _attributes(file.read(MAX_HEADER_BYTES))
        if found is None:
            return None
        windows = [struct.unpack("<4i", found[name]) for name in ("dataWindow", "displayWindow")]
        return ExrHeader(windows[0], windows[1], _channels(found["channels"]))
    except (OSError, KeyError, ValueError, IndexError, struct.error):
        return None


def _attributes(data: bytes) -> dict[str, bytes] | None:
    """All attributes by name. Each is a name, a type, a 4-byte length and the value; an empty name ends the header."""
    if data[:4] != MAGIC:
        return None
    found, at = {}, 8
    while data[at] != 0:
        name, at = _null_terminated(data, at)
        _, at = _null_terminated(data, at)
        (length,) = struct.unpack_from("<i", data, at)
        found[name] = data[at + 4 : at + 4 + length]
        at += 4 + length
    return found


def _channels(value: bytes) -> tuple[str, ...]:
    names, at = [], 0
    while value[at] != 0:
        name, at = _null_terminated(value, at)
        names.append(name)
        at += 16  # pixel type, linearity, sampling
    return tuple(names)


def _null_terminated(data: bytes, at: int) -> tuple[str, int]:
    end = data.index(b"\0", at)
    return data[at:end].decode("utf-8", "replace"), end + 1
