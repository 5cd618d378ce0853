"""EXR files in and out in Nuke's terms: its channel names, y upwards, boxes open at the top right."""

from __future__ import annotations

import os
from typing import Any, Dict, Tuple

import numpy as np
import OpenEXR

from .errors import NotModelled, RenderError
from .picture import Bounds, Picture
from .values import Size

SHORT = {"R": "rgba.red", "G": "rgba.green", "B": "rgba.blue", "A": "rgba.alpha", "Z": "depth.Z"}
LONG = {"R": "red", "G": "green", "B": "blue", "A": "alpha"}
COMPRESSIONS = {
    "none": OpenEXR.NO_COMPRESSION,
    "Zip (1 scanline)": OpenEXR.ZIPS_COMPRESSION,
    "Zip (16 scanlines)": OpenEXR.ZIP_COMPRESSION,
    "PIZ Wavelet (32 scanlines)": OpenEXR.PIZ_COMPRESSION,
    "RLE": OpenEXR.RLE_COMPRESSION,
    "B44": OpenEXR.B44_COMPRESSION,
    "B44A": OpenEXR.B44A_COMPRESSION,
    "DWAA": OpenEXR.DWAA_COMPRESSION,
    "DWAB": OpenEXR.DWAB_COMPRESSION,
}
BITS = {"float16": "16-bit half float", "float32": "32-bit float", "uint32": "32-bit integer"}
OWN = ("channels", "compression", "dataWindow", "displayWindow", "lineOrder", "type", "tiles", "chunkCount", "version")


def channel_name(stored: str) -> str:
    """`R` -> `rgba.red`, `source.u` as it is, `N` of no layer -> `other.N`."""
    if stored in SHORT:
        return SHORT[stored]
    layer, dot, part = stored.rpartition(".")
    return f"{layer}.{LONG.get(part, part)}" if dot else f"other.{stored}"


def stored_name(channel: str) -> str:
    back = {name: short for short, name in SHORT.items()}
    return back.get(channel, channel)


def read(path: str) -> Picture:
    """RenderError where there is no such file, or none that can be read."""
    if not os.path.isfile(path):
        raise RenderError(f"{path}: No such file or directory")
    try:
        with OpenEXR.File(path, separate_channels=True) as file:
            if len(file.parts) > 1:
                raise NotModelled(f"{path} has several parts")
            header = dict(file.header())
            stored = {name: np.array(channel.pixels) for name, channel in file.channels().items()}
    except (RuntimeError, ValueError, OSError) as error:
        raise RenderError(f"{path}: {error}") from error
    (x0, y0), (x1, y1) = (tuple(map(int, corner)) for corner in header["displayWindow"])
    (left, top), (right, bottom) = (tuple(map(int, corner)) for corner in header["dataWindow"])
    box = Bounds(left - x0, y1 - bottom, right + 1 - x0, y1 + 1 - top)
    channels = {channel_name(name): np.ascontiguousarray(pixels[::-1], np.float32) for name, pixels in stored.items()}
    kinds = [str(pixels.dtype) for pixels in stored.values()]
    size = Size(x1 + 1 - x0, y1 + 1 - y0)
    metadata: Dict[str, Any] = {
        "input/filename": path,
        "input/filereader": "exr",
        "input/width": size.width,
        "input/height": size.height,
        "input/bitsperchannel": BITS[max(kinds, key=list(BITS).index)] if kinds else "",
    }
    metadata.update({f"exr/{name}": value for name, value in header.items() if name not in OWN})
    return Picture(size, box, channels, metadata)


def write(path: str, picture: Picture, *, half: bool, compression: str, extra: Dict[str, Any]) -> None:
    """Through a temporary file, as Nuke does."""
    size, box = picture.format, picture.box
    if box.empty:
        box = Bounds(0, 0, 1, 1)
        picture = picture.over(box)
    kind = np.float16 if half else np.float32
    header = {
        **extra,
        "compression": COMPRESSIONS[compression],
        "type": OpenEXR.scanlineimage,
        "displayWindow": _window(0, 0, size.width - 1, size.height - 1),
        "dataWindow": _window(box.x, size.height - box.t, box.r - 1, size.height - 1 - box.y),
    }
    with np.errstate(over="ignore"):
        channels = {
            stored_name(name): np.ascontiguousarray(values[::-1].astype(kind))
            for name, values in picture.channels.items()
        }
    OpenEXR.File(header, channels).write(path + ".tmp")
    os.replace(path + ".tmp", path)


def _window(left: int, top: int, right: int, bottom: int) -> Tuple[Any, Any]:
    return np.array([left, top], np.int32), np.array([right, bottom], np.int32)
