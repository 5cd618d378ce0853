"""The header of an EXR file: parts, channels, windows, codec, attributes, timecode.

It is read with the standard library alone, so that a damaged file is refused before any pixel is decoded and any memory
allocated.

The layout is that of the "OpenEXR File Layout" document: a magic number, a version field with flags, then for each
part a list of attributes (name, type, size, value) ended by an empty name; multi-part files end the list of parts by
an empty header.
"""

from __future__ import annotations

import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO

from aan_engine.core.box import Box
from aan_engine.errors import PlateMissing, PlateUnreadable
from aan_engine.plates.timecode import unpack

PIXEL_TYPES = ("uint", "half", "float")
COMPRESSIONS = (
    *("none", "rle", "zips", "zip", "piz", "pxr24", "b44", "b44a", "dwaa", "dwab"),
    *("htj2k256", "htj2k32", "lj2k", "zstd"),
)
BYTES_OF = {"uint": 4, "half": 2, "float": 4}

_MAGIC = b"\x76\x2f\x31\x01"
_TILED, _DEEP, _MULTIPART = 0x200, 0x800, 0x1000
_STORAGE = {
    b"scanlineimage": "scanline",
    b"tiledimage": "tiled",
    b"deepscanline": "deep scanline",
    b"deeptile": "deep tiled",
}
_REQUIRED = ("channels", "compression", "dataWindow", "displayWindow")
_MAX_NAME = 255
# Headers hold previews and manifests, a few megabytes at most; a larger attribute is a damaged size field.
_MAX_ATTRIBUTE_BYTES = 256 << 20
# An image larger than this in pixels is no film frame.
_MAX_AREA = 1 << 31
# Largest ratio of pixel bytes to file bytes that is believed. A black 8K frame was measured at 1,600 to one, and at
# 73,000 to one with the codecs that transform whole blocks.
_MAX_PACKING = 10_000
_MAX_BLOCK_PACKING = 1_000_000
_BLOCK_CODECS = ("dwaa", "dwab", "htj2k256", "htj2k32", "lj2k")


@dataclass(frozen=True)
class Attribute:
    """One header attribute.

    Args:
        type: the name of its type; like the attribute's name it is decoded as Latin-1, which keeps any byte.
        value: the raw bytes.
        at: the offset of the type's name in the file.
    """

    type: str
    value: bytes
    at: int


@dataclass(frozen=True)
class PartDescription:
    """One part of an EXR file.

    Args:
        name: the part's name, empty in most single-part files.
        type: "scanline", "tiled", "deep scanline" or "deep tiled".
        compression: the codec in lower case, as in `COMPRESSIONS`.
        display_window, data_window: in the file's absolute pixel coordinates.
        channels: (name, type) with a type of `PIXEL_TYPES`, in the file's (alphabetical) order.
        timecode: "HH:MM:SS:FF", with ";" before the frames when drop-frame; None where there is none.
        subsampled: names of channels stored at less than full resolution.
        attributes: every header attribute by name.
    """

    name: str
    type: str
    compression: str
    display_window: Box
    data_window: Box
    channels: tuple[tuple[str, str], ...]
    timecode: str | None
    subsampled: tuple[str, ...] = ()
    attributes: dict[str, Attribute] = field(default_factory=dict, repr=False, compare=False)


@dataclass(frozen=True)
class Description:
    """A picture file's header.

    Args:
        path, parts: the file, and its parts in their order; formats other than EXR have one.
        format_note: for people: another format's name, and how its values are read; empty for EXR.
        notes, warnings: what else is said of how it is read, and what seems wrong, as in `decoded_frame.SourceInfo`.
    """

    path: Path
    parts: tuple[PartDescription, ...]
    format_note: str = ""
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


class _DamagedHeader(Exception):
    """The header contradicts itself or ends early; the message is the reason that an error gives."""


def describe(path: Path, *, frame: int | None = None) -> Description:
    """The header of an EXR file; no pixel is read.

    Raises:
        PlateMissing: there is no such file.
        PlateUnreadable: the file cannot be opened, is empty, is no EXR, or its header is damaged or implausible.
    """
    path = Path(path)
    try:
        with path.open("rb") as file:
            parts = _read_parts(file)
            _check_plausible(parts, size=path.stat().st_size)
    except FileNotFoundError:
        raise PlateMissing(
            "the file is not there", hint="Check the path and the frame range.", file=path, frame=frame
        ) from None
    except OSError as error:
        raise PlateUnreadable(
            f"the file cannot be opened: {error.strerror or error}",
            hint="Check the path and its permissions.",
            file=path,
            frame=frame,
        ) from error
    except _DamagedHeader as damage:
        raise PlateUnreadable(str(damage), hint="Render or copy this frame again.", file=path, frame=frame) from None
    return Description(path=path, parts=parts)


def _read_parts(file: BinaryIO) -> tuple[PartDescription, ...]:
    magic = file.read(4)
    if not magic:
        raise _DamagedHeader("the file is empty")
    if magic != _MAGIC:
        raise _DamagedHeader("this is no EXR file")
    (version,) = struct.unpack("<i", _read_exactly(file, 4))
    if version & 0xFF != 2:
        raise _DamagedHeader(f"EXR version {version & 0xFF} is unknown")
    if not version & _MULTIPART:
        return (_part(_read_attributes(file), flags=version),)
    parts = []
    while attributes := _read_attributes(file):
        parts.append(_part(attributes, flags=version))
    if not parts:
        raise _DamagedHeader("the EXR header names no part")
    return tuple(parts)


def _read_attributes(file: BinaryIO) -> dict[str, Attribute]:
    found: dict[str, Attribute] = {}
    while name := _read_name(file):
        at = file.tell()
        kind = _read_name(file)
        (size,) = struct.unpack("<i", _read_exactly(file, 4))
        if not 0 <= size <= _MAX_ATTRIBUTE_BYTES:
            raise _DamagedHeader(f"the EXR header gives the attribute {name!r} an impossible size")
        found[name] = Attribute(kind, _read_exactly(file, size), at=at)
    return found


def _part(attributes: dict[str, Attribute], *, flags: int) -> PartDescription:
    if missing := [name for name in _REQUIRED if name not in attributes]:
        raise _DamagedHeader(f"the EXR header lacks {', '.join(missing)}")
    value = {name: attribute.value for name, attribute in attributes.items()}
    codec = value["compression"][0] if value["compression"] else 255
    if codec >= len(COMPRESSIONS):
        raise _DamagedHeader(f"the EXR header names an unknown codec ({codec})")
    channels, subsampled = _channels(value["channels"])
    return PartDescription(
        name=value.get("name", b"").decode("utf-8", "replace"),
        type=_part_type(value, flags=flags),
        compression=COMPRESSIONS[codec],
        display_window=_window(value["displayWindow"], name="display window"),
        data_window=_window(value["dataWindow"], name="data window"),
        channels=channels,
        timecode=unpack(value.get("timeCode", b"")),
        subsampled=subsampled,
        attributes=attributes,
    )


def _part_type(value: dict[str, bytes], *, flags: int) -> str:
    # In a file of a single flat part the flag decides: some old ones have a `type` that contradicts it.
    if not flags & (_MULTIPART | _DEEP):
        return "tiled" if flags & _TILED else "scanline"
    kind = value.get("type", b"")
    if kind not in _STORAGE:
        raise _DamagedHeader(f"the EXR header names an unknown kind of part ({kind.decode('ascii', 'replace')!r})")
    return _STORAGE[kind]


def _channels(raw: bytes) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    channels, subsampled, at = [], [], 0
    while at < len(raw) and raw[at]:
        end = raw.find(b"\0", at)
        if end < 0 or end + 17 > len(raw):
            raise _DamagedHeader("the EXR header's list of channels ends early")
        name = raw[at:end].decode("utf-8", "replace")
        kind, _, x, y = struct.unpack_from("<iIii", raw, end + 1)
        if not 0 <= kind < len(PIXEL_TYPES) or x < 1 or y < 1:
            raise _DamagedHeader(f"the EXR header describes the channel {name!r} in a way that makes no sense")
        channels.append((name, PIXEL_TYPES[kind]))
        if (x, y) != (1, 1):
            subsampled.append(name)
        at = end + 17
    if not channels:
        raise _DamagedHeader("the EXR header names no channel")
    return tuple(channels), tuple(subsampled)


def _window(raw: bytes, *, name: str) -> Box:
    if len(raw) != 16:
        raise _DamagedHeader(f"the EXR header's {name} is damaged")
    x0, y0, x1, y1 = struct.unpack("<4i", raw)
    if x1 < x0 or y1 < y0:
        raise _DamagedHeader(f"the EXR header's {name} is empty or reversed ({x0}, {y0} to {x1}, {y1})")
    return Box.from_exr((x0, y0, x1, y1))


def _check_plausible(parts: tuple[PartDescription, ...], *, size: int) -> None:
    largest, claimed = 0, 0  # bytes of pixels that the file can hold, and that its header claims
    for part in parts:
        pixels = part.data_window.area
        if pixels > _MAX_AREA:
            raise _DamagedHeader(f"the EXR header claims an image of {pixels / 1e9:.1f} billion pixels")
        if not part.type.startswith("deep"):
            claimed += pixels * sum(BYTES_OF[kind] for name, kind in part.channels if name not in part.subsampled)
            largest = max(largest, size * (_MAX_BLOCK_PACKING if part.compression in _BLOCK_CODECS else _MAX_PACKING))
    if claimed > largest:
        raise _DamagedHeader(f"the file is far too short for the {claimed / 1e6:.0f} MB of pixels its header claims")


def _read_name(file: BinaryIO) -> str:
    raw = bytearray()
    while (byte := _read_exactly(file, 1)) != b"\0":
        raw += byte
        if len(raw) > _MAX_NAME:
            raise _DamagedHeader("the EXR header holds a name without an end")
    return raw.decode("latin-1")


def _read_exactly(file: BinaryIO, size: int) -> bytes:
    data = file.read(size)
    if len(data) != size:
        raise _DamagedHeader("the file ends inside its header")
    return data
