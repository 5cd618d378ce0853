"""Which format a picture file has, by its first bytes and never by its name. Uses the standard library alone."""

from __future__ import annotations

from pathlib import Path

EXR, MOVIE = "exr", "movie"

STILLS = ("dpx", "cineon", "png", "tiff", "jpeg")
"""Formats of single pictures other than EXR."""

KNOWN = "EXR, DPX, Cineon, PNG, TIFF, JPEG, and movies as MOV, MP4, MXF, MKV, AVI, TS or M2TS"
"""All formats that can be read, as text for error messages."""

_MAGIC = (
    (b"\x76\x2f\x31\x01", EXR),
    (b"SDPX", "dpx"),
    (b"XPDS", "dpx"),
    (b"\x80\x2a\x5f\xd7", "cineon"),
    (b"\x89PNG\r\n\x1a\n", "png"),
    (b"II*\0", "tiff"),
    (b"MM\0*", "tiff"),
    (b"II+\0", "tiff"),
    (b"MM\0+", "tiff"),
    (b"\xff\xd8\xff", "jpeg"),
    (b"\x1a\x45\xdf\xa3", MOVIE),
    (b"\x06\x0e\x2b\x34", MOVIE),
)
# A QuickTime or MP4 file begins with the size of a box (atom), followed by the box's type.
_QUICKTIME_BOXES = (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")
_HEAD_BYTES = 4096
# MPEG transport streams: packets of so many bytes, with a time before each on cameras and discs, or a checksum after
# it. Each begins with the sync byte, wherever in a packet the recording begins.
_PACKETS = (188, 192, 204)
_SYNC = 0x47
_MOST_PACKETS, _FEWEST_PACKETS = 8, 3


def sniff(path: Path) -> str | None:
    """`EXR`, `MOVIE`, or one of `STILLS`; None for anything else, for an empty file, and where nothing can be read."""
    try:
        with Path(path).open("rb") as file:
            head = file.read(_HEAD_BYTES)
    except OSError:
        return None
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if head[4:8] in _QUICKTIME_BOXES or (head[:4] == b"RIFF" and head[8:12] == b"AVI "):
        return MOVIE
    return MOVIE if _is_transport_stream(head) else None


def _is_transport_stream(head: bytes) -> bool:
    if b"\0" not in head:
        return False  # a text, whatever stands at its beginnings of lines
    return any(_is_stride(head[start:], size) for size in _PACKETS for start in range(size))


def _is_stride(packets: bytes, size: int) -> bool:
    """Whether every packet begins with the sync byte and says that it carries something."""
    begins = range(0, min(len(packets) - 4, size * _MOST_PACKETS), size)
    if len(begins) < _FEWEST_PACKETS:
        return False
    return all(packets[at] == _SYNC and packets[at + 3] & 0x30 for at in begins)
