"""A fill as channels of the plate's own types, put into the plate's channels where the matte hides them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.plates.extra_channels import ExtraChannel
from aan_engine.plates.plate import Array, Plate

_HALF_MAX = 65504.0


def replace_pixels(plate: Plate, *, pixels: NDArray[np.float32], hidden: NDArray[np.bool_]) -> dict[str, Array]:
    """The picture's channels by name, with the plate's own bits wherever `hidden` is False.

    Args:
        pixels: (H, W, 3) float32 scene-linear; read inside `hidden` only.
        hidden: (H, W) bool, True where the picture is replaced.

    Convention: values are cast to the channel's own type, to nearest; finite ones beyond half's range become its
    largest value. A grey plate takes the mean of the three channels.
    """
    channels = plate.parts[plate.picture.part].channels
    inside = plate.from_linear(pixels[hidden])
    filled: dict[str, Array] = {}
    for column, name in enumerate(plate.picture.names):
        if name in filled:
            continue
        values = inside.mean(axis=-1) if plate.picture.grey else inside[:, column]
        filled[name] = channels[name].copy()
        filled[name][hidden] = cast_to(channels[name].dtype, values)
    return filled


def replace_extra(
    plate: Plate, extra: Mapping[ExtraChannel, Array], *, hidden: NDArray[np.bool_]
) -> dict[int, dict[str, Array]]:
    """Channels beside the picture, by part and name, with the plate's own bits wherever `hidden` is False.

    Args:
        extra: channel -> (n,) its values at the n hidden pixels, row by row, in its own type.
        hidden: (H, W) bool.

    Raises:
        ValueError: values of another type or number.
    """
    filled: dict[int, dict[str, Array]] = {}
    count = np.count_nonzero(hidden)
    for channel, values in extra.items():
        before = plate.parts[channel.part].channels[channel.name]
        if values.dtype != before.dtype or values.shape != (count,):
            raise ValueError(f"{channel.label} ({values.dtype}, {values.shape}) does not fit {count} hidden pixels")
        after = filled.setdefault(channel.part, {})[channel.name] = before.copy()
        after[hidden] = values
    return filled


def cast_to(dtype: np.dtype[Any], values: NDArray[np.float32]) -> Array:
    """Values in a channel's own type, half or float, see `replace_pixels`."""
    if dtype != np.float16:
        return values
    with np.errstate(over="ignore", invalid="ignore"):
        half = values.astype(np.float16)
    overflown = np.isinf(half) & np.isfinite(values)
    half[overflown] = np.copysign(_HALF_MAX, values[overflown])
    return half
