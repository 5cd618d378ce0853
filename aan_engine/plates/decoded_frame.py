"""A scan: a picture of another format than EXR, and how it becomes a plate that is written as an EXR.

Knows arrays, windows and header attributes; opens no file (`stills` and `movie` do).
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from aan_engine.colour.encoding import Encoding
from aan_engine.core.box import Box
from aan_engine.plates.exr_header import Attribute, Description, PartDescription
from aan_engine.plates.plate import Part, Plate, find_picture_channels
from aan_engine.plates.timecode import unpack

Channels = dict[str, NDArray[np.float32]]
"""Channel name -> (H, W) float32; 0 .. 1 over an integer format's range."""

MAX_HALF_BITS = 10
"""Bits of an integer format that half holds, whatever curve they are decoded by."""

_HALF_MAX = 65504.0

# Red, green, blue, white: x and y of each, of the spaces that EXR readers know by their primaries.
_CHROMATICITIES = {
    "lin_rec709_scene": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
    "lin_rec2020_scene": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
    "lin_p3d65_scene": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329),
    "lin_ap1_scene": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
    "lin_ap0_scene": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
}


@dataclass(frozen=True)
class SourceInfo:
    """What such a file says about one of its pictures.

    Args:
        path: the file.
        kind: its format for people, as in "DPX" or "movie (prores), 240 frames".
        names: its channels as an EXR would name them.
        bits: significant bits of an integer, 32 for floating point.
        display, data: windows as in `plate.Plate`.
        implied: what its values stand for unless the artist says otherwise; see `colour.footage`.
        aspect: width of a pixel over its height.
        timecode: as EXR packs it, empty where there is none.
        rate: frames a second, where it is told.
    """

    path: Path
    kind: str
    names: tuple[str, ...]
    bits: int
    display: Box
    data: Box
    implied: str
    aspect: float = 1.0
    timecode: bytes = b""
    rate: Fraction | None = None


def describe(scan: SourceInfo, *, encoding: Encoding | None) -> Description:
    """The file as an EXR would describe it.

    Args:
        encoding: how its values are read; None takes them as they are.
    """
    kind = "half" if scan.bits <= MAX_HALF_BITS else "float"
    told = f"{scan.kind}, {scan.bits} bits"
    told += f", read as {encoding.name}" if encoding is not None else ""
    part = PartDescription(
        name="",
        type="scanline",
        compression="zip",
        display_window=scan.display,
        data_window=scan.data,
        channels=tuple((name, kind) for name in sorted(scan.names)),
        timecode=unpack(scan.timecode),
        attributes=_attributes(scan, encoding=encoding, format_note=told),
    )
    return Description(path=scan.path, parts=(part,), format_note=told)


def to_plate(scan: SourceInfo, codes: Channels, *, frame: int, encoding: Encoding, view: str | None = None) -> Plate:
    """The picture as a scene-linear plate: half where `HALF_HOLDS` its bits, else float.

    The colours become light, all other channels stay what they are. What is written outside a matte are these values.

    Raises:
        PlateUnsupported: there is no picture among the channels, or none of this `view`.
    """
    description = describe(scan, encoding=encoding)
    beauty = find_picture_channels(description, frame=frame, view=view)
    light = encoding.decode(np.stack([codes[name] for name in beauty.names], -1))
    lit = codes | {name: light[..., column] for column, name in enumerate(beauty.names)}
    return Plate(path=scan.path, frame=frame, parts=(_part(description, lit),), picture=beauty)


def channel_values(scan: SourceInfo, codes: Channels) -> Part:
    """The picture's channels as data, with no colour about them: what a matte is."""
    return _part(describe(replace(scan, bits=32), encoding=None), codes)


def _part(description: Description, channels: Mapping[str, NDArray[np.float32]]) -> Part:
    part = description.parts[0]
    stored = {name: _as_stored(channels[name], kind) for name, kind in part.channels}
    header: dict[str, Any] = {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "displayWindow": _as_exr_window(part.display_window),
        "dataWindow": _as_exr_window(part.data_window),
        "pixelAspectRatio": struct.unpack("<f", part.attributes["pixelAspectRatio"].value)[0],
    }
    return Part(part, header, stored, dict.fromkeys(stored, False))


def _as_stored(values: NDArray[np.float32], kind: str) -> NDArray[Any]:
    if kind == "half":
        array: NDArray[Any] = np.clip(values, -_HALF_MAX, _HALF_MAX).astype(np.float16)
    else:
        array = np.array(values, np.float32, order="C")
    array.flags.writeable = False
    return array


def _as_exr_window(window: Box) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    x0, y0, x1, y1 = window.as_exr()
    return np.array([x0, y0], np.int32), np.array([x1, y1], np.int32)


def _attributes(scan: SourceInfo, *, encoding: Encoding | None, format_note: str) -> dict[str, Attribute]:
    found = {
        "displayWindow": ("box2i", struct.pack("<4i", *scan.display.as_exr())),
        "dataWindow": ("box2i", struct.pack("<4i", *scan.data.as_exr())),
        "pixelAspectRatio": ("float", struct.pack("<f", scan.aspect)),
        "aanReadAs": ("string", format_note.encode()),
    }
    if scan.timecode:
        found["timeCode"] = ("timecode", scan.timecode)
    if scan.rate is not None:
        found["framesPerSecond"] = ("rational", struct.pack("<iI", scan.rate.numerator, scan.rate.denominator))
    if encoding is not None and encoding.interop:
        found["colorInteropID"] = ("string", encoding.interop.encode())
        if encoding.interop in _CHROMATICITIES:
            found["chromaticities"] = ("chromaticities", struct.pack("<8f", *_CHROMATICITIES[encoding.interop]))
    return {name: Attribute(kind, value, at=0) for name, (kind, value) in found.items()}
