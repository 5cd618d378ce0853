"""Extra layers filled along: alpha, depth, normals, object numbers, from where the picture's pixels were copied.

For every hidden pixel the fill knows the frame with the largest share and the place on its plate. Each channel takes
that plate's own stored value there: no colour conversion, no light match, no grain. Where a frame has no such channel,
as a clean plate may, or where nothing was copied, values come from around: nearest ones from the nearest pixel that
has one, others continued smoothly (harmonic) from those that have, filled pixels and visible ones alike.

Nearest channels (object numbers, distances, points) are taken whole, NaN and infinities included, at matte values of .5
and above. All others are interpolated (bicubic, within the range of the pixels around) and mixed over the plate by the
matte, as the picture is. Normals are not brought back to length 1.

Convention: positions are (x, y), pixel centres at integers; halfway between two pixels the later one is the nearest.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.harmonic import harmonic_fill
from aan_engine.core.lru import LruCache
from aan_engine.core.sampling import TAPS, sample
from aan_engine.core.types import Array, Mask
from aan_engine.errors import PlateUnsupported
from aan_engine.plates import extra_layers, reader
from aan_engine.plates.channels import cast_to
from aan_engine.plates.exr_header import Description
from aan_engine.plates.extra_channels import ExtraChannel
from aan_engine.plates.plate import Plate
from aan_engine.plates.shot_frames import FrameMasks, ShotFrames
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.shot import Shot

Values = NDArray[Any]
"""A channel's values in its own type: float16, float32 or uint32."""

MAX_BYTES, LEAST_KEPT = 400_000_000, 2
"""Memory for the channels of source plates, and the plates that are kept in any case. Not measured separately."""

MARGIN = 8
"""Pixels around a hole from which values may be continued into it."""


def check_layers(shot: Shot, shot_frames: ShotFrames) -> None:
    """Refuse names that a target does not have, before anything is computed: headers are read, no pixel.

    A target that nothing is hidden in, such as a slate, may lack them.

    Raises:
        PlateUnsupported: as `extra_layers.chosen`.
        PlateMissing, PlateUnreadable: a target is not there, or damaged.
    """
    names, seen = shot.controls.fill_layers, set()
    for target in shot.targets if names else ():
        if target.path in seen:
            continue
        seen.add(target.path)
        description = reader.describe(target.path, frame=target.frame)
        picture = shot_frames.channels.picture_of(target).find_in(description, frame=target.frame)
        try:
            extra_layers.chosen(description, picture, names, frame=target.frame)
        except PlateUnsupported:
            if shot_frames.is_hiding(target.frame):
                raise


class LayerFiller:
    """Fills the extra layers of one shot's targets.

    Args:
        names: see `Controls.fill_layers`.
        plates: a frame, by index, as a source: the whole plate, or what replaces it.
    """

    def __init__(self, names: str | None, *, plates: Callable[[int], Plate]) -> None:
        self._names, self._plates = names, plates
        self._kept: LruCache | None = None

    def fill(self, plate: Plate, masks: FrameMasks, fill: FillBuffer) -> dict[ExtraChannel, Values]:
        """The channels of a target that are filled along, each with (n,) values for its n hidden pixels, row by row.

        Args:
            plate, masks: the target's.
            fill: what its picture was filled with; `source` and `position` are read.

        Raises:
            PlateUnsupported: as `extra_layers.chosen`.
        """
        if not self._names or not masks.hidden.any():
            return {}
        description = Description(plate.path, tuple(part.description for part in plate.parts))
        channels = extra_layers.chosen(description, plate.picture, self._names, frame=plate.frame)
        hole = _Hole.of(plate, masks)
        copied = self._copied(plate, channels, fill.source[masks.hidden], fill.position[masks.hidden])
        return {channel: hole.finished(channel, plate, copied[channel]) for channel in channels}

    def _copied(
        self, plate: Plate, channels: tuple[ExtraChannel, ...], source: NDArray[np.int32], position: Array
    ) -> dict[ExtraChannel, _Copied]:
        """What n pixels get from source frames (n,), at their positions (n, 2)."""
        kinds = {channel: plate.parts[channel.part].channels[channel.name].dtype for channel in channels}
        copied = {channel: _Copied.nothing(len(source), channel, kind) for channel, kind in kinds.items()}
        for number, here in group_by_frame(source):
            planes = self._planes(number, channels, plate)
            for channel, found in copied.items():
                plane = planes.channels.get(channel.label)
                # Whole numbers and fractions do not stand for each other.
                if plane is not None and plane.dtype.kind == kinds[channel].kind:
                    at = position[here] - np.array(planes.corner, np.float32)
                    values = _nearest(plane, at) if channel.nearest else _interpolated(plane, at)
                    found.values[here], found.known[here] = values, True
        return copied

    def _planes(self, number: int, channels: tuple[ExtraChannel, ...], plate: Plate) -> _Planes:
        """The wanted channels of a source frame; those of the last few frames are kept."""
        if self._kept is None:
            size = sum(plate.parts[channel.part].channels[channel.name].nbytes for channel in channels)
            self._kept = LruCache(max(MAX_BYTES // max(size, 1), LEAST_KEPT))
        labels = frozenset(channel.label for channel in channels)
        return self._kept.get((number, labels), lambda: _Planes.of(self._plates(number), labels))


@dataclass(frozen=True, eq=False)
class _Planes:
    """Channels of a source plate, by label, over its data window.

    Args:
        corner: (x, y) of their first pixel, counted from the first one of the plate's `window`.
    """

    channels: dict[str, Values]
    corner: tuple[int, int]

    @classmethod
    def of(cls, plate: Plate, labels: frozenset[str]) -> _Planes:
        description = Description(plate.path, tuple(part.description for part in plate.parts))
        there = extra_layers.available(description, plate.picture)
        found = {c.label: plate.parts[c.part].channels[c.name] for c in there if c.label in labels}
        corner = plate.data_window.relative_to(plate.window)
        return cls(found, (corner.left, corner.top))


@dataclass(frozen=True, eq=False)
class _Copied:
    """What n pixels got of one channel.

    Args:
        values: (n,) in the channel's own type where it is nearest, else float32.
        known: (n,) bool, whether a pixel got any.
    """

    values: Values
    known: Mask

    @classmethod
    def nothing(cls, n: int, channel: ExtraChannel, kind: np.dtype[Any]) -> _Copied:
        return cls(np.zeros(n, kind if channel.nearest else np.float32), np.zeros(n, np.bool_))


@dataclass(frozen=True, eq=False)
class _Hole:
    """The hidden pixels of a target, and what is around.

    Args:
        window: the slices of the plate's arrays around them, with a margin.
        inside: (h, w) bool, which pixels of the window are hidden.
        visible: (h, w) bool, which may be continued into the hole: neither hidden nor unusable.
        weight: (n,) the matte's values at the hidden pixels.
    """

    window: tuple[slice, slice]
    inside: Mask
    visible: Mask
    weight: Array

    @classmethod
    def of(cls, plate: Plate, masks: FrameMasks) -> _Hole:
        # Masks are over the plate's window, its channels over the data window, outside of which nothing is hidden.
        own = plate.existing.slices
        hidden = masks.hidden[own]
        box = Box.around_mask(hidden, margin=MARGIN)
        assert box is not None  # something is hidden
        visible = ~hidden[box.slices] & ~masks.unusable[own][box.slices]
        return cls(box.slices, hidden[box.slices], visible, masks.weight[masks.hidden])

    def finished(self, channel: ExtraChannel, plate: Plate, copied: _Copied) -> Values:
        """(n,) a channel's values in the hole: what was copied and what is continued, over the plate by the matte."""
        plane = plate.parts[channel.part].channels[channel.name][self.window]
        before = plane[self.inside]
        values = self._complete(plane, copied, nearest=channel.nearest)
        if channel.nearest:
            return np.where(self.weight >= 0.5, values, before)
        with np.errstate(invalid="ignore", over="ignore"):
            mixed = before.astype(np.float32) * (1 - self.weight) + values * self.weight
        return cast_to(before.dtype, np.where(self.weight >= 1, values, mixed).astype(np.float32))

    def _complete(self, plane: Values, copied: _Copied, *, nearest: bool) -> Values:
        """(n,) what was copied, and for pixels without it what is around; the plate's own where nothing is known."""
        if copied.known.all():
            return copied.values
        picture, known = plane.astype(copied.values.dtype), self.visible.copy()
        own = picture[self.inside]
        picture[self.inside], known[self.inside] = copied.values, copied.known
        if not nearest:
            known &= np.isfinite(picture)
        if not known.any():
            return own
        if nearest:
            return picture.reshape(-1)[_nearest_known(known)[self.inside]]
        around = harmonic_fill(np.where(known, picture, 0)[..., None], known.astype(np.float32))[..., 0]
        return np.where(copied.known, copied.values, around[self.inside])


def _nearest(plane: Values, at: Array) -> Values:
    """(n,) the values of the pixels that positions (n, 2) lie in; beyond the edge, the edge's."""
    x, y = np.floor(at + 0.5).astype(np.intp).T
    return np.asarray(plane[np.clip(y, 0, plane.shape[0] - 1), np.clip(x, 0, plane.shape[1] - 1)])


def _interpolated(plane: Values, at: Array) -> Array:
    """(n,) float32 bicubic values at positions (n, 2); the nearest one where a pixel around is NaN or infinite."""
    box = Box.around_points(at, margin=TAPS, shape=plane.shape)
    local = at - np.array([box.left, box.top], np.float32)
    image = np.ascontiguousarray(plane[box.slices], np.float32)
    values = sample(image, local, sharp=True)
    return np.where(np.isfinite(values), values, _nearest(image, local))


def _nearest_known(known: Mask) -> NDArray[np.intp]:
    """(h, w) the flat index of the known pixel that is nearest to each; there is at least one."""
    unknown = np.ascontiguousarray(~known, np.uint8)
    _, labels = cv2.distanceTransformWithLabels(unknown, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    of_label = np.zeros(int(labels.max()) + 1, np.intp)
    of_label[labels[known]] = np.flatnonzero(known)
    return of_label[labels]
