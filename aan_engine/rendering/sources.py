"""The shot's other frames for one target: plates from the cache, motion from the shot's registration."""

from __future__ import annotations

from collections.abc import Collection

from aan_engine.core.lru import LruCache
from aan_engine.core.types import Array
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.plates.plate_cache import PlateCache
from aan_engine.plates.source_plate import SourcePlate

MOST = 128
"""Plates and displacements kept: more than any target asks for (60 frames around it, references and clean plates)."""


class ShotSources:
    """See `target.Sources`. What was asked for once is kept until `clear`: each plate's mask is unpacked once.

    Args:
        index: the target.
        painted: frames painted by the artist; they lend no pixels to other targets before a static camera.
    """

    def __init__(
        self, index: int, *, plate_cache: PlateCache, shot_motion: ShotMotion, painted: Collection[int]
    ) -> None:
        self._index = index
        self._plate_cache, self._shot_motion, self._painted = plate_cache, shot_motion, painted
        self._plates, self._displacements = LruCache(MOST), LruCache(MOST)

    @property
    def count(self) -> int:
        """See `target.Sources`."""
        return self._shot_motion.proxies.count

    def source(self, frame: int) -> SourcePlate:
        """See `target.Sources`."""
        return self._plates.get(frame, lambda: self._plate_cache.source(frame))

    def displacement(self, frame: int, to: int) -> Array | None:
        """See `target.Sources`."""

        def make() -> Array | None:
            motion = self._shot_motion.motion(frame, to)
            return None if motion is None else motion.displacement

        return self._displacements.get((frame, to), make)

    def is_static(self, frame: int) -> bool:
        """See `target.Sources`."""
        lends = self._shot_motion.policy.serves(frame) and frame not in self._painted
        return lends and self._shot_motion.registration.is_static(self._index, frame)

    def clear(self) -> None:
        """Let go of masks and displacements: of an 8K frame either half of rendering would otherwise hold dozens."""
        self._plates.clear()
        self._displacements.clear()
