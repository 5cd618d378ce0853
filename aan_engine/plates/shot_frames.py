"""The frames of a job by index, and the masks of each: which pixels are filled, and which must never be a source.

A frame painted by hand replaces its plate as a source. This module reads plates and mattes and combines the masks.

Convention: frames are counted as in `core.frame.Frame`; all masks are over the plate's data window, see `plate.Plate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.core.frame import Frame
from aan_engine.core.types import Array, Mask
from aan_engine.errors import ShotError
from aan_engine.plates import formats, matte, matte_edge, reader
from aan_engine.plates.plate import Plate
from aan_engine.shot import FrameFile, Shot

CLEAN_NUMBER = -1000
"""A clean plate of frame n has the number `CLEAN_NUMBER - n`, see `clean_numbers`."""


@dataclass(frozen=True, eq=False)
class FrameMasks:
    """The masks of one frame.

    Args:
        weight: (H, W) float32, 0 .. 1: the weight of the fill in the composite.
        unusable: (H, W) bool: in front (holdout), excluded, NaN or infinite; never a source.
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

    Raises:
        ShotError: a painted frame has a number that no plate has.
    """

    def __init__(self, shot: Shot) -> None:
        self._shot = shot
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
                channel=self._shot.matte_channel,
                view=self._shot.controls.view,
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
        unusable = _not_finite_picture(plate) if is_clean_plate else self._masks(plate).unusable
        return plate, FrameMasks(np.zeros(plate.shape, np.float32), unusable)

    def _read(self, file: FrameFile) -> Plate:
        """Read a frame. Its windows must be those of the first one: coordinates count from the data window's corner."""
        plate = reader.read(
            file.path,
            frame=file.frame,
            colorspace=self._colorspace(file),
            view=self._shot.controls.view,
            index=file.index,
        )
        windows = (plate.data_window, plate.display_window)
        first = self._windows = self._windows or windows
        for name, found, wanted in zip(("data window", "display window"), windows, first, strict=True):
            if found != wanted:
                size, other = (f"{w.shape[1]} x {w.shape[0]} at {w.left}, {w.top}" for w in (found, wanted))
                raise ShotError(
                    f"the {name} is {size}, on the first frame {other}",
                    hint="Give every frame the same windows, for example by writing them with fixed overscan.",
                    file=plate.path,
                    frame=plate.frame,
                )
        return plate

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
        view = shot.controls.view
        roto = (
            matte.read(
                file.path, frame=plate.frame, channel=shot.matte_channel, view=view, like=plate, index=file.index
            )
            if file is not None
            else np.zeros(plate.shape, np.float32)
        )
        weight = matte_edge.grow_feather(
            matte_edge.fill_weight(roto), grow=shot.controls.grow, feather=shot.controls.feather
        )
        unusable = _not_finite_picture(plate)
        if (holdout := _read_optional(shot, "holdout", plate, called="holdout matte")) is not None:
            unusable |= holdout > 0
            weight = weight * (1 - holdout)
        if (excluded := _read_optional(shot, "exclude", plate, called="do-not-use matte")) is not None:
            unusable |= excluded > 0
        return FrameMasks(weight, unusable)


def clean_numbers(clean: list[int], *, plates: list[int]) -> list[int]:
    """The numbers of clean plates with these frame numbers, none of which is a plate's, or -1.

    They are `CLEAN_NUMBER` less the frame number, or where that would meet a plate, as far below the lowest one.
    """
    found = [CLEAN_NUMBER - number for number in clean]
    if not {*found} & {*plates, -1}:
        return found
    return [min(*plates, CLEAN_NUMBER) - 1 + min(clean) - number for number in clean]


def _not_finite_picture(plate: Plate) -> Mask:
    """(H, W) bool, where any channel of the picture is NaN or infinite."""
    channels = plate.parts[plate.picture.part].channels
    first, *others = (_not_finite(channels[name]) for name in dict.fromkeys(plate.picture.names))
    for other in others:
        first |= other
    return first


def _not_finite(values: NDArray[np.floating]) -> Mask:
    """Where half or float values are NaN or infinite, by their bits: NumPy is slow with half."""
    if values.dtype != np.float16:
        return ~np.isfinite(values)
    # Both for positive and for negative values these are the largest bit patterns; mostly there are none.
    if values.view(np.int16).max(initial=0) < 0x7C00 and values.view(np.uint16).max(initial=0) < 0xFC00:
        return np.zeros(values.shape, np.bool_)
    return np.asarray((values.view(np.uint16) & 0x7C00) == 0x7C00)


def _read_optional(shot: Shot, name: str, plate: Plate, *, called: str) -> NDArray[np.float32] | None:
    """The holdout or do-not-use matte of a plate; None where it has none."""
    file = shot.known_of(name, plate.frame)
    if file is None:
        return None
    view = shot.controls.view
    return matte.read(
        file.path, frame=plate.frame, channel=None, view=view, like=plate, called=called, index=file.index
    )
