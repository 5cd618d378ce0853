"""Plates in and out of EXR files: every part, channel and attribute in, the same out, and not a bit more changed.

The only room that talks to the EXR library. Knows nothing of mattes, light or time.

`write` keeps two promises. The file appears under its name whole or not at all: it is written beside it under another
name, read back, and renamed. And where `hidden` is false not one bit of any channel differs from the plate: the bits
are counted in what was read back, and the frame is refused otherwise.
"""

from __future__ import annotations

import contextlib
import io
import sys
import threading
import uuid
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from aan_engine import views
from aan_engine.attributes import carry_over, outgoing, veiled
from aan_engine.colour import Encoding
from aan_engine.header import Description, PartDescription, describe
from aan_engine.plate import Array, Part, Plate, find_beauty
from aan_engine.shot import PlateError, PlateUnreadable, PlateUnsupported, PlateUnwritable
from aan_engine.touched import verify

__all__ = ["Description", "Part", "PartDescription", "Plate", "decode", "describe", "read", "write"]

_HALF_MAX = 65504.0
# PXR24 keeps half exactly but not float; HTJ2K and the newest codecs are left alone for want of readers in the field.
_KEPT_CODECS = ("none", "rle", "zips", "zip", "piz")
_decoding = threading.Lock()


def read(path: Path, *, frame: int, encoding: Encoding | None = None) -> Plate:
    """Read one frame, whole; `encoding` says how its picture stands for light, where it is not light itself.

    Raises:
        PlateMissing: there is no such file.
        PlateUnreadable: empty, truncated, damaged, or no EXR.
        PlateUnsupported: deep data, luminance-chroma, subsampled or integer pictures, or no picture in it.
    """
    description = describe(path, frame=frame)
    beauty = find_beauty(description, frame=frame)
    parts = decode(description, frame=frame)
    return Plate(path=description.path, frame=frame, parts=parts, beauty=beauty, encoding=encoding)


def decode(description: Description, *, frame: int) -> tuple[Part, ...]:
    """All parts and channels of the file that `description` was made from, in their own types.

    Raises: PlateUnreadable, PlateUnsupported as `read`.
    """
    check_writable(description, frame=frame)
    said = io.StringIO()
    try:
        with _overhearing(said):
            file = _open(description)
        parts = tuple(
            Part(
                description=part,
                header=dict(decoded.header),
                channels={name: channel.pixels for name, channel in decoded.channels.items()},
                perceptually_linear={name: bool(channel.pLinear) for name, channel in decoded.channels.items()},
            )
            for part, decoded in zip(description.parts, file.parts, strict=True)
        )
    # The library raises RuntimeError, ValueError, MemoryError, UnicodeDecodeError and others, and drops a part that it
    # cannot decode with no more than a printed warning: a missing part shows in the strict zip.
    except Exception as error:
        detail = f" ({reason})" if (reason := _first_line(said.getvalue() or str(error))) else ""
        raise PlateUnreadable(
            f"the pixels cannot be decoded{detail}",
            hint="The file is damaged or was cut short: render or copy this frame again.",
            file=description.path,
            frame=frame,
        ) from error
    for part in parts:
        _check_complete(part, path=description.path, frame=frame)
        for array in part.channels.values():
            array.flags.writeable = False
    return parts


def _open(description: Description) -> Any:
    try:
        return OpenEXR.File(str(description.path), separate_channels=True)
    except Exception:
        # Most often an attribute that the library cannot turn into a Python value, such as text that is not UTF-8.
        data = veiled(description.path.read_bytes(), description.parts)
        return OpenEXR.File(io.BytesIO(data), separate_channels=True)


def write(
    path: Path,
    plate: Plate,
    *,
    pixels: NDArray[np.float32],
    hidden: NDArray[np.bool_],
    layers: Mapping[str, NDArray[np.float32]] | None = None,
) -> None:
    """Write the plate with `pixels` where `hidden`, and everything else bit for bit as it was read.

    Args:
        path: where to; an existing file is replaced, in one step.
        plate: the frame as read; nothing in it is changed.
        pixels: (H, W, 3) float32 scene-linear over the plate's data window; looked at inside `hidden` only. Cast to
            each channel's own type, to nearest; finite values beyond half's range become its largest value.
        hidden: (H, W), True where the picture is replaced.
        layers: extra channels by name, (H, W) float32, added to the picture's part; a channel of the plate that has
            the same name is replaced.

    A lossless codec of the plate is kept, a lossy one becomes ZIP. Mip-mapped tiles are written without their smaller
    levels: those are made from the picture, and would still show what was removed. Of a stereo file one view is filled;
    the result names it (see `views`).

    Raises:
        PlateUnwritable: no space, no permission, no such folder; nothing is left behind.
        TouchedError: the file read back differs from the plate outside `hidden`; it was removed.
        ValueError: arrays of another shape than the plate, or a layer named as one of the picture's channels.
    """
    path, layers = Path(path), dict(layers or {})
    _check_arguments(plate, pixels=pixels, hidden=hidden, layers=layers)
    filled = _filled_channels(plate, pixels=pixels, hidden=hidden) | layers
    described = Description(plate.path, tuple(part.description for part in plate.parts))
    headers = views.noted(described, plate.beauty)
    parts = [
        _out_part(replace(part, description=header), filled if index == plate.beauty.part else {})
        for index, (part, header) in enumerate(zip(plate.parts, headers, strict=True))
    ]
    temporary = path.with_name(f".{path.name}.{uuid.uuid4().hex[:8]}.part")
    try:
        try:
            OpenEXR.File(parts).write(str(temporary))
            carry_over(temporary, headers)
            written = decode(describe(temporary, frame=plate.frame), frame=plate.frame)
        except PlateError as error:
            raise _unwritable(path, plate, f"what was written cannot be read back: {error.reason}") from error
        except Exception as error:
            raise _unwritable(path, plate, _first_line(str(error))) from error
        verify(plate, written, hidden=hidden, filled=filled, path=path)
        try:
            temporary.replace(path)
        except OSError as error:
            raise _unwritable(path, plate, error.strerror or str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)


def _filled_channels(plate: Plate, *, pixels: NDArray[np.float32], hidden: NDArray[np.bool_]) -> dict[str, Array]:
    channels = plate.parts[plate.beauty.part].channels
    inside = plate.valued(pixels[hidden])
    filled: dict[str, Array] = {}
    for column, name in enumerate(plate.beauty.names):
        if name in filled:
            continue
        values = inside.mean(axis=-1) if plate.beauty.grey else inside[:, column]
        filled[name] = channels[name].copy()
        filled[name][hidden] = _cast(values, channels[name].dtype)
    return filled


def _cast(values: NDArray[np.float32], kind: np.dtype[Any]) -> Array:
    if kind != np.float16:
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        half = values.astype(np.float16)
    burst = np.isinf(half) & np.isfinite(values)
    half[burst] = np.copysign(_HALF_MAX, values[burst])
    return half


def _out_part(part: Part, filled: Mapping[str, Array]) -> Any:
    header = outgoing(part.description, part.header)
    if part.description.compression not in _KEPT_CODECS:
        header["compression"] = OpenEXR.ZIP_COMPRESSION
    if part.description.type == "tiled":
        tiles = OpenEXR.TileDescription()
        tiles.xSize, tiles.ySize = header["tiles"].xSize, header["tiles"].ySize
        header["tiles"] = tiles
    channels = {
        name: OpenEXR.Channel(name, np.ascontiguousarray(array), 1, 1, part.perceptually_linear.get(name, False))
        for name, array in {**part.channels, **filled}.items()
    }
    return OpenEXR.Part(header, channels, part.description.name)


def _check_arguments(plate: Plate, *, pixels: Array, hidden: Array, layers: Mapping[str, Array]) -> None:
    if pixels.shape != (*plate.shape, 3) or hidden.shape != plate.shape or hidden.dtype != np.bool_:
        raise ValueError(f"pixels {pixels.shape} and hidden {hidden.shape} do not fit a plate of {plate.shape}")
    for name, layer in layers.items():
        if name in plate.beauty.names or layer.shape != plate.shape or layer.dtype != np.float32:
            raise ValueError(f"the layer {name!r} ({layer.dtype}, {layer.shape}) does not fit a plate of {plate.shape}")


def check_writable(description: Description, *, frame: int | None) -> None:
    """Refuse what the library reads but cannot write back whole. Raises: PlateUnsupported."""
    for part in description.parts:
        deep = part.type.startswith("deep")
        if deep or part.subsampled:
            what = "deep data" if deep else f"subsampled channels ({', '.join(part.subsampled)})"
            raise PlateUnsupported(
                f"this file holds {what}",
                hint="Flatten it to full-resolution channels first.",
                file=description.path,
                frame=frame,
            )


def _check_complete(part: Part, *, path: Path, frame: int) -> None:
    x0, y0, x1, y1 = part.description.data_window
    shape = (y1 - y0 + 1, x1 - x0 + 1)
    names = {name for name, _ in part.description.channels}
    if part.channels.keys() != names or any(array.shape != shape for array in part.channels.values()):
        raise PlateUnreadable(
            "some channels are missing or of another size than the header says",
            hint="Render or copy this frame again.",
            file=path,
            frame=frame,
        )


class _Ear:
    """Stands in for `sys.stdout`: one thread's words are noted, everything else reaches the stream itself.

    There is only one, and it lives for ever: `print` in another thread holds on to the stream without owning it, and
    CPython crashes when that stream is freed meanwhile.
    """

    def __init__(self) -> None:
        self._through: Any = sys.stdout
        self._thread, self._said = 0, io.StringIO()

    def listen(self, said: io.StringIO) -> _Ear:
        """Note what the calling thread prints from now on."""
        self._through, self._thread, self._said = sys.stdout, threading.get_ident(), said
        return self

    def write(self, text: str) -> int:
        stream = self._said if threading.get_ident() == self._thread else self._through
        return int(stream.write(text)) if stream is not None else len(text)

    def flush(self) -> None:
        if self._through is not None:
            self._through.flush()


_ear = _Ear()


@contextlib.contextmanager
def _overhearing(said: io.StringIO) -> Iterator[None]:
    """Catch what the library prints through `sys.stdout` in this thread; other threads print as before."""
    with _decoding, contextlib.redirect_stdout(_ear.listen(said)):
        yield


def _first_line(text: str) -> str:
    return text.strip().splitlines()[0] if text.strip() else ""


def _unwritable(path: Path, plate: Plate, why: str) -> PlateUnwritable:
    return PlateUnwritable(
        f"the frame could not be written: {why}",
        hint="Check that the folder exists, that it may be written to, and that the disk has room.",
        file=path,
        frame=plate.frame,
    )
