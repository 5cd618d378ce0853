"""A decoded video frame's luma and chroma, or its R, G, B, as channels of code values."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.plates.decoded_frame import Channels

# The weights of red and blue in luma, by ITU-T H.273's number of the matrix.
_LUMA_WEIGHTS = {
    1: (0.2126, 0.0722),
    4: (0.30, 0.11),
    5: (0.299, 0.114),
    6: (0.299, 0.114),
    7: (0.212, 0.087),
    9: (0.2627, 0.0593),
    10: (0.2627, 0.0593),
}
_BT709, _BT601 = 1, 5
_FULL_RANGE = 2
_DEPTHS = (8, 10, 12, 16)
_HD_LINES = 720


def decode_channels(frame: Any) -> Channels:
    """The channels R, G, B of an `av.VideoFrame`, and A where it has one.

    Convention: video above white is above 1, video below black is below 0; alpha is 0 .. 1. Matrix and range are the
    file's; one that does not say is narrow range, Rec. 709 from 720 lines on and Rec. 601 below. Subsampled chroma is
    interpolated bilinearly.
    """
    kind = frame.format
    bits = max(part.bits for part in kind.components)
    if kind.is_rgb or len(kind.components) < 3:
        return _decode_rgb(frame, bits=bits)
    planes = _planes(_reformat(frame, _full_chroma_format(kind, bits=bits)), bits=bits)
    channels = dict(zip("RGB", _yuv_to_rgb(planes[:3], frame, bits=bits), strict=True))
    return channels | ({"A": planes[3] / np.float32((1 << bits) - 1)} if len(planes) > 3 else {})


def _decode_rgb(frame: Any, *, bits: int) -> Channels:
    """Frames stored as R, G, B: values are rounded to multiples of 1 / (2^bits - 1), as the conversion is inexact."""
    wide = _reformat(frame, "rgba" if bits <= 8 else "rgba64le").to_ndarray()
    top = np.float32((1 << bits) - 1)
    values = np.rint(wide.astype(np.float32) / np.float32(np.iinfo(wide.dtype).max) * top) / top
    return {name: values[..., column] for column, name in enumerate("RGBA" if has_alpha(frame.format) else "RGB")}


def _reformat(frame: Any, kind: str) -> Any:
    # With more threads the scaler writes past the ends of rows into those of its neighbour: widths that are no multiple
    # of 16 then get a few wrong pixels now and then.
    return frame.reformat(format=kind, threads=1)


def _full_chroma_format(kind: Any, *, bits: int) -> str:
    """The pixel format of the same depth without chroma subsampling."""
    depth = min((deep for deep in _DEPTHS if deep >= bits), default=_DEPTHS[-1])
    return f"yuv{'a' if has_alpha(kind) else ''}444p{'' if depth == 8 else f'{depth}le'}"


def _planes(frame: Any, *, bits: int) -> list[NDArray[np.float32]]:
    dtype = np.uint8 if bits <= 8 else np.uint16
    height, width = frame.height, frame.width
    rows = [np.frombuffer(plane, dtype).reshape(height, -1) for plane in frame.planes]
    return [row[:, :width].astype(np.float32) for row in rows]


def _yuv_to_rgb(planes: list[NDArray[np.float32]], frame: Any, *, bits: int) -> list[NDArray[np.float32]]:
    """Luma and chroma to R, G, B by ITU-T H.273, unclipped."""
    unit = np.float32(1 << (bits - 8))
    if int(frame.color_range) == _FULL_RANGE:
        black, luma_range, chroma_range = np.float32(0), 256 * unit - 1, 256 * unit - 1
    else:
        black, luma_range, chroma_range = 16 * unit, 219 * unit, 224 * unit
    luma = (planes[0] - black) / luma_range
    blue, red = ((plane - 128 * unit) / chroma_range for plane in planes[1:])
    matrix = int(frame.colorspace)
    default = _BT709 if frame.height >= _HD_LINES else _BT601
    kr, kb = (np.float32(k) for k in _LUMA_WEIGHTS.get(matrix, _LUMA_WEIGHTS[default]))
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    return [r, (luma - kr * r - kb * b) / (1 - kr - kb), b]


def has_alpha(kind: Any) -> bool:
    """Whether a pixel format has an alpha component."""
    return any(part.is_alpha for part in kind.components)
