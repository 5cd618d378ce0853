"""How long a movie file says that it is, in bytes. One that is shorter is still being copied, or was cut short.

A decoder shows what is there and ends without a word. Uses the standard library alone. MPEG transport streams say
nothing; of them, and of files that were never finished, only a frame that breaks off tells.
"""

from __future__ import annotations

import struct
from pathlib import Path
from typing import BinaryIO

# QuickTime and MP4: the boxes that hold pictures, and in fragmented files say where they are.
_BOXES_OF_PICTURES = (b"mdat", b"moof")
_EBML, _SEGMENT = b"\x1a\x45\xdf\xa3", b"\x18\x53\x80\x67"
_MXF = b"\x06\x0e\x2b\x34"
# Partition pack: versions, KAG size, this and the previous partition stand before the offset of the footer partition.
_BEFORE_FOOTER = 24


def missing_bytes(path: Path) -> int:
    """The number of bytes that a movie file lacks by its own account; 0 where it is whole, or does not say.

    Raises:
        OSError: it cannot be read.
    """
    size = path.stat().st_size
    with path.open("rb") as file:
        head = file.read(12)
        file.seek(0)
        if head.startswith(_EBML):
            end = _matroska_end(file)
        elif head.startswith(_MXF):
            end = _mxf_end(file)
        elif head.startswith(b"RIFF"):
            end = _riff_end(file, size=size)
        else:
            end = _boxes_end(file, size=size)
    return max(0, end - size)


def _boxes_end(file: BinaryIO, *, size: int) -> int:
    """QuickTime and MP4: the end of the last box."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        length, name = struct.unpack(">I4s", file.read(8))
        header = 8
        if length == 1:  # 64 bits follow
            length, header = int.from_bytes(file.read(8), "big"), 16
        if length < header:
            return 0  # up to the end of the file, or no box
        if at + length > size:
            return at + length if name in _BOXES_OF_PICTURES else 0
        at += length
    return 0


def _riff_end(file: BinaryIO, *, size: int) -> int:
    """AVI: the end of the last of its RIFF chunks."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        name, length = struct.unpack("<4sI", file.read(8))
        if name != b"RIFF" or not length:
            break
        at += 8 + length
    return at


def _matroska_end(file: BinaryIO) -> int:
    """Matroska and WebM: the end of the segment, unless its size is unknown as in live streams."""
    file.seek(4)
    header = _ebml_number(file)
    if header is None:
        return 0
    file.seek(header, 1)
    if file.read(4) != _SEGMENT or (length := _ebml_number(file)) is None:
        return 0
    return file.tell() + length


def _ebml_number(file: BinaryIO) -> int | None:
    """A number of 1 to 8 bytes, whose leading zero bits count them; None where all others are set: unknown."""
    first = file.read(1)
    if not first or not first[0]:
        return None
    count = 8 - first[0].bit_length()
    bits = 7 * (count + 1)
    value = int.from_bytes(first + file.read(count), "big") & ((1 << bits) - 1)
    return value if value != (1 << bits) - 1 else None


def _mxf_end(file: BinaryIO) -> int:
    """MXF: the footer's first byte, which the header names once the file is finished."""
    file.seek(16)
    length = file.read(1)
    if length and length[0] & 0x80:
        file.seek(length[0] & 0x7F, 1)
    file.seek(_BEFORE_FOOTER, 1)
    footer = int.from_bytes(file.read(8), "big")
    return footer + 1 if footer else 0
