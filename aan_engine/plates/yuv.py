"""Video: a decoded frame's luma and chroma, or its R, G, B, as channels of code values.

Knows pixel formats; no files and no time.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.plates.decoded_frame import Channels

# ITU-T H.273's matrices, by the shares of red and blue in luma; what a file does not tell is guessed by its height.
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


def decode_channels(shown: Any) -> Channels:
    """A decoded frame's channels R, G, B and A where there is one.

    Convention: what video keeps above white stays above 1, and what it keeps below black below 0; alpha is 0 .. 1. The
    matrix and range are the file's; a file that does not tell is narrow range, by Rec. 709 from 720 lines on and by
    Rec. 601 below. Chroma that is stored coarser is interpolated bilinearly.
    """
    kind = shown.format
    bits = max(part.bits for part in kind.components)
    if kind.is_rgb or len(kind.components) < 3:
        return _decode_rgb(shown, bits=bits)
    planes = _planes(_reformat(shown, _full_chroma_format(kind, bits=bits)), bits=bits)
    found = dict(zip("RGB", _yuv_to_rgb(planes[:3], shown, bits=bits), strict=True))
    return found | ({"A": planes[3] / np.float32((1 << bits) - 1)} if len(planes) > 3 else {})


def _decode_rgb(shown: Any, *, bits: int) -> Channels:
    """Pictures stored as R, G, B: brought to exact fractions of their own range, whatever the way there did to them."""
    wide = _reformat(shown, "rgba" if bits <= 8 else "rgba64le").to_ndarray()
    top = np.float32((1 << bits) - 1)
    values = np.rint(wide.astype(np.float32) / np.float32(np.iinfo(wide.dtype).max) * top) / top
    return {name: values[..., column] for column, name in enumerate("RGBA" if has_alpha(shown.format) else "RGB")}


def _reformat(shown: Any, kind: str) -> Any:
    # With more threads the scaler writes past the ends of rows into those of its neighbour: widths that are no multiple
    # of 16 then get a few wrong pixels now and then.
    return shown.reformat(format=kind, threads=1)


def _full_chroma_format(kind: Any, *, bits: int) -> str:
    """The format of the same depth whose chroma is as fine as its luma."""
    depth = min((deep for deep in _DEPTHS if deep >= bits), default=_DEPTHS[-1])
    return f"yuv{'a' if has_alpha(kind) else ''}444p{'' if depth == 8 else f'{depth}le'}"


def _planes(shown: Any, *, bits: int) -> list[NDArray[np.float32]]:
    kind = np.uint8 if bits <= 8 else np.uint16
    height, width = shown.height, shown.width
    rows = [np.frombuffer(plane, kind).reshape(height, -1) for plane in shown.planes]
    return [row[:, :width].astype(np.float32) for row in rows]


def _yuv_to_rgb(planes: list[NDArray[np.float32]], shown: Any, *, bits: int) -> list[NDArray[np.float32]]:
    """Luma and chroma to R, G, B by ITU-T H.273, unclipped."""
    unit = np.float32(1 << (bits - 8))
    if int(shown.color_range) == _FULL_RANGE:
        black, span, swing = np.float32(0), 256 * unit - 1, 256 * unit - 1
    else:
        black, span, swing = 16 * unit, 219 * unit, 224 * unit
    luma = (planes[0] - black) / span
    blue, red = ((plane - 128 * unit) / swing for plane in planes[1:])
    matrix = int(shown.colorspace)
    usual = _BT709 if shown.height >= _HD_LINES else _BT601
    kr, kb = (np.float32(k) for k in _LUMA_WEIGHTS.get(matrix, _LUMA_WEIGHTS[usual]))
    r, b = luma + 2 * (1 - kr) * red, luma + 2 * (1 - kb) * blue
    return [r, (luma - kr * r - kb * b) / (1 - kr - kb), b]


def has_alpha(kind: Any) -> bool:
    """Whether a pixel format holds alpha."""
    return any(part.is_alpha for part in kind.components)
