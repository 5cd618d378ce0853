"""Patch and overlay: a filled frame with alpha, to be merged over the plate instead of replacing it.

A patch is the matte's box alone. An overlay is a whole frame, for timelines, which lay pictures over each other by
their sizes. Each is a plate of its own: `cut` makes it, and `exr.write` writes it and verifies every bit of it like any
other.

Convention: alpha is 1 wherever the matte is above 0, and 0 elsewhere; it is not the matte. A soft edge has been laid
over the plate already, so under alpha 1 stands the finished picture, and `patch + plate x (1 - alpha)`, which is what
Nuke's Merge (over) and every other premultiplied over computes, gives the full result's own bits. With the soft matte
as alpha the edge would be mixed twice. Where alpha is 0 the values are 0 as well: both are premultiplied. As alpha is
never between 0 and 1, all this holds in any colour space that plate and patch share.
"""

from __future__ import annotations

import struct
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.plates.channels import replace_pixels
from aan_engine.plates.extra_channels import ExtraChannel
from aan_engine.plates.plate import Array, Part, PictureChannels, Plate

_ONE_PIXEL = Box(top=0, bottom=1, left=0, right=1)


def cut(
    plate: Plate,
    *,
    pixels: NDArray[np.float32],
    hidden: NDArray[np.bool_],
    layers: Mapping[str, NDArray[np.float32]] | None = None,
    whole: bool = False,
    extra: Mapping[ExtraChannel, Array] | None = None,
) -> Plate:
    """The patch of a filled frame, or its overlay.

    Args:
        plate: the frame as read.
        pixels: (H, W, 3) float32 scene-linear, the finished picture; read inside `hidden` only.
        hidden: (H, W) bool, True where the picture is replaced.
        layers: extra channels by name, (H, W) float32; cut to the same box.
        whole: True for an overlay, False for a patch.
        extra: channels of the plate beside its picture that are replaced where `hidden` as well, see
            `channels.replace_extra`.

    Returns:
        A plate of one part: the picture's channels and its alpha (`PictureChannels.alpha`: `A`, or `beauty.a` beside
        `beauty.r`) in the picture's own type, the extra channels by their labels, 0 where alpha is, and the layers. The
        plate's own alpha, where it is filled along, has `filled.` before its name. Display window and attributes are
        the plate's. An overlay's data window is the plate's as well, a patch's the smallest box around the hidden
        pixels; without any it is one transparent pixel, the plate's first.

    Convention: the data window is in the file's absolute pixel coordinates, see `plate.Plate`.
    """
    box = Box.whole(plate.shape) if whole else Box.around_mask(hidden) or _ONE_PIXEL
    window, inside = box.shifted(plate.data_window.top, plate.data_window.left), box.slices
    picture = replace_pixels(plate, pixels=pixels, hidden=hidden)
    names = plate.picture.names
    channels: dict[str, Array] = {
        name: np.where(hidden[inside], channel[inside], channel.dtype.type(0)) for name, channel in picture.items()
    }
    channels[plate.picture.alpha] = hidden[inside].astype(channels[names[0]].dtype)
    for channel, values in (extra or {}).items():
        name = f"filled.{channel.label}" if channel.label in channels else channel.label
        channels[name] = np.zeros(box.shape, values.dtype)
        channels[name][hidden[inside]] = values
    channels |= {name: np.ascontiguousarray(values[inside]) for name, values in (layers or {}).items()}
    return Plate(plate.path, plate.frame, (_part(plate, window, channels),), PictureChannels(0, names), plate.encoding)


def _part(plate: Plate, window: Box, channels: dict[str, Array]) -> Part:
    part = plate.parts[plate.picture.part]
    x0, y0, x1, y1 = window.as_exr()
    attributes = dict(part.description.attributes)
    attributes["dataWindow"] = replace(attributes["dataWindow"], value=struct.pack("<4i", x0, y0, x1, y1))
    kinds = {"float16": "half", "float32": "float", "uint32": "uint"}
    described = tuple((name, kinds[str(array.dtype)]) for name, array in sorted(channels.items()))
    description = replace(part.description, data_window=window, channels=described, attributes=attributes)
    corners = (np.array([x0, y0], np.int32), np.array([x1, y1], np.int32))
    return Part(description, {**part.header, "dataWindow": corners}, channels, dict(part.perceptually_linear))
