"""The rim: the visible pixels around a hole, where what would be copied can be laid over the plate itself.

For each candidate and each plate that it copies from, the rim says how far coordinates found on proxies are off at the
plate's own resolution (see `polish`).

Convention: plate and proxy positions as in `proxy`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.core.types import Array
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering.affine_refine import NO_OFFSET, AffineOffset, refine_offset
from aan_engine.rendering.plate_sampler import source_positions
from aan_engine.rendering.tile_cache import TileCache, TileView
from aan_engine.selection.plan import FillPlan

WORTH = 1.5
"""Plate pixels to a proxy pixel from which coordinates are worth polishing."""

SAMPLES = 3000
"""Rim pixels that are compared, at most."""

REACH = 0.75
"""Proxy pixels by which coordinates may be off."""

MINOR = 0.01
"""Share of the hole from which a source of one candidate is worth it."""

SOFT = 0.3
"""Blur, in proxy pixels, under which the first look is taken: it must see as far as coordinates may be off."""

SHARP = 0.7
"""Blur, in plate pixels, under which the last look is taken."""

LARGEST = 16_000_000
"""Pixels of a plate that are looked at for one polish; with more, coordinates stay as they are."""


class HoleEdgeAligner:
    """The rim of one target.

    Args:
        decision: what is to be carried out.
        target: the target's plate.
        source: frame index -> its plate.
        scale: between plates and proxies.
        looks: what was looked at for earlier targets.
    """

    def __init__(
        self,
        plan: FillPlan,
        target: SourcePlate,
        *,
        source: Callable[[int], SourcePlate],
        scale: ProxyScale,
        looks: TileCache,
    ) -> None:
        self._plan = plan
        self._target = target
        self._source = lru_cache(maxsize=None)(source)
        self._scale = scale
        self._count = plan.hole.hidden.sum() / scale.factor.prod()
        self._found: dict[tuple[int, int], AffineOffset] = {}
        self._looks = looks
        self._crops: dict[tuple[int, float], TileView] = {}
        rng = np.random.default_rng(0)
        self._jitter = rng.uniform(-0.5, 0.5, (SAMPLES, 2)).astype(np.float32)

    def offsets(self, k: int, frames: NDArray[np.int32], points: Array) -> Array:
        """What to add to the places of candidate `k` for plate positions (n, 2) that it takes from `frames` (n,)."""
        added = np.zeros((len(points), 2), np.float32)
        for frame, here in group_by_frame(frames):
            if len(here) < MINOR * self._count:
                continue
            if (k, frame) not in self._found:
                self._found[k, frame] = self._polished(k, frame)
            added[here] = self._found[k, frame].at(points[here])
        return added

    def _polished(self, k: int, frame: int) -> AffineOffset:
        hole, layer = self._plan.hole, self._plan.candidates[k]
        shown = hole.region & ~hole.hidden & ~hole.unusable & (layer.frame == frame)
        cells = np.argwhere(shown)[:, ::-1].astype(np.float32)
        if not len(cells):
            return NO_OFFSET
        spread = np.linspace(0, len(cells) - 1, min(SAMPLES, 4 * len(cells))).round().astype(int)
        local = cells[spread] + self._jitter[: len(spread)]
        found, there = source_positions(self._plan, k, local, scale=self._scale)
        points = self._scale.to_plate(local + np.array([hole.left, hole.top]))
        ours = found == frame
        if not ours.any():
            return NO_OFFSET
        points, there = np.rint(points[ours]).astype(np.float32), there[ours] + _rounding(points[ours])
        result, reach = NO_OFFSET, self._scale.length_on_plate(REACH)
        for sigma in (self._scale.length_on_plate(SOFT), SHARP):
            wanted = self._look(hole.index, points, sigma=sigma, margin=reach)
            other = self._look(frame, there, sigma=sigma, margin=reach)
            if wanted is None or other is None:
                return NO_OFFSET
            seen = wanted.usable(points)
            result = refine_offset(
                wanted.grey(points)[seen], points[seen], there[seen], look=other, reach=reach, start=result
            )
        return result

    def _look(self, frame: int, at: Array, *, sigma: float, margin: float) -> TileView | None:
        """A look at a frame around these positions; None where that is too much of it."""
        plate = self._target if frame == self._plan.hole.index else self._source(frame)
        box = Box.around_points(at, margin=int(margin) + 2, shape=plate.picture.shape)
        if box.area > LARGEST:
            return None
        crop = self._crops.get((frame, sigma))
        if crop is None or not crop.holds(box):
            crop = self._crops[frame, sigma] = self._looks.at(frame, plate, box, sigma=sigma)
        return crop


def _rounding(points: Array) -> Array:
    """How far positions move when they go to the nearest pixel: the places they mean move along."""
    return np.asarray(np.rint(points) - points, np.float32)
