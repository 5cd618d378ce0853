"""The frames of a job by index, and the masks of each: which pixels are filled, and which must never be a source.

A frame painted by hand replaces its plate as a source. This module reads plates and mattes and combines the masks.

Convention: frames are counted as in `core.frame.Frame`; all masks are over the plate's `window`, see `plate.Plate`.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.core.frame import Frame, clean_numbers
from aan_engine.core.types import Array, Mask
from aan_engine.errors import ShotError
from aan_engine.plates import formats, matte, matte_edge, reader
from aan_engine.plates.matte_channels import MatteChannels
from aan_engine.plates.plate import Plate
from aan_engine.plates.shot_channels import EXCLUDE, HOLDOUT, ShotChannels
from aan_engine.shot import FrameFile, Shot

MAX_CANVAS = 4
"""How much larger than the largest frame the canvas may be, in pixels. Not measured separately."""


@dataclass(frozen=True, eq=False)
class FrameMasks:
    """The masks of one frame.

    Args:
        weight: (H, W) float32, 0 .. 1: the weight of the fill in the composite.
        unusable: (H, W) bool: in front (holdout), excluded, NaN or infinite, outside the data window; never a source.
    """

    weight: Array
    unusable: Mask

    @cached_property
    def hidden(self) -> Mask:
        """(H, W) bool: the pixels to fill, the only ones that may change."""
        return self.weight > 0

    @cached_property
    def blocked(self) -> Mask:
        """(H, W) bool: hidden or unusable, so not a source."""
        return self.hidden | self.unusable


@dataclass(frozen=True, eq=False)
class PackedMasks:
    """The masks of one frame, compressed for keeping.

    Args:
        shape: (height, width).
        box: around all hidden pixels; None without any.
        weight: the weight inside the box.
        bits: `unusable`, packed into bits row by row; None where no pixel is.
    """

    shape: tuple[int, int]
    box: Box | None
    weight: Array
    bits: NDArray[np.uint8] | None

    @classmethod
    def of(cls, masks: FrameMasks) -> PackedMasks:
        """Compress masks."""
        height, width = masks.weight.shape
        box = Box.around_mask(masks.hidden)
        inside = masks.weight[box.slices] if box is not None else masks.weight[:0, :0]
        bits = np.packbits(masks.unusable) if masks.unusable.any() else None
        return cls((height, width), box, inside.copy(), bits)

    @property
    def nbytes(self) -> int:
        """Bytes of memory."""
        return self.weight.nbytes + (0 if self.bits is None else self.bits.nbytes)

    @property
    def unusable(self) -> Mask:
        """(H, W) bool, unpacked at each call; see `FrameMasks.unusable`."""
        if self.bits is None:
            return np.zeros(self.shape, np.bool_)
        count = self.shape[0] * self.shape[1]
        return np.unpackbits(self.bits, count=count).view(np.bool_).reshape(self.shape)

    @property
    def blocked(self) -> Mask:
        """(H, W) bool, unpacked at each call; see `FrameMasks.blocked`."""
        blocked = self.unusable
        if self.box is not None:
            blocked[self.box.slices] |= self.weight > 0
        return blocked

    def masks(self) -> FrameMasks:
        """The masks that were compressed."""
        weight = np.zeros(self.shape, np.float32)
        if self.box is not None:
            weight[self.box.slices] = self.weight
        return FrameMasks(weight, self.unusable)


class ShotFrames:
    """The frames of one job, by index.

    Args:
        channels: what is read of the files, where that was decided for the same files before.

    Raises:
        ShotError: a painted frame has a number that no plate has.
    """

    def __init__(self, shot: Shot, *, channels: ShotChannels | None = None) -> None:
        self._shot = shot
        self.channels = channels or ShotChannels(shot)
        self.count = len(shot.plates)
        self._windows: tuple[Box, Box] | None = None
        self._hiding: dict[FrameFile, bool] = {}
        self._painted = {p.frame: p for p in shot.known.painted}
        if unknown := sorted(self._painted.keys() - {p.frame for p in shot.plates}):
            raise ShotError(
                f"the painted frame {unknown[0]} shows no plate of the shot",
                hint="Number painted frames as the plates that they show.",
                file=self._painted[unknown[0]].path,
                frame=unknown[0],
            )

    @cached_property
    def files(self) -> tuple[FrameFile, ...]:
        """The file of every index as a source: plates, replaced where painted by hand, then clean plates."""
        plates = [self._painted.get(p.frame, p) for p in self._shot.plates]
        return (*plates, *self._shot.known.clean)

    @cached_property
    def numbers(self) -> list[int]:
        """The number of every index, see `Frame.number`."""
        plates = [p.frame for p in self._shot.plates]
        return plates + clean_numbers([c.frame for c in self._shot.known.clean], plates=plates)

    def frame(self, index: int) -> Frame:
        """The frame of an index."""
        return Frame(index, self.numbers[index], index if index < self.count else None)

    def has_replacement(self, index: int) -> bool:
        """Whether the frame as a source is another picture than the plate of this index: painted by hand, or clean."""
        return self.frame(index).time is None or index in self.painted

    @cached_property
    def painted(self) -> frozenset[int]:
        """Indices of the plates that were painted by hand."""
        return frozenset(i for i, p in enumerate(self._shot.plates) if p.frame in self._painted)

    @cached_property
    def source_indices(self) -> frozenset[int]:
        """Indices of the frames that may serve as sources."""
        controls, plates = self._shot.controls, self._shot.plates
        clean = range(self.count, len(self.files))
        if controls.clean_use == "only":
            return frozenset({*self.painted, *clean})
        own = (i for i, p in enumerate(plates) if controls.serves(p.frame, first=plates[0].frame))
        return frozenset({*own, *self.painted, *clean})

    def clean_near(self, index: int, *, count: int) -> list[int]:
        """Indices of the `count` clean plates with the nearest frame numbers, the nearest first."""
        number = self._shot.plates[index].frame
        order = sorted(enumerate(self._shot.known.clean), key=lambda c: (abs(c[1].frame - number), c[0]))
        return [self.count + i for i, _ in order[:count]]

    def plate(self, index: int, *, painted_over: bool = False) -> Plate:
        """The plate of an index, or its painted frame; for a clean plate `painted_over` must be True."""
        return self._read(self.files[index] if painted_over else self._shot.plates[index])

    def target(self, index: int) -> tuple[Plate, FrameMasks]:
        """The plate of an index, to be filled, and its masks."""
        plate = self.plate(index)
        return plate, self._masks(plate)

    def is_hiding(self, frame: int) -> bool:
        """Whether the matte of a frame number hides any pixel; its plate is not read."""
        file = self._shot.matte_of(frame)
        if file is None:
            return False
        if file not in self._hiding:
            self._hiding[file] = not matte.is_empty(
                file.path,
                frame=frame,
                channel=self.channels.matte,
                levels=self.channels.levels,
                index=file.index,
            )
        return self._hiding[file]

    def source(self, index: int) -> tuple[Plate, FrameMasks]:
        """The picture of an index to copy from, and its masks.

        In a frame painted by hand and in a clean plate nothing is hidden; holdout and exclude mattes hold for the
        former only.
        """
        if not self.has_replacement(index):
            return self.target(index)
        plate = self.plate(index, painted_over=True)
        is_clean_plate = self.frame(index).time is None
        unusable = _without_value(plate) if is_clean_plate else self._masks(plate).unusable
        return plate, FrameMasks(np.zeros(plate.shape, np.float32), unusable)

    def _read(self, file: FrameFile) -> Plate:
        """Read a frame, and see it over the shot's canvas.

        Raises:
            ShotError: its display window is not that of the first one; or it is no EXR, and its data window is not.
        """
        plate = reader.read(
            file.path,
            frame=file.frame,
            colorspace=self._colorspace(file),
            layer=self.channels.picture_of(file),
            index=file.index,
        )
        canvas, display = self._windows = self._windows or (self._canvas(plate), plate.display_window)
        if plate.display_window != display:
            raise _other_window(plate, "display window", found=plate.display_window, wanted=display)
        if plate.data_window == canvas:
            return plate
        if not canvas.contains(plate.data_window) and formats.sniff(file.path) != formats.EXR:
            raise _other_window(plate, "data window", found=plate.data_window, wanted=canvas)
        return replace(plate, canvas=canvas)

    def _canvas(self, first: Plate) -> Box:
        """The smallest box that holds the data windows of all plates; for other formats than EXR that of the first.

        Renderers and autocrop write for each frame only the box that holds something.

        Raises:
            ShotError: the windows lie too far from one another to be held in memory.
        """
        layer, canvas, largest = (
            self.channels.picture,
            first.data_window,
            first.display_window.union(first.data_window),
        )
        for file in self._shot.plates:
            if (window := reader.exr_data_window(file.path, frame=file.frame, layer=layer)) is not None:
                canvas, largest = canvas.union(window), max(largest, window, key=lambda box: box.area)
                if canvas.area > MAX_CANVAS * largest.area:
                    raise ShotError(
                        f"the data windows of the plates lie too far apart: with this one they take {_size(canvas)}",
                        hint="Crop the plates to their display window.",
                        file=file.path,
                        frame=file.frame,
                    )
        return canvas

    def _colorspace(self, file: FrameFile) -> str | None:
        """The space of a file's values where it is named.

        The name is the plates'. Filled frames of plates that are no EXR are scene-linear EXR, and are painted as such.
        """
        named = self._shot.controls.colorspace
        if named is not None and self._painted.get(file.frame) is file and formats.sniff(file.path) == formats.EXR:
            over = next(plate for plate in self._shot.plates if plate.frame == file.frame)
            return named if formats.sniff(over.path) == formats.EXR else None
        return named

    def _masks(self, plate: Plate) -> FrameMasks:
        shot = self._shot
        file = shot.matte_of(plate.frame)
        channels, others = self.channels, self.channels.others_levels
        roto = np.zeros(plate.shape, np.float32)
        if file is not None:
            roto = matte.read(
                file.path,
                frame=plate.frame,
                channel=channels.matte,
                like=plate,
                levels=channels.levels,
                index=file.index,
            )
        weight = matte_edge.grow_feather(
            matte_edge.fill_weight(roto), grow=shot.controls.grow, feather=shot.controls.feather
        )
        if plate.canvas is not None:
            weight = np.where(_outside(plate), np.float32(0), weight)  # there is nothing to be written
        unusable = _without_value(plate)
        if (held_out := shot.known_of("holdout", plate.frame)) is not None:
            holdout = _read_other(held_out, plate, channels.holdout, others, called=HOLDOUT)
            unusable |= holdout > 0
            weight = weight * (1 - holdout)
        if (excluded := shot.known_of("exclude", plate.frame)) is not None:
            unusable |= _read_other(excluded, plate, channels.exclude, others, called=EXCLUDE) > 0
        return FrameMasks(weight, unusable)


def _other_window(plate: Plate, name: str, *, found: Box, wanted: Box) -> ShotError:
    size, other = (f"{_size(box)} at {box.left}, {box.top}" for box in (found, wanted))
    return ShotError(
        f"the {name} is {size}, on the first frame {other}",
        hint="Give every frame the same one.",
        file=plate.path,
        frame=plate.frame,
    )


def _size(box: Box) -> str:
    return f"{box.shape[1]} x {box.shape[0]}"


def _without_value(plate: Plate) -> Mask:
    """(H, W) bool, where any channel of the picture is NaN or infinite, or the plate has no pixel of its own."""
    stored = plate.stored(Box.whole(plate.shape))
    first, *others = map(_not_finite, stored[:1] if plate.picture.grey else stored)
    for other in others:
        first |= other
    if plate.canvas is not None:
        first |= _outside(plate)
    return first


def _outside(plate: Plate) -> Mask:
    """(H, W) bool, where the canvas reaches beyond the plate's data window."""
    outside = np.ones(plate.shape, np.bool_)
    outside[plate.existing.slices] = False
    return outside


def _not_finite(values: NDArray[np.floating]) -> Mask:
    """Where half or float values are NaN or infinite, by their bits: NumPy is slow with half."""
    if values.dtype != np.float16:
        return ~np.isfinite(values)
    # Both for positive and for negative values these are the largest bit patterns; mostly there are none.
    if values.view(np.int16).max(initial=0) < 0x7C00 and values.view(np.uint16).max(initial=0) < 0xFC00:
        return np.zeros(values.shape, np.bool_)
    return np.asarray((values.view(np.uint16) & 0x7C00) == 0x7C00)


def _read_other(
    file: FrameFile, plate: Plate, channels: MatteChannels | None, levels: matte.Levels, *, called: str
) -> NDArray[np.float32]:
    """The holdout or do-not-use matte of a plate."""
    return matte.read(
        file.path, frame=plate.frame, channel=channels, like=plate, levels=levels, called=called, index=file.index
    )
