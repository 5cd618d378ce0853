"""A decoded picture of another format than EXR, converted to the plate that an EXR of it would give.

The rest of the engine knows EXR plates only. `stills` and `movie` decode the files.
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
from aan_engine.plates.picture_layer import PictureLayer, find_picture_channels
from aan_engine.plates.plate import Part, Plate
from aan_engine.plates.timecode import unpack

Channels = dict[str, NDArray[np.float32]]
"""Channel name -> (H, W) float32; 0 .. 1 over an integer format's range."""

MAX_HALF_BITS = 10
"""Largest bit depth whose values half precision keeps apart, whatever curve they are decoded by."""

_HALF_MAX = 65504.0

# x and y of red, green, blue and white, by the interop IDs of the spaces that EXR readers recognise by their primaries.
_CHROMATICITIES = {
    "lin_rec709_scene": (0.64, 0.33, 0.3, 0.6, 0.15, 0.06, 0.3127, 0.329),
    "lin_rec2020_scene": (0.708, 0.292, 0.17, 0.797, 0.131, 0.046, 0.3127, 0.329),
    "lin_p3d65_scene": (0.68, 0.32, 0.265, 0.69, 0.15, 0.06, 0.3127, 0.329),
    "lin_ap1_scene": (0.713, 0.293, 0.165, 0.83, 0.128, 0.044, 0.32168, 0.33767),
    "lin_ap0_scene": (0.7347, 0.2653, 0.0, 1.0, 0.0001, -0.077, 0.32168, 0.33767),
}


@dataclass(frozen=True)
class SourceInfo:
    """What a file's header says about one of its pictures.

    Args:
        path: the file.
        kind: its format for people, as in "DPX" or "movie (prores), 240 frames".
        names: its channels, as an EXR would name them.
        bits: bit depth of integers, 32 for floating point.
        display, data: windows as in `plate.Plate`.
        implied: the encoding of its values unless the artist names a space; see `encoding.of_format`.
        aspect: width of a pixel divided by its height.
        timecode: packed as in an EXR attribute, empty where there is none.
        rate: frames per second; None where the file does not say.
        notes: what else is said of how it is read, as in "turned by 90 degrees" or "interlaced, top field first".
        warnings: what seems wrong with it, each a sentence without its stop.
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
    notes: tuple[str, ...] = ()
    warnings: tuple[str, ...] = ()


def describe(info: SourceInfo, *, encoding: Encoding | None) -> Description:
    """The header that an EXR of this picture would have.

    Args:
        encoding: the conversion of its values to scene-linear light; None for none.
    """
    kind = "half" if info.bits <= MAX_HALF_BITS else "float"
    note = f"{info.kind}, {info.bits} bits"
    note += f", read as {encoding.name}" if encoding is not None else ""
    note = ", ".join([note, *info.notes])
    part = PartDescription(
        name="",
        type="scanline",
        compression="zip",
        display_window=info.display,
        data_window=info.data,
        channels=tuple((name, kind) for name in sorted(info.names)),
        timecode=unpack(info.timecode),
        attributes=_attributes(info, encoding=encoding, note=note),
    )
    return Description(path=info.path, parts=(part,), format_note=note, notes=info.notes, warnings=info.warnings)


def to_plate(
    info: SourceInfo,
    channels: Channels,
    *,
    frame: int,
    encoding: Encoding,
    view: str | None = None,
    layer: PictureLayer | None = None,
) -> Plate:
    """The picture as a scene-linear plate: half up to `MAX_HALF_BITS` bits, else float.

    The picture's three channels are decoded to light, all others keep their values. These are the values that a result
    has outside the matte.

    Raises:
        PlateUnsupported: there is no picture among the channels, or none of this `view` or `layer`.
    """
    description = describe(info, encoding=encoding)
    picture = find_picture_channels(description, frame=frame, view=view, layer=layer)
    light = encoding.decode(np.stack([channels[name] for name in picture.names], -1))
    decoded = channels | {name: light[..., column] for column, name in enumerate(picture.names)}
    return Plate(path=info.path, frame=frame, parts=(_part(description, decoded),), picture=picture)


def channel_values(info: SourceInfo, channels: Channels) -> Part:
    """The picture's channels as float data without any colour conversion, as a matte is read."""
    return _part(describe(replace(info, bits=32), encoding=None), channels)


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


def _attributes(info: SourceInfo, *, encoding: Encoding | None, note: str) -> dict[str, Attribute]:
    found = {
        "displayWindow": ("box2i", struct.pack("<4i", *info.display.as_exr())),
        "dataWindow": ("box2i", struct.pack("<4i", *info.data.as_exr())),
        "pixelAspectRatio": ("float", struct.pack("<f", info.aspect)),
        "aanReadAs": ("string", note.encode()),
    }
    if info.timecode:
        found["timeCode"] = ("timecode", info.timecode)
    if info.rate is not None:
        found["framesPerSecond"] = ("rational", struct.pack("<iI", info.rate.numerator, info.rate.denominator))
    if encoding is not None and encoding.interop:
        found["colorInteropID"] = ("string", encoding.interop.encode())
        if encoding.interop in _CHROMATICITIES:
            found["chromaticities"] = ("chromaticities", struct.pack("<8f", *_CHROMATICITIES[encoding.interop]))
    return {name: Attribute(kind, value, at=0) for name, (kind, value) in found.items()}
