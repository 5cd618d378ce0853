"""The plate: one frame with all its parts and channels, and which of the channels are the picture.

A plate is never changed. `exr` and `reader` open files.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.encoding import Encoding
from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import Box
from aan_engine.errors import PlateUnsupported
from aan_engine.plates import stereo
from aan_engine.plates.exr_header import Description, PartDescription
from aan_engine.plates.half_lut import all_half, linear_table, log_table, stack_channels

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Part:
    """One part of an EXR file, decoded.

    Args:
        description: its header.
        header: its attributes as the EXR library's Python values, which the library needs again for writing.
        channels: name -> (H, W) in the file's own type (float16, float32 or uint32) over the data window.
        perceptually_linear: the file's `pLinear` flag of each channel, which a result keeps.
    """

    description: PartDescription
    header: dict[str, Any]
    channels: dict[str, Array]
    perceptually_linear: dict[str, bool]


@dataclass(frozen=True)
class PictureChannels:
    """Which channels are the picture.

    Args:
        part: the part's index.
        names: its channels for red, green and blue; the same name three times for a grey plate.
    """

    part: int
    names: tuple[str, str, str]

    @property
    def grey(self) -> bool:
        """Whether one luminance channel stands for all three."""
        return self.names[0] == self.names[1]


@dataclass(frozen=True, eq=False)
class Plate:
    """One frame of a plate sequence, every part and channel of it.

    Args:
        path, frame: the file, and its number on the timeline.
        parts: all parts in the file's order.
        picture: which channels are the picture.
        encoding: the conversion of the picture's values to scene-linear light; None where they are scene-linear.
        canvas: the box that the picture is seen over, the same for every frame of a shot whose data windows differ;
            None for the data window itself. Outside the data window the picture is black.

    Convention: display window, data window and canvas are boxes in the file's absolute pixel coordinates, origin
    top-left, x right, y down. Row 0, column 0 of `pixels`, and of masks and fills, is the first pixel of the `window`;
    the boxes of `region` and `log_region` count from there. The arrays of `parts` are over the data window.
    """

    path: Path
    frame: int
    parts: tuple[Part, ...]
    picture: PictureChannels
    encoding: Encoding | None = None
    canvas: Box | None = None

    @property
    def display_window(self) -> Box:
        """The intended frame, of the picture's part."""
        return self.parts[self.picture.part].description.display_window

    @property
    def data_window(self) -> Box:
        """The pixels that exist, of the picture's part: smaller or larger (overscan) than the display window."""
        return self.parts[self.picture.part].description.data_window

    @property
    def window(self) -> Box:
        """The box that the picture is seen over: the canvas, without one the data window."""
        return self.canvas or self.data_window

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) of the `window`."""
        return self.window.shape

    @property
    def existing(self) -> Box:
        """The part of the `window` that has pixels of its own, counted from the window's first pixel."""
        return self.data_window.intersection(self.window).relative_to(self.window)

    @property
    def pixels(self) -> NDArray[np.float32]:
        """The picture, (H, W, 3) float32 scene-linear over the `window`. It is large, so it is not kept.

        The file's exact values unless there is an `encoding`.
        """
        return self.region(Box.whole(self.shape))

    def region(self, box: Box, *, every: int = 1) -> NDArray[np.float32]:
        """(h, w, 3) float32 scene-linear: a box of `pixels`, or every `every`-th row and column of it."""
        stacked = stack_channels([channel[::every, ::every] for channel in self.stored(box)], linear_table)
        return stacked if self.encoding is None else self.encoding.decode(stacked)

    def log_region(self, box: Box) -> NDArray[np.float32]:
        """As `region`, in the log range of `log_encoding`: `to_log(region(box))`, bit for bit."""
        stored = self.stored(box)
        if self.encoding is not None or not all_half(stored):
            return to_log(self.region(box))
        return stack_channels(stored, log_table)

    def stored(self, box: Box) -> list[Array]:
        """A box of the picture's three channels in their own type: views, or copies where there is a canvas."""
        channels = self.parts[self.picture.part].channels
        if self.canvas is None:
            return [channels[name][box.slices] for name in self.picture.names]
        absolute = box.shifted(self.window.top, self.window.left)
        both = absolute.intersection(self.data_window)
        source, target = both.relative_to(self.data_window).slices, both.relative_to(absolute).slices
        found = [np.zeros(box.shape, channels[name].dtype) for name in self.picture.names]
        for values, name in zip(found, self.picture.names, strict=True):
            values[target] = channels[name][source]
        return found

    @property
    def nbytes(self) -> int:
        """Bytes of memory of all its channels."""
        return sum(array.nbytes for part in self.parts for array in part.channels.values())

    def from_linear(self, light: NDArray[np.float32]) -> NDArray[np.float32]:
        """Scene-linear light (..., 3) in the picture's own encoding: the inverse of the decoding in `region`."""
        return light if self.encoding is None else self.encoding.encode(light)


def find_picture_channels(description: Description, *, frame: int | None, view: str | None = None) -> PictureChannels:
    """The picture's channels: R, G, B of the default layer, else of the first layer that has them, else Y as grey.

    Parts are searched in order; a later part's default layer wins over an earlier part's named layer.

    Args:
        view: of a stereo file, the eye; None for the first.

    Raises:
        PlateUnsupported: there are no such channels or no such view, or the channels are in a form that the engine does
            not fill: luminance-chroma, subsampled, or integer.
    """
    parts = description.parts
    picture = _find_rgb_or_grey(parts) if view is None else _find_in_view(description, view, frame=frame)
    if picture is None:
        raise _unsupported(description, frame, _why_no_picture(parts))
    part = parts[picture.part]
    if any(name in part.subsampled for name in picture.names):
        raise _unsupported(description, frame, f"{', '.join(picture.names)} are stored subsampled")
    types = dict(part.channels)
    if any(types[name] == "uint" for name in picture.names):
        raise _unsupported(description, frame, f"{', '.join(picture.names)} hold integers, not light")
    return picture


def _find_rgb_or_grey(parts: tuple[PartDescription, ...]) -> PictureChannels | None:
    return _find_default_layer(parts) or _find_named_layer(parts) or _find_grey(parts)


def _find_in_view(description: Description, view: str, *, frame: int | None) -> PictureChannels | None:
    known = stereo.view_names(description)
    if view not in known:
        raise PlateUnsupported(
            f"this plate has no view {view!r}",
            hint=f"It has {' and '.join(known)}." if known else "It is no stereo file: leave the view away.",
            file=description.path,
            frame=frame,
        )
    for index, part in enumerate(description.parts):
        channels = tuple(channel for channel in part.channels if stereo.view_of(part, channel[0]) == view)
        default = (f"{view}.R", f"{view}.G", f"{view}.B")
        if set(default) <= dict(channels).keys():
            return PictureChannels(part=index, names=default)
        if (found := _find_rgb_or_grey((replace(part, channels=channels),))) is not None:
            return replace(found, part=index)
    return None


def _find_default_layer(parts: tuple[PartDescription, ...]) -> PictureChannels | None:
    for index, part in enumerate(parts):
        if {"R", "G", "B"} <= dict(part.channels).keys():
            return PictureChannels(part=index, names=("R", "G", "B"))
    return None


def _find_named_layer(parts: tuple[PartDescription, ...]) -> PictureChannels | None:
    for index, part in enumerate(parts):
        names = dict(part.channels).keys()
        for name in names:
            layer, dot, last = name.rpartition(".")
            if dot and last == "R" and {f"{layer}.G", f"{layer}.B"} <= names:
                return PictureChannels(part=index, names=(f"{layer}.R", f"{layer}.G", f"{layer}.B"))
    return None


def _find_grey(parts: tuple[PartDescription, ...]) -> PictureChannels | None:
    for index, part in enumerate(parts):
        names = dict(part.channels).keys()
        if "Y" in names and not {"RY", "BY"} & names:
            return PictureChannels(part=index, names=("Y", "Y", "Y"))
    return None


def _why_no_picture(parts: tuple[PartDescription, ...]) -> str:
    names = [name for part in parts for name, _ in part.channels]
    if {"RY", "BY"} & set(names):
        return "the picture is stored as luminance and chroma (Y, RY, BY)"
    listed = ", ".join(names[:12]) + (" and more" if len(names) > 12 else "")
    return f"there is no R, G, B and no Y among its channels ({listed})"


def _unsupported(description: Description, frame: int | None, why: str) -> PlateUnsupported:
    return PlateUnsupported(
        f"this plate cannot be filled: {why}",
        hint="Convert it to R, G, B in half or float.",
        file=description.path,
        frame=frame,
    )
