"""Whether a file asks to be shown turned or mirrored: the engine turns its pixels, this Blender may not.

Reads the EXIF and TIFF orientation of JPEG, TIFF and PNG, the scan direction of DPX, and the matrices of QuickTime and
MP4. Decodes no pixels. What cannot be read says nothing.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

UPRIGHT = 1  # EXIF's number
MIRRORED = frozenset({2, 4, 5, 7})
_ORIENTATION_TAG = 0x0112
_DPX_ORIENTATION_AT = 768
_MOST_CHUNKS = 64  # JPEG segments or PNG chunks that are looked at before the picture
_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")  # which QuickTime and MP4 files begin with
# By the signs of a matrix (a, b, c, d) of QuickTime and MP4: x is shown at a x + c y, and y at b x + d y.
_BY_SIGNS = {
    (1, 0, 0, 1): 1,
    (-1, 0, 0, 1): 2,
    (-1, 0, 0, -1): 3,
    (1, 0, 0, -1): 4,
    (0, 1, 1, 0): 5,
    (0, 1, -1, 0): 6,
    (0, -1, -1, 0): 7,
    (0, -1, 1, 0): 8,
}


def read(path: str | Path) -> int:
    """The orientation by its number in EXIF, 1 .. 8; 1, upright, where the file says nothing."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(12)
            file.seek(0)
            if head.startswith((b"II*\0", b"MM\0*")):
                return _of_tiff(file)
            if head.startswith(b"\xff\xd8"):
                return _of_jpeg(file)
            if head.startswith(b"\x89PNG"):
                return _of_png(file)
            if head[:4] in (b"SDPX", b"XPDS"):
                return _of_dpx(file, order=">" if head.startswith(b"S") else "<")
            return _of_boxes(file) if head[4:8] in _BOXES else UPRIGHT
    except (OSError, struct.error):
        return UPRIGHT


def _of_tiff(file: BinaryIO) -> int:
    """The orientation of the TIFF that begins here, or of the EXIF data, which is one."""
    start = file.tell()
    order = "<" if file.read(4).startswith(b"II") else ">"
    (offset,) = struct.unpack(f"{order}I", file.read(4))
    file.seek(start + offset)
    (count,) = struct.unpack(f"{order}H", file.read(2))
    for _ in range(count):
        tag, _kind, _count, value = struct.unpack(f"{order}HHIH", file.read(10))
        file.seek(2, 1)
        if tag == _ORIENTATION_TAG:
            return value if 1 <= value <= 8 else UPRIGHT
    return UPRIGHT


def _of_jpeg(file: BinaryIO) -> int:
    file.seek(2)
    for _ in range(_MOST_CHUNKS):
        marker, length = struct.unpack(">HH", file.read(4))
        after = file.tell() + length - 2
        if marker == 0xFFE1 and file.read(6) == b"Exif\0\0":
            return _of_tiff(file)
        if marker == 0xFFDA:  # the picture
            break
        file.seek(after)
    return UPRIGHT


def _of_png(file: BinaryIO) -> int:
    file.seek(8)
    for _ in range(_MOST_CHUNKS):
        length, name = struct.unpack(">I4s", file.read(8))
        if name == b"eXIf":
            return _of_tiff(file)
        file.seek(length + 4, 1)
    return UPRIGHT


def _of_dpx(file: BinaryIO, *, order: str) -> int:
    file.seek(_DPX_ORIENTATION_AT)
    (code,) = struct.unpack(f"{order}H", file.read(2))
    return {1: 2, 2: 4, 3: 3}.get(code, UPRIGHT)


def _of_boxes(file: BinaryIO) -> int:
    """The orientation of the first video track of a QuickTime or MP4 file."""
    file.seek(0, 2)
    for start, end in _boxes(file, b"moov", 0, file.tell()):
        for track in _boxes(file, b"trak", start, end):
            handlers = [
                _read_at(file, at + 8, 4)
                for media in _boxes(file, b"mdia", *track)
                for at, _ in _boxes(file, b"hdlr", *media)
            ]
            if b"vide" in handlers:
                return next((_of_track_header(file, at) for at, _ in _boxes(file, b"tkhd", *track)), UPRIGHT)
    return UPRIGHT


def _of_track_header(file: BinaryIO, at: int) -> int:
    matrix_at = at + (52 if _read_at(file, at, 1) == b"\1" else 40)  # version 1 has times of 64 bits
    a, b, _, c, d = struct.unpack(">5i", _read_at(file, matrix_at, 20))
    return _BY_SIGNS.get(tuple((value > 0) - (value < 0) for value in (a, b, c, d)), UPRIGHT)


def _boxes(file: BinaryIO, name: bytes, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Where the contents of the boxes of this name begin and end, among those from `start` to `end`."""
    at = start
    while at + 8 <= end:
        length, found = struct.unpack(">I4s", _read_at(file, at, 8))
        header = 8
        if length == 1:
            length, header = struct.unpack(">Q", _read_at(file, at + 8, 8))[0], 16
        length = length or end - at  # 0: up to the end
        if length < header:
            return
        if found == name:
            yield at + header, min(at + length, end)
        at += length


def _read_at(file: BinaryIO, at: int, count: int) -> bytes:
    file.seek(at)
    return file.read(count)
