"""Edge alignment: how far the positions of a plan are off at the plates' own resolution, by the hole's visible edge.

A service of one target that `warp` asks before it samples. Candidates also cover a margin of visible pixels around the
hole. There, for each candidate and each source frame, the source can be compared with the target's own plate and an
affine offset estimated (see `affine_refine`), which then holds inside the hole as well.

Constants that do not say how they were found were not measured separately.

Convention: plate and proxy positions as in `core.proxy_scale`.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.types import Array
from aan_engine.rendering.affine_refine import NO_OFFSET, AffineOffset, refine_offset
from aan_engine.rendering.plate_sampler import source_positions
from aan_engine.rendering.target import Target
from aan_engine.rendering.tile_cache import TileView

MIN_COARSENESS = 1.5
"""Plate pixels to a proxy pixel from which positions are worth refining."""

SAMPLES = 3000
"""Visible pixels that are compared, at most."""

REACH = 0.75
"""Proxy pixels by which positions may be off."""

MIN_SUPPLY = 0.01
"""Share of the hole that a frame must supply to one candidate to be aligned."""

COARSE_BLUR = 0.3
"""Standard deviation, in proxy pixels, of the blur of the first pass: gradients must reach as far as positions may be
off."""

FINE_BLUR = 0.7
"""Standard deviation, in plate pixels, of the blur of the last pass."""

MAX_AREA = 16_000_000
"""Pixels of a plate that are read for one alignment; where it takes more, positions stay as they are."""


class HoleEdgeAligner:
    """Offsets for one target; each is estimated once, when it is first asked for."""

    def __init__(self, target: Target) -> None:
        self._target = target
        self._area = target.plan.hole.hidden.sum() / target.scale.factor.prod()
        self._found: dict[tuple[int, int], AffineOffset] = {}
        self._views: dict[tuple[int, float], TileView] = {}
        # A fixed seed: the same plan gets the same samples, whatever was asked for before.
        rng = np.random.default_rng(0)
        self._jitter = rng.uniform(-0.5, 0.5, (SAMPLES, 2)).astype(np.float32)

    def offsets(self, k: int, frames: NDArray[np.int32], points: Array) -> Array:
        """(n, 2) to add to the source positions of candidate `k`.

        Args:
            frames: (n,) the source frames that it copies from, -1 for none.
            points: (n, 2) the target's plate positions that it copies to.
        """
        added = np.zeros((len(points), 2), np.float32)
        for frame, here in group_by_frame(frames):
            if len(here) < MIN_SUPPLY * self._area:
                continue
            if (k, frame) not in self._found:
                self._found[k, frame] = self._estimate(k, frame)
            added[here] = self._found[k, frame].at(points[here])
        return added

    def _estimate(self, k: int, frame: int) -> AffineOffset:
        """Coarse to fine; no offset where the candidate shows no visible pixel of the frame, or too much is to read."""
        plan, scale = self._target.plan, self._target.scale
        hole, candidate = plan.hole, plan.candidates[k]
        visible = hole.region & ~hole.hidden & ~hole.unusable & (candidate.frame == frame)
        cells = np.argwhere(visible)[:, ::-1].astype(np.float32)
        if not len(cells):
            return NO_OFFSET
        spread = np.linspace(0, len(cells) - 1, min(SAMPLES, 4 * len(cells))).round().astype(int)
        local = cells[spread] + self._jitter[: len(spread)]
        frames, positions = source_positions(plan, k, local, scale=scale)
        points = scale.to_plate(local + np.array([hole.left, hole.top]))
        same = frames == frame
        if not same.any():
            return NO_OFFSET
        # Target pixels are compared as they are, not resampled: positions on the source move along.
        points, positions = np.rint(points[same]).astype(np.float32), positions[same] + _rounding(points[same])
        result, reach = NO_OFFSET, scale.length_on_plate(REACH)
        for sigma in (scale.length_on_plate(COARSE_BLUR), FINE_BLUR):
            target = self._view(hole.index, points, sigma=sigma, margin=reach)
            source = self._view(frame, positions, sigma=sigma, margin=reach)
            if target is None or source is None:
                return NO_OFFSET
            usable = target.usable(points)
            result = refine_offset(
                target.grey(points)[usable], points[usable], positions[usable], source=source, reach=reach, start=result
            )
        return result

    def _view(self, frame: int, points: Array, *, sigma: float, margin: float) -> TileView | None:
        """A frame around these plate positions, blurred by `sigma`; None where that is more than `MAX_AREA`."""
        target = self._target
        plate = target.own if frame == target.plan.hole.index else target.sources.source(frame)
        box = Box.around_points(points, margin=int(margin) + 2, shape=plate.picture.shape)
        if box.area > MAX_AREA:
            return None
        view = self._views.get((frame, sigma))
        if view is None or not view.contains(box):
            view = self._views[frame, sigma] = target.tiles.at(frame, plate, box, sigma=sigma)
        return view


def _rounding(points: Array) -> Array:
    """(n, 2) how far positions move when they are rounded to whole pixels."""
    return np.asarray(np.rint(points) - points, np.float32)
