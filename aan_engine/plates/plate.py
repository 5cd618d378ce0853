"""The plate: one frame with all its parts and channels, and which of the channels are the picture.

A plate is never changed. `exr` and `reader` open files, `picture_layer` finds the picture.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.encoding import Encoding
from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import Box
from aan_engine.plates import channel_names
from aan_engine.plates.exr_header import PartDescription
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

    @property
    def alpha(self) -> str:
        """The name of the alpha that belongs to the picture, whether there is one or not: in its layer and spelling."""
        return channel_names.alpha_beside(self.names[0])


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
