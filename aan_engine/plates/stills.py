"""DPX, Cineon, PNG, TIFF and JPEG files, read by OpenImageIO.

Values are returned as they are stored: not multiplied by alpha, with no transfer curve undone. `colour.encoding`
converts them to light, `decoded_frame` makes a plate of them.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.errors import PlateUnreadable
from aan_engine.plates.decoded_frame import Channels, SourceInfo

VERSION = str(OpenImageIO.__version__)

_LINEAR_DPX = ("Linear",)
_VIDEO_DPX = ("ITU-R 709-4", "ITU-R 601-5 system B or G", "ITU-R 601-5 system M", "Unspecified video", "SMPTE 274M")
_BITS = {"uint8": 8, "uint16": 16, "uint32": 32}


def describe(path: Path, *, kind: str, frame: int | None) -> SourceInfo:
    """The header of a picture; no pixel is read.

    Args:
        kind: one of `formats.STILLS`.

    Raises:
        PlateUnreadable: the file is damaged.
    """
    return _source_info(_open(path, frame=frame).spec(), path, kind=kind)


def read(path: Path, *, kind: str, frame: int | None) -> tuple[SourceInfo, Channels]:
    """The header and all channels of a picture.

    Raises:
        PlateUnreadable: the file is damaged or cut short.
    """
    file = _open(path, frame=frame)
    pixels = file.read_image("float")
    if pixels is None or file.has_error:
        raise _unreadable(path, frame, file.geterror())
    info = _source_info(file.spec(), path, kind=kind)
    values = _exact_fractions(np.asarray(pixels, np.float32), bits=info.bits)
    return info, {name: values[..., column] for column, name in enumerate(info.names)}


def _open(path: Path, *, frame: int | None) -> Any:
    config = OpenImageIO.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    file = OpenImageIO.ImageInput.open(str(path), config)
    if file is None:
        raise _unreadable(path, frame, OpenImageIO.geterror())
    return file


def _source_info(spec: Any, path: Path, *, kind: str) -> SourceInfo:
    timecode = spec.getattribute("smpte:TimeCode")
    aspect = float(spec.get_float_attribute("PixelAspectRatio", 1.0))
    return SourceInfo(
        path=path,
        kind=kind.upper() if kind != "cineon" else "Cineon",
        names=tuple(spec.channelnames),
        bits=_bits(spec),
        display=_window(spec.full_x, spec.full_y, spec.full_width, spec.full_height),
        data=_window(spec.x, spec.y, spec.width, spec.height),
        implied=_implied_encoding(spec, kind=kind),
        aspect=aspect if aspect > 0 else 1.0,
        timecode=b"".join(int(word).to_bytes(4, "little") for word in timecode) if timecode else b"",
        rate=_rate(spec),
    )


def _bits(spec: Any) -> int:
    stored = _BITS.get(str(spec.format), 32)
    return min(int(spec.get_int_attribute("oiio:BitsPerSample", stored)) or stored, stored)


def _implied_encoding(spec: Any, *, kind: str) -> str:
    """The encoding of the file's values unless the artist names one, see `encoding.of_format`."""
    if kind == "cineon":
        return "cineon"
    if kind == "dpx":
        transfer = spec.get_string_attribute("dpx:Transfer")
        return "linear" if transfer in _LINEAR_DPX else "video" if transfer in _VIDEO_DPX else "cineon"
    return "srgb" if str(spec.format) in _BITS else "linear"


def _rate(spec: Any) -> Fraction | None:
    rate = spec.get_float_attribute("dpx:FrameRate", 0.0) or spec.get_float_attribute("dpx:TemporalFrameRate", 0.0)
    if not 1 <= rate <= 1000:
        return None
    # Files say 23.976 for 24000 / 1001.
    whole = round(rate)
    ntsc = Fraction(whole * 1000, 1001)
    return ntsc if abs(rate - float(ntsc)) < 2e-3 else Fraction(rate).limit_denominator(1001)


def _window(x: int, y: int, width: int, height: int) -> Box:
    return Box(top=y, bottom=y + height, left=x, right=x + width)


def _exact_fractions(values: NDArray[np.float32], *, bits: int) -> NDArray[np.float32]:
    """Values rounded to multiples of 1 / (2^bits - 1): the library scales 10 and 12 bits to 16 bits first."""
    if bits in (8, 16) or bits > 16:
        return values
    top = np.float32((1 << bits) - 1)
    return np.rint(values * top) / top


def _unreadable(path: Path, frame: int | None, why: str) -> PlateUnreadable:
    detail = why.strip().splitlines()[0] if why.strip() else ""
    return PlateUnreadable(
        f"the picture cannot be decoded{f' ({detail})' if detail else ''}",
        hint="The file is damaged or was cut short: render or copy this frame again.",
        file=path,
        frame=frame,
    )
