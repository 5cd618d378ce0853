"""Plates in and out of EXR files: every part, channel and attribute in, the same out, and not a bit more changed.

With `exr_decoder` the only module that calls the EXR library.

`write` keeps two promises. The file appears under its name whole or not at all: it is written beside it under another
name, read back, and renamed. And where `hidden` is false not one bit of any channel differs from the plate: the bits
are counted in what was read back, and the frame is refused otherwise.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from aan_engine.colour.encoding import Encoding
from aan_engine.core.temporary_name import temporary_path
from aan_engine.errors import PlateError, PlateUnwritable
from aan_engine.plates import result_marks, stereo
from aan_engine.plates.channels import replace_extra, replace_pixels
from aan_engine.plates.exr_attributes import placeholder_header, splice
from aan_engine.plates.exr_decoder import check_writable, decode, first_line
from aan_engine.plates.exr_header import Description, PartDescription, describe
from aan_engine.plates.extra_channels import ExtraChannel
from aan_engine.plates.picture_layer import PictureLayer, find_picture_channels
from aan_engine.plates.plate import Array, Part, Plate
from aan_engine.plates.verify import verify
from aan_engine.provenance import Provenance

__all__ = ["Description", "Part", "PartDescription", "Plate", "check_writable", "decode", "describe", "read", "write"]

# Lossless codecs that every reader knows. PXR24 keeps half exactly but not float; few readers know HTJ2K and ZSTD yet.
_KEPT_CODECS = ("none", "rle", "zips", "zip", "piz")


def read(
    path: Path,
    *,
    frame: int,
    encoding: Encoding | None = None,
    view: str | None = None,
    layer: PictureLayer | None = None,
) -> Plate:
    """Read one frame with all its parts and channels.

    Args:
        encoding: the conversion of its picture to scene-linear light; None where it is scene-linear.
        view: the eye of a stereo file that is the picture; None for the first.
        layer: the layer that is the picture; None decides for this file alone, see `picture_layer`.

    Raises:
        PlateMissing: there is no such file.
        PlateUnreadable: empty, truncated, damaged, or no EXR.
        PlateUnsupported: deep data, luminance-chroma, subsampled or integer pictures, no picture in it, or several.
    """
    description = describe(path, frame=frame)
    picture = find_picture_channels(description, frame=frame, view=view, layer=layer)
    parts = decode(description, frame=frame)
    return Plate(path=description.path, frame=frame, parts=parts, picture=picture, encoding=encoding)


def write(
    path: Path,
    plate: Plate,
    *,
    pixels: NDArray[np.float32],
    hidden: NDArray[np.bool_],
    layers: Mapping[str, NDArray[np.float32]] | None = None,
    provenance: Provenance | None = None,
    extra: Mapping[ExtraChannel, Array] | None = None,
) -> int:
    """Write the plate with `pixels` where `hidden`, and everything else bit for bit as it was read.

    Args:
        path: the file to write; an existing one is replaced in one step.
        plate: the frame as read; it is not changed.
        pixels: (H, W, 3) float32 scene-linear over the plate's data window; read inside `hidden` only. Cast to each
            channel's own type, to nearest; finite values beyond half's range become its largest value.
        hidden: (H, W) bool, True where the picture is replaced.
        layers: extra channels by name, (H, W) float32, added to the picture's part; a channel of the plate that has
            the same name is replaced.
        provenance: what the header says of where the result comes from, see `result_marks`; the plate's own marks,
            if it is itself a result, are left out.
        extra: channels of the plate beside its picture that are replaced where `hidden` as well, see
            `channels.replace_extra`.

    A lossless codec of the plate is kept, a lossy one becomes ZIP. Mip-mapped tiles are written without their smaller
    levels: those are made from the picture, and would still show what was removed. Of a stereo file one view is filled;
    an attribute of the result names it (see `stereo`).

    Returns:
        The number of bits outside `hidden` that differ from the plate in the file as read back: 0, or it raises.

    Raises:
        PlateUnwritable: no space, no permission, no such folder; nothing is left behind.
        OutsideMatteError: the file read back differs from the plate outside `hidden`; it was removed.
        ValueError: arrays of another shape or type than the plate's, or a layer named as one of the picture's channels.
    """
    path, layers = Path(path), dict(layers or {})
    _check_arguments(plate, pixels=pixels, hidden=hidden, layers=layers)
    filled = replace_pixels(plate, pixels=pixels, hidden=hidden) | layers
    beside = replace_extra(plate, extra or {}, hidden=hidden)
    changed = beside | {plate.picture.part: beside.get(plate.picture.part, {}) | filled}
    description = Description(plate.path, tuple(part.description for part in plate.parts))
    headers = stereo.mark_filled(description, plate.picture.part, plate.picture.names[0])
    headers = result_marks.mark(headers, provenance, part=plate.picture.part)
    parts = [
        _out_part(replace(part, description=header), changed.get(index, {}))
        for index, (part, header) in enumerate(zip(plate.parts, headers, strict=True))
    ]
    temporary = temporary_path(path)
    try:
        try:
            OpenEXR.File(parts).write(str(temporary))
            headers = result_marks.with_size(headers, temporary.stat().st_size)
            splice(temporary, headers)
            written = decode(describe(temporary, frame=plate.frame), frame=plate.frame)
        except PlateError as error:
            raise _unwritable(path, plate, f"what was written cannot be read back: {error.reason}") from error
        except Exception as error:
            raise _unwritable(path, plate, _reason(error, temporary)) from error
        count = verify(plate, written, hidden=hidden, filled=filled, headers=headers, beside=beside, path=path)
        try:
            temporary.replace(path)
        except OSError as error:
            raise _unwritable(path, plate, error.strerror or str(error)) from error
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
    return count


def _out_part(part: Part, filled: Mapping[str, Array]) -> Any:
    header = placeholder_header(part.description, part.header)
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
        if name in plate.picture.names or layer.shape != plate.shape or layer.dtype != np.float32:
            raise ValueError(f"the layer {name!r} ({layer.dtype}, {layer.shape}) does not fit a plate of {plate.shape}")


def _reason(error: Exception, temporary: Path) -> str:
    """Why a file could not be written, without the temporary name, which nobody knows."""
    if isinstance(error, OSError) and error.strerror:
        return error.strerror
    return first_line(str(error)).replace(str(temporary), "the file").replace(temporary.name, "the file")


def _unwritable(path: Path, plate: Plate, why: str) -> PlateUnwritable:
    return PlateUnwritable(
        f"the frame could not be written: {why}",
        hint="Check that the folder exists, that it may be written to, and that the disk has room.",
        file=path,
        frame=plate.frame,
    )
