"""Stills: DPX, Cineon, PNG, TIFF and JPEG files, read by OpenImageIO.

Knows what these formats say about themselves; what their values mean as light is `colour`'s, and how they become a
plate is `scan`'s. Integers come as they are stored: nothing is multiplied by alpha, no curve is undone.
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
    """What a file says about its picture; no pixel is read.

    Args:
        kind: one of `formats.STILLS`.

    Raises: PlateUnreadable: it is damaged.
    """
    return _source_info(_open(path, frame=frame).spec(), path, kind=kind)


def read(path: Path, *, kind: str, frame: int | None) -> tuple[SourceInfo, Channels]:
    """The picture, every channel of it.

    Raises: PlateUnreadable: it is damaged or cut short.
    """
    file = _open(path, frame=frame)
    pixels = file.read_image("float")
    if pixels is None or file.has_error:
        raise _unreadable(path, frame, file.geterror())
    scan = _source_info(file.spec(), path, kind=kind)
    codes = _exact_fractions(np.asarray(pixels, np.float32), bits=scan.bits)
    return scan, {name: codes[..., column] for column, name in enumerate(scan.names)}


def _open(path: Path, *, frame: int | None) -> Any:
    wish = OpenImageIO.ImageSpec()
    wish.attribute("oiio:UnassociatedAlpha", 1)
    file = OpenImageIO.ImageInput.open(str(path), wish)
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
    """What the format's values stand for where nobody says otherwise."""
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
    # 23.976 is written so and means 24000 / 1001.
    whole = round(rate)
    ntsc = Fraction(whole * 1000, 1001)
    return ntsc if abs(rate - float(ntsc)) < 2e-3 else Fraction(rate).limit_denominator(1001)


def _window(x: int, y: int, width: int, height: int) -> Box:
    return Box(top=y, bottom=y + height, left=x, right=x + width)


def _exact_fractions(values: NDArray[np.float32], *, bits: int) -> NDArray[np.float32]:
    """Ten and twelve bits come stretched to sixteen: brought back to exact fractions of their own range."""
    if bits in (8, 16) or bits > 16:
        return values
    top = np.float32((1 << bits) - 1)
    return np.rint(values * top) / top


def _unreadable(path: Path, frame: int | None, why: str) -> PlateUnreadable:
    said = why.strip().splitlines()[0] if why.strip() else ""
    return PlateUnreadable(
        f"the picture cannot be decoded{f' ({said})' if said else ''}",
        hint="The file is damaged or was cut short: render or copy this frame again.",
        file=path,
        frame=frame,
    )
