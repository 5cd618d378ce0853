"""DPX, Cineon, PNG, TIFF and JPEG files, read by OpenImageIO.

Values are returned as they are stored: not multiplied by alpha, with no transfer curve undone. `colour.encoding`
converts them to light, `decoded_frame` makes a plate of them. Pixels are turned as the file's EXIF or TIFF orientation,
or the scan direction of a DPX or Cineon header, says that they are shown.
"""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.errors import PlateUnreadable, PlateUnsupported
from aan_engine.plates import orientation
from aan_engine.plates.decoded_frame import Channels, SourceInfo
from aan_engine.plates.orientation import Orientation

VERSION = str(OpenImageIO.__version__)

_LINEAR_DPX = ("Linear",)
_VIDEO_DPX = ("ITU-R 709-4", "ITU-R 601-5 system B or G", "ITU-R 601-5 system M", "Unspecified video", "SMPTE 274M")
# TIFF's photometric interpretations that libtiff converts to RGB (Y'CbCr, the Lab and log kinds), its compressions by
# JPEG, and how libtiff then flips rows and columns, by orientation.
_CONVERTED_BY_LIBTIFF = (6, 8, 9, 10, 32844, 32845)
_JPEG_IN_TIFF = (6, 7)
_FLIPPED_BY_LIBTIFF = {2: (1, -1), 3: (-1, -1), 4: (-1, 1), 6: (1, -1), 7: (-1, -1), 8: (-1, 1)}
_BITS = {"uint8": 8, "uint16": 16, "uint32": 32}


def describe(path: Path, *, kind: str, frame: int | None) -> SourceInfo:
    """The header of a picture; no pixel is read.

    Args:
        kind: one of `formats.STILLS`.

    Raises:
        PlateUnreadable: the file is damaged.
        PlateUnsupported: the lines of a DPX or Cineon file run down the picture.
    """
    return _source_info(_open(path, frame=frame).spec(), path, kind=kind, frame=frame)


def read(path: Path, *, kind: str, frame: int | None) -> tuple[SourceInfo, Channels]:
    """The header and all channels of a picture.

    Raises:
        PlateUnreadable: the file is damaged or cut short.
        PlateUnsupported: as `describe`.
    """
    file = _open(path, frame=frame)
    pixels = file.read_image("float")
    if pixels is None or file.has_error:
        raise _unreadable(path, frame, file.geterror())
    info = _source_info(file.spec(), path, kind=kind, frame=frame)
    values = _exact_fractions(np.asarray(pixels, np.float32), bits=info.bits)
    turned, stored = _orientation(file.spec()), _without_flips_of_libtiff(values, file.spec(), kind=kind)
    return info, {name: turned.turn(stored[..., column]) for column, name in enumerate(info.names)}


def _open(path: Path, *, frame: int | None) -> Any:
    config = OpenImageIO.ImageSpec()
    config.attribute("oiio:UnassociatedAlpha", 1)
    file = OpenImageIO.ImageInput.open(str(path), config)
    if file is None:
        raise _unreadable(path, frame, OpenImageIO.geterror())
    return file


def _source_info(spec: Any, path: Path, *, kind: str, frame: int | None) -> SourceInfo:
    timecode = spec.getattribute("smpte:TimeCode")
    aspect = float(spec.get_float_attribute("PixelAspectRatio", 1.0))
    turned = _orientation(spec)
    if turned.transposed and kind in ("dpx", "cineon"):  # the library gives its lines in rows of another length
        raise PlateUnsupported(
            "the lines of this file run down the picture instead of across",
            hint="Write it anew with the usual scan direction, left to right and top to bottom.",
            file=path,
            frame=frame,
        )
    display = _window(spec.full_x, spec.full_y, spec.full_width, spec.full_height)
    data = _window(spec.x, spec.y, spec.width, spec.height)
    return SourceInfo(
        path=path,
        kind=kind.upper() if kind != "cineon" else "Cineon",
        names=tuple(spec.channelnames),
        bits=_bits(spec),
        display=turned.turn_window(display, display=display),
        data=turned.turn_window(data, display=display),
        implied=_implied_encoding(spec, kind=kind),
        aspect=turned.turn_aspect(aspect) if aspect > 0 else 1.0,
        timecode=b"".join(int(word).to_bytes(4, "little") for word in timecode) if timecode else b"",
        rate=_rate(spec),
        notes=(turned.text,) if turned.text else (),
    )


def _orientation(spec: Any) -> Orientation:
    return orientation.of_exif(spec.get_int_attribute("Orientation", 1))


def _without_flips_of_libtiff(values: NDArray[np.float32], spec: Any, *, kind: str) -> NDArray[np.float32]:
    """The pixels (H, W, C) as stored. TIFFs that libtiff converts to RGB itself come flipped by it, but not turned."""
    flipped = spec.get_int_attribute("tiff:PhotometricInterpretation") in _CONVERTED_BY_LIBTIFF or (
        spec.get_int_attribute("tiff:Compression") in _JPEG_IN_TIFF and spec.nchannels != 3
    )
    if kind != "tiff" or not flipped:
        return values
    rows, columns = _FLIPPED_BY_LIBTIFF.get(spec.get_int_attribute("Orientation", 1), (1, 1))
    return values[::rows, ::columns]


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
