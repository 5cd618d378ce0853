"""Plates in memory, read once and kept as long as they fit.

The same frame is a target in its turn, and a source before and after. As a target it is needed whole, as a source
around holes only. So where whole frames no longer fit, crops of them are kept, and an 8K frame need not be read again
for each target that copies from it.
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
"""Memory that the cache may use: 17 frames of 4096 x 2160 in half precision. Not measured separately."""

LARGE_SHARE = 0.02
"""Frames larger than this share of `MAX_BYTES` are reduced to crops; of smaller ones whole frames last long enough. Not
measured separately."""

WHOLE_SHARE = 0.6
"""Share of `MAX_BYTES` for whole frames where frames are large; crops have the rest. Not measured separately."""

HOLE_MARGIN, REQUEST_MARGIN = 1.0, 0.25
"""A crop extends beyond the frame's own hole by this multiple of the hole's size on each side, and beyond a requested
box by this multiple of that box's size. Not measured separately."""

Key = tuple[int, bool]
"""An index, and whether the frame as a source is meant, where that is another picture than the plate."""


@dataclass(eq=False)
class _Entry:
    """A frame in the cache: whole, or a crop of it, or both; and its masks.

    Args:
        box: what a crop of it must contain; None where no box is known yet.
    """

    masks: PackedMasks
    box: Box | None
    plate: Plate | None
    crop: PlateCrop | None = None

    def pixels_of(self, box: Box) -> Plate | PlateCrop | None:
        """The plate or a crop that contains this box; None where neither does."""
        if self.plate is not None:
            return self.plate
        return self.crop if self.crop is not None and self.crop.box.contains(box) else None

    def shrink(self, *, crop: bool) -> None:
        """Drop the whole frame; keep a crop of it if one is wanted and its box is known."""
        if crop and self.plate is not None and self.box is not None:
            self.crop = crop_plate(self.plate, self.box)
        self.plate = None


@dataclass(frozen=True, eq=False)
class CachedPlate:
    """A frame to copy from, whose pixels and masks are fetched from the cache when they are needed."""

    cache: PlateCache
    key: Key

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width)."""
        return self.cache.frame(self.key).masks.shape

    @property
    def blocked(self) -> Mask:
        """(H, W) bool, unpacked at each call; see `FrameMasks.blocked`."""
        return self.cache.frame(self.key).masks.blocked

    def region(self, box: Box) -> Array:
        """A box of its scene-linear light, see `Plate.region`."""
        return self.cache.pixels_of(self.key, box).region(box)

    def log_region(self, box: Box) -> Array:
        """A box of it in the log range, see `Plate.log_region`."""
        return self.cache.pixels_of(self.key, box).log_region(box)


class PlateCache:
    """Frames of one job, the most recently used of them kept within `MAX_BYTES`; for several threads."""

    def __init__(self, shot_frames: ShotFrames) -> None:
        self._shot_frames = shot_frames
        self._kept: OrderedDict[Key, _Entry] = OrderedDict()
        self._lock = threading.Lock()

    def target(self, index: int) -> tuple[Plate, FrameMasks]:
        """The plate of an index, to be filled, with its masks."""
        return self._with_masks((index, False))

    def as_source(self, index: int) -> tuple[Plate, FrameMasks]:
        """The picture of an index to copy from, with its masks; painted by hand, it replaces the plate."""
        return self._with_masks((index, self._shot_frames.has_replacement(index)))

    def source(self, index: int) -> SourcePlate:
        """The picture of an index to copy from; nothing is read yet."""
        cached = CachedPlate(self, (index, self._shot_frames.has_replacement(index)))
        return SourcePlate(cached, cached)

    def whole(self, index: int) -> Plate:
        """The picture of an index to copy from, with all its channels; where none is kept, it is read anew."""
        key = (index, self._shot_frames.has_replacement(index))
        entry = self._find(key)
        plate = entry.plate if entry is not None else None
        return plate or self._shot_frames.plate(index, painted_over=key[1])

    def frame(self, key: Key) -> _Entry:
        """The cache's entry, read if it is not there."""
        return self._find(key) or self._read(key)[0]

    def pixels_of(self, key: Key, box: Box) -> Plate | PlateCrop:
        """The plate, or a crop of it that contains this box."""
        entry = self.frame(key)
        with self._lock:
            found = entry.pixels_of(box)
        # Keep using `found`: another thread may drop it from the cache meanwhile.
        if not isinstance(found, PlateCrop):
            found = found or self._read_again(key)
            self._widen(key, box)
        return found

    def _with_masks(self, key: Key) -> tuple[Plate, FrameMasks]:
        entry = self._find(key)
        if entry is None:
            return self._read(key)[1:]
        return entry.plate or self._read_again(key), entry.masks.masks()

    def _read(self, key: Key) -> tuple[_Entry, Plate, FrameMasks]:
        """Read a frame that is not in the cache."""
        plate, masks = self._shot_frames.source(key[0]) if key[1] else self._shot_frames.target(key[0])
        packed = PackedMasks.of(masks)
        box = None if packed.box is None else _grow(packed.box, by=HOLE_MARGIN, shape=plate.shape)
        entry = _Entry(packed, box, plate)
        with self._lock:
            self._put(key, self._kept.get(key, entry), plate)
        return entry, plate, masks

    def _read_again(self, key: Key) -> Plate:
        """Read the plate of an entry of which only a crop is left; its masks are still there."""
        plate = self._shot_frames.plate(key[0], painted_over=key[1])
        with self._lock:
            if (entry := self._kept.get(key)) is not None:
                self._put(key, entry, plate)
        return plate

    def _put(self, key: Key, entry: _Entry, plate: Plate) -> None:
        entry.plate = plate
        self._kept[key] = entry
        self._kept.move_to_end(key)
        self._evict()

    def _find(self, key: Key) -> _Entry | None:
        with self._lock:
            entry = self._kept.get(key)
            if entry is not None:
                self._kept.move_to_end(key)
            return entry

    def _widen(self, key: Key, box: Box) -> None:
        """Have the next crop of this frame contain the box."""
        with self._lock:
            if (entry := self._kept.get(key)) is not None and not _contains(entry.box, box):
                wider = _grow(box, by=REQUEST_MARGIN, shape=entry.masks.shape)
                entry.box = wider if entry.box is None else entry.box.union(wider)

    def _evict(self) -> None:
        """Reduce whole frames to crops, then drop crops, until the rest fits; the latest frame stays whole."""
        *older, latest = self._kept
        plate = self._kept[latest].plate
        is_large = plate is not None and plate.nbytes > LARGE_SHARE * MAX_BYTES
        whole = sum(_bytes_of(entry) for entry in self._kept.values() if entry.plate is not None)
        for key in older:
            entry = self._kept[key]
            if whole <= (WHOLE_SHARE * MAX_BYTES if is_large else MAX_BYTES):
                break
            if entry.plate is not None:
                whole -= _bytes_of(entry)
                entry.shrink(crop=is_large)
        reduced = {key: self._kept[key] for key in older if self._kept[key].plate is None}
        crops = sum(_bytes_of(entry) for entry in reduced.values())
        for key, entry in reduced.items():
            if crops <= MAX_BYTES - whole and entry.crop is not None:
                continue
            crops -= _bytes_of(entry)
            del self._kept[key]


def _contains(box: Box | None, requested: Box) -> bool:
    return box is not None and box.contains(requested)


def _grow(box: Box, *, by: float, shape: tuple[int, int]) -> Box:
    """A box grown on each side by this share of its size, clipped to a plate of this shape."""
    height, width = box.shape
    return box.grown(round(by * height), round(by * width)).clipped(shape)


def _bytes_of(entry: _Entry) -> int:
    return entry.masks.nbytes + sum(kept.nbytes for kept in (entry.plate, entry.crop) if kept is not None)
