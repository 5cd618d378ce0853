"""Roles: what each frame is to the job, and what each of its pixels is: to be filled, open as a source, or barred.

The frames of a job are counted through: first the plates in their order, then the clean plates. A frame that was
painted by hand stands in its plate's place. This room opens files and lays mattes over each other; it looks at no
picture.

Convention: all masks lie over the plate's data window, see `plate.Plate`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask
from aan_engine.errors import ShotError
from aan_engine.plates import matte, matte_edge, reader
from aan_engine.plates.plate import Plate
from aan_engine.shot import FrameFile, Shot

CLEAN_NUMBER = -1000
"""A clean plate's frame n is told apart from the plates' own as `CLEAN_NUMBER - n`."""


@dataclass(frozen=True, eq=False)
class FrameMasks:
    """Of one frame.

    Args:
        roto: (H, W) float32, 0 .. 1: how much of the fill a pixel gets.
        barred: (H, W) bool: in front, excluded, NaN or infinite; never a source, and never painted by.
    """

    weight: Array
    unusable: Mask

    @cached_property
    def hidden(self) -> Mask:
        """(H, W) bool, where the picture may change."""
        return self.weight > 0

    @cached_property
    def blocked(self) -> Mask:
        """(H, W) bool, where nothing may be taken from."""
        return self.hidden | self.unusable


@dataclass(frozen=True, eq=False)
class PackedMasks:
    """Masks while nobody looks at them.

    Args:
        shape: (height, width).
        box: around all that is hidden, None where nothing is.
        roto: the part of it in the box.
        bits: one for each pixel of the frame, whether it is barred; None where none is.
    """

    shape: tuple[int, int]
    box: Box | None
    weight: Array
    bits: NDArray[np.uint8] | None

    @classmethod
    def of(cls, masks: FrameMasks) -> PackedMasks:
        """Masks, folded."""
        height, width = masks.weight.shape
        box = Box.around_mask(masks.hidden)
        hidden = masks.weight[box.slices] if box is not None else masks.weight[:0, :0]
        bits = np.packbits(masks.unusable) if masks.unusable.any() else None
        return cls((height, width), box, hidden.copy(), bits)

    @property
    def nbytes(self) -> int:
        """Memory that they take."""
        return self.weight.nbytes + (0 if self.bits is None else self.bits.nbytes)

    @property
    def unusable(self) -> Mask:
        """(H, W) bool, made anew."""
        if self.bits is None:
            return np.zeros(self.shape, np.bool_)
        count = self.shape[0] * self.shape[1]
        return np.unpackbits(self.bits, count=count).view(np.bool_).reshape(self.shape)

    @property
    def blocked(self) -> Mask:
        """(H, W) bool, made anew: see `Masks.blocked`."""
        found = self.unusable
        if self.box is not None:
            found[self.box.slices] |= self.weight > 0
        return found

    def masks(self) -> FrameMasks:
        """As they were."""
        roto = np.zeros(self.shape, np.float32)
        if self.box is not None:
            roto[self.box.slices] = self.weight
        return FrameMasks(roto, self.unusable)


class ShotFrames:
    """The frames of one job, by index."""

    def __init__(self, shot: Shot) -> None:
        self._shot = shot
        self.count = len(shot.plates)
        self._windows: tuple[Box, Box] | None = None
        self._hiding: dict[FrameFile, bool] = {}
        self._painted = {p.frame: p for p in shot.known.painted}
        if strangers := sorted(self._painted.keys() - {p.frame for p in shot.plates}):
            raise ShotError(
                f"the painted frame {strangers[0]} shows no plate of the shot",
                hint="Number painted frames as the plates that they show.",
                file=self._painted[strangers[0]].path,
                frame=strangers[0],
            )

    @cached_property
    def files(self) -> tuple[FrameFile, ...]:
        """The file of every index as a source: plates or what was painted over them, then clean plates."""
        own = [self._painted.get(p.frame, p) for p in self._shot.plates]
        return (*own, *self._shot.known.clean)

    @cached_property
    def numbers(self) -> list[int]:
        """The number of every index, as the layer `source.frame` gives it."""
        return [p.frame for p in self._shot.plates] + [CLEAN_NUMBER - c.frame for c in self._shot.known.clean]

    @cached_property
    def painted(self) -> frozenset[int]:
        """Indices of the frames that were painted by hand."""
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
        """Indices of the `count` clean plates whose numbers come nearest to the frame's, the nearest first."""
        number = self._shot.plates[index].frame
        order = sorted(enumerate(self._shot.known.clean), key=lambda c: (abs(c[1].frame - number), c[0]))
        return [self.count + i for i, _ in order[:count]]

    def plate(self, index: int, *, painted_over: bool = False) -> Plate:
        """The plate of a frame, or what was painted over it."""
        return self._read(self.files[index] if painted_over else self._shot.plates[index])

    def target(self, index: int) -> tuple[Plate, FrameMasks]:
        """The plate of a frame, and its masks."""
        plate = self.plate(index)
        return plate, self._masks(plate)

    def is_hiding(self, frame: int) -> bool:
        """Whether the matte of a frame hides anything at all; no plate is opened to tell."""
        file = self._shot.matte_of(frame)
        if file not in self._hiding:
            self._hiding[file] = not matte.is_empty(
                file.path, frame=frame, channel=self._shot.matte_channel, view=self._shot.controls.view
            )
        return self._hiding[file]

    def source(self, index: int) -> tuple[Plate, FrameMasks]:
        """A frame as something to take from: what was painted by hand is open, a clean plate wholly so."""
        if index < self.count and index not in self.painted:
            return self.target(index)
        plate = self.plate(index, painted_over=True)
        unusable = self._masks(plate).unusable if index < self.count else _not_finite_picture(plate)
        return plate, FrameMasks(np.zeros(plate.shape, np.float32), unusable)

    def _read(self, file: FrameFile) -> Plate:
        """A frame; coordinates count from the data window's corner: it must stand still, and so must the format."""
        controls = self._shot.controls
        plate = reader.read(file.path, frame=file.frame, colorspace=controls.colorspace, view=controls.view)
        windows = (plate.data_window, plate.display_window)
        usual = self._windows = self._windows or windows
        for name, found, wanted in zip(("data window", "display window"), windows, usual, strict=True):
            if found != wanted:
                size, other = (f"{w.shape[1]} x {w.shape[0]} at {w.left}, {w.top}" for w in (found, wanted))
                raise ShotError(
                    f"the {name} is {size}, on the first frame {other}",
                    hint="Give every frame the same windows, for example by writing them with fixed overscan.",
                    file=plate.path,
                    frame=plate.frame,
                )
        return plate

    def _masks(self, plate: Plate) -> FrameMasks:
        shot, known = self._shot, self._shot.known
        file = shot.matte_of(plate.frame)
        roto = matte.read(file.path, frame=plate.frame, channel=shot.matte_channel, view=shot.controls.view, like=plate)
        roto = matte_edge.grow_feather(
            matte_edge.fill_weight(roto), grow=shot.controls.grow, feather=shot.controls.feather
        )
        unusable = _not_finite_picture(plate)
        if (front := _read_optional(known.holdout, plate, shot.controls.view, called="holdout matte")) is not None:
            unusable |= front > 0
            roto = roto * (1 - front)
        if (
            excluded := _read_optional(known.exclude, plate, shot.controls.view, called="do-not-use matte")
        ) is not None:
            unusable |= excluded > 0
        return FrameMasks(roto, unusable)


def _not_finite_picture(plate: Plate) -> Mask:
    """(H, W) bool, where the plate is NaN or infinite."""
    channels = plate.parts[plate.picture.part].channels
    first, *others = (_not_finite(channels[name]) for name in dict.fromkeys(plate.picture.names))
    for other in others:
        first |= other
    return first


def _not_finite(values: NDArray[np.floating]) -> Mask:
    """Where half or float values are NaN or infinite: all bits of the exponent are set. (NumPy is slow with half.)"""
    if values.dtype != np.float16:
        return ~np.isfinite(values)
    # Of the positive ones such values have the largest bits, of the negative ones too: mostly there are none.
    if values.view(np.int16).max(initial=0) < 0x7C00 and values.view(np.uint16).max(initial=0) < 0xFC00:
        return np.zeros(values.shape, np.bool_)
    return np.asarray((values.view(np.uint16) & 0x7C00) == 0x7C00)


def _read_optional(
    files: tuple[FrameFile, ...], plate: Plate, view: str | None, *, called: str
) -> NDArray[np.float32] | None:
    """The matte of a plate's frame in a sequence, None where the sequence lacks it; a single one holds for all."""
    of_frame = {f.frame: f for f in files} if len(files) != 1 else {plate.frame: files[0]}
    if plate.frame not in of_frame:
        return None
    return matte.read(of_frame[plate.frame].path, frame=plate.frame, channel=None, view=view, like=plate, called=called)
