"""Which format a picture file has, by its first bytes and never by its name. Uses the standard library alone."""

from __future__ import annotations

from pathlib import Path

EXR, MOVIE = "exr", "movie"

STILLS = ("dpx", "cineon", "png", "tiff", "jpeg")
"""Formats of single pictures other than EXR."""

KNOWN = "EXR, DPX, Cineon, PNG, TIFF, JPEG, and movies as MOV, MP4, MXF, MKV or AVI"
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
_HEAD_BYTES = 16


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
    return None
