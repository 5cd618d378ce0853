"""Small pictures and movies of every format, for tests; written by the libraries, with the values asked for."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import OpenImageIO
from numpy.typing import NDArray

SIZE = (24, 32)
RATE = Fraction(24000, 1001)


def ramp(kind: str = "uint8", *, channels: int = 3, top: int | None = None) -> NDArray[Any]:
    """(H, W, channels) random integers over the whole range, or up to `top`."""
    high = top if top is not None else np.iinfo(kind).max
    return np.random.default_rng(0).integers(0, high + 1, (*SIZE, channels)).astype(kind)


def still(path: Path, pixels: NDArray[Any], *, kind: str | None = None, **attributes: Any) -> Path:
    """A still; the format is told by the name, or by `kind` for a file that is named after another.

    Args:
        attributes: of the picture, with `_` for `:`; a pair is (type, value). `x`, `y`, `full_width`, `full_height` are
            its windows.
    """
    height, width, channels = pixels.shape
    stored = {"float16": "half", "float32": "float"}.get(str(pixels.dtype), str(pixels.dtype))
    spec = OpenImageIO.ImageSpec(width, height, channels, stored)
    for name, value in attributes.items():
        if name in ("x", "y", "full_width", "full_height"):
            setattr(spec, name, value)
        elif isinstance(value, tuple):
            spec.attribute(name.replace("_", ":"), *value)
        else:
            spec.attribute(name.replace("_", ":"), value)
    file = OpenImageIO.ImageOutput.create(kind or path.suffix[1:])
    assert file is not None, OpenImageIO.geterror()
    assert file.open(str(path), spec), file.geterror()
    assert file.write_image(pixels), file.geterror()
    file.close()
    return path


def movie(
    path: Path,
    frames: list[NDArray[np.uint16]],
    *,
    codec: str = "ffv1",
    pixels: str = "gbrp16le",
    options: dict[str, str] | None = None,
    timecode: str | None = None,
    matrix: tuple[int, ...] | None = None,
    container_options: dict[str, str] | None = None,
    **context: Any,
) -> Path:
    """A movie of (H, W, 3) frames, 0 .. 65535.

    Args:
        matrix: its display matrix, nine numbers, see `orientation.of_matrix`.
        context: values for the encoder, such as its colour tags.
    """
    with av.open(str(path), "w", options=container_options or {}) as container:
        stream = container.add_stream(codec, rate=RATE, options=options or {})
        stream.height, stream.width = frames[0].shape[:2]
        stream.pix_fmt = pixels
        if matrix is not None:
            stream.set_display_matrix(matrix)
        for name, value in context.items():
            setattr(stream.codec_context, name, value)
        if timecode is not None:
            stream.metadata["timecode"] = timecode
        for number, picture in enumerate(frames):
            shown = av.VideoFrame.from_ndarray(picture, format="rgb48le")
            shown.pts = number
            container.mux(stream.encode(shown))
        container.mux(stream.encode())
    return path
