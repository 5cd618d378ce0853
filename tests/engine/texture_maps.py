"""Shots of known motion, and source maps on them, for tests of texture."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager

import numpy as np

from aan_engine.attention.source_map import SourceMap
from aan_engine.core.sampling import pixel_grid
from aan_engine.core.types import Array, Mask
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.plates.source_policy import ALL_SOURCES, SourcePolicy
from tests.engine.shots import SIZE, pan

SPEED = 3
"""Pixels a frame by which the camera pans right: the world moves left by as many, see `pan`."""

CLEAR = np.zeros(SIZE, np.float32)


def block(left: int, *, top: int = 28, side: int = 16) -> Array:
    matte = CLEAR.copy()
    matte[top : top + side, max(left, 0) : max(left + side, 0)] = 1
    return matte


@contextmanager
def motion_of(
    plates: Sequence[Array],
    mattes: Sequence[Array],
    *,
    policy: SourcePolicy = ALL_SOURCES,
    unusable: Sequence[Mask] | None = None,
) -> Iterator[ShotMotion]:
    with ProxyStore(len(plates), SIZE) as proxies:
        for index, (plate, matte) in enumerate(zip(plates, mattes, strict=True)):
            barred = None if unusable is None else unusable[index]
            proxies.put(index, make_proxy(plate, matte, size=SIZE, unusable=barred))
        shot_motion = ShotMotion(proxies, reach=4, policy=policy)
        yield shot_motion
        shot_motion.close()


def straight_pan(frames: int) -> list[Array]:
    """A pan by whole pixels, without any rise."""
    wide = pan(1, size=(SIZE[0], SIZE[1] + SPEED * frames))[0]
    return [np.ascontiguousarray(wide[:, SPEED * t : SPEED * t + SIZE[1]]) for t in range(frames)]


def key_map(index: int, missing: Mask, *, shift: tuple[int, int], frame: int | None = None) -> SourceMap:
    """A map that copies the missing pixels from beside themselves."""
    empty = SourceMap.empty(index, SIZE)
    position = pixel_grid(SIZE) + np.array(shift, np.float32)
    taken = np.where(missing, np.int32(index if frame is None else frame), np.int32(-1))
    return SourceMap(index, taken, position, np.where(missing, 0.01, empty.cost).astype(np.float32))
