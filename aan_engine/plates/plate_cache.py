"""The shelf: frames at full resolution, read once and kept at hand as long as there is room.

The same frame is a target in its turn and a source before and after. As a target it is needed whole, as a source
around holes only: where whole frames have no room any more their cuttings stay, and an 8K frame need not be read again
for each target that copies from it. The shelf knows how much memory frames may take, and nothing of what is done with
them.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from dataclasses import dataclass

from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask
from aan_engine.plates.plate import Plate
from aan_engine.plates.plate_crop import PlateCrop, crop_plate
from aan_engine.plates.shot_frames import FrameMasks, PackedMasks, ShotFrames
from aan_engine.plates.source_plate import SourcePlate

MAX_BYTES = 900_000_000
"""Bytes of frames kept, at most."""

LARGE_SHARE = 0.02
"""A frame that takes more of the room than this is kept as a cutting; of smaller ones whole frames serve longer."""

WHOLE_SHARE = 0.6
"""The share of the room that whole frames may take where frames are large."""

HOLE_MARGIN, REQUEST_MARGIN = 1.0, 0.25
"""A cutting reaches around the frame's own hole as far as that is large, and around what is asked for by a quarter."""

Key = tuple[int, bool]


@dataclass(eq=False)
class _Entry:
    """A frame: whole, or a cutting of it, or both; and its masks.

    Args:
        window: what a cutting of it must hold, None where that is not known.
    """

    masks: PackedMasks
    box: Box | None
    plate: Plate | None
    piece: PlateCrop | None = None

    def pixels_of(self, box: Box) -> Plate | PlateCrop | None:
        """What has a window's picture; None where that is not at hand."""
        if self.plate is not None:
            return self.plate
        return self.piece if self.piece is not None and self.piece.box.contains(box) else None

    def shrink(self, *, cutting: bool) -> None:
        """Let the whole frame go; a cutting stays where one is wanted."""
        if cutting and self.plate is not None and self.box is not None:
            self.piece = crop_plate(self.plate, self.box)
        self.plate = None


@dataclass(frozen=True, eq=False)
class CachedPlate:
    """A frame to copy from: its light and what may not be taken from it, fetched as they are asked for."""

    cache: PlateCache
    key: Key

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.cache.frame(self.key).masks.shape

    @property
    def blocked(self) -> Mask:
        """(H, W), unfolded anew for whoever asks."""
        return self.cache.frame(self.key).masks.blocked

    def region(self, box: Box) -> Array:
        """Rows and columns of its scene-linear light, see `Plate.region`."""
        return self.cache.pixels_of(self.key, box).region(box)

    def log_region(self, box: Box) -> Array:
        """The same in the working log range, see `Plate.logs`."""
        return self.cache.pixels_of(self.key, box).log_region(box)


class PlateCache:
    """Frames of one job, the most recently used of them kept within `ROOM`; for several threads."""

    def __init__(self, shot_frames: ShotFrames) -> None:
        self._shot_frames = shot_frames
        self._kept: OrderedDict[Key, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def target(self, index: int) -> tuple[Plate, FrameMasks]:
        """The frame as it came, to be filled, with its masks."""
        return self._with_masks((index, False))

    def as_source(self, index: int) -> tuple[Plate, FrameMasks]:
        """The frame as something to copy from, with its masks: what was painted by hand stands in the plate's place."""
        return self._with_masks((index, self._has_source_file(index)))

    def source(self, index: int) -> SourcePlate:
        """The frame as something to copy from."""
        found = CachedPlate(self, (index, self._has_source_file(index)))
        return SourcePlate(found, found)

    def frame(self, key: Key) -> _Entry:
        """The frame, or what is left of it; read if it is not there."""
        return self._find(key) or self._read(key)[0]

    def pixels_of(self, key: Key, box: Box) -> Plate | PlateCrop:
        """The frame, or a cutting of it that has this window."""
        frame = self.frame(key)
        with self._lock:
            found = frame.pixels_of(box)
        # Handed on from here: another thread's frame may push it off the shelf by the next look.
        if not isinstance(found, PlateCrop):
            found = found or self._read_again(key)
            self._widen(key, box)
        return found

    def _has_source_file(self, index: int) -> bool:
        return index >= self._shot_frames.count or index in self._shot_frames.painted

    def _with_masks(self, key: Key) -> tuple[Plate, FrameMasks]:
        frame = self._find(key)
        if frame is None:
            return self._read(key)[1:]
        return frame.plate or self._read_again(key), frame.masks.masks()

    def _read(self, key: Key) -> tuple[_Entry, Plate, FrameMasks]:
        """A frame that is not on the shelf."""
        plate, masks = self._shot_frames.source(key[0]) if key[1] else self._shot_frames.target(key[0])
        folded = PackedMasks.of(masks)
        box = None if folded.box is None else _grow(folded.box, by=HOLE_MARGIN, shape=plate.shape)
        frame = _Entry(folded, box, plate)
        with self._lock:
            self._put(key, self._kept.get(key, frame), plate)
        return frame, plate, masks

    def _read_again(self, key: Key) -> Plate:
        """The plate of a frame that was cut down; its masks are still there."""
        plate = self._shot_frames.plate(key[0], painted_over=key[1])
        with self._lock:
            if (frame := self._kept.get(key)) is not None:
                self._put(key, frame, plate)
        return plate

    def _put(self, key: Key, frame: _Entry, plate: Plate) -> None:
        frame.plate = plate
        self._kept[key] = frame
        self._kept.move_to_end(key)
        self._evict()

    def _find(self, key: Key) -> _Entry | None:
        with self._lock:
            frame = self._kept.get(key)
            if frame is not None:
                self._kept.move_to_end(key)
            return frame

    def _widen(self, key: Key, box: Box) -> None:
        """Have the frame's cutting hold this window, too."""
        with self._lock:
            if (frame := self._kept.get(key)) is not None and not _contains(frame.box, box):
                wider = _grow(box, by=REQUEST_MARGIN, shape=frame.masks.shape)
                frame.box = wider if frame.box is None else frame.box.union(wider)

    def _evict(self) -> None:
        """Whole frames become cuttings, cuttings go, until there is room; the latest frame stays whole."""
        *older, latest = self._kept
        plate = self._kept[latest].plate
        cutting = plate is not None and plate.nbytes > LARGE_SHARE * MAX_BYTES
        whole = sum(_bytes_of(f) for f in self._kept.values() if f.plate is not None)
        for key in older:
            frame = self._kept[key]
            if whole <= (WHOLE_SHARE * MAX_BYTES if cutting else MAX_BYTES):
                break
            if frame.plate is not None:
                whole -= _bytes_of(frame)
                frame.shrink(cutting=cutting)
        small = {key: self._kept[key] for key in older if self._kept[key].plate is None}
        pieces = sum(_bytes_of(frame) for frame in small.values())
        for key, frame in small.items():
            if pieces <= MAX_BYTES - whole and frame.piece is not None:
                continue
            pieces -= _bytes_of(frame)
            del self._kept[key]


def _contains(box: Box | None, asked: Box) -> bool:
    return box is not None and box.contains(asked)


def _grow(box: Box, *, by: float, shape: tuple[int, int]) -> Box:
    """A box grown on each side by this share of its size, as far as the plate goes."""
    height, width = box.shape
    return box.grown(round(by * height), round(by * width)).clipped(shape)


def _bytes_of(frame: _Entry) -> int:
    return frame.masks.nbytes + sum(kept.nbytes for kept in (frame.plate, frame.piece) if kept is not None)
