"""Matte residue: how far the object that is to go reaches beyond its matte.

A matte drawn too tight leaves a bright or dark fringe of the object beside a clean fill. It is found on the target's
visible pixels around the hole: what the background shows there is known from distant reference frames, in which the
object is somewhere else. Where the plate differs from them in the first pixels beside the matte, and no longer a few
pixels further out, the object reaches so far. A difference that goes on to the end of the band is something else, such
as an object that passes by, and does not count.

A service of one target, which reads plates and changes no pixel. Only candidates through one homography are asked, with
flow and without: they show a whole side of the hole in one frame, and from far enough away in time. Tracked ones
end where the pixel has just come out from under the object, beside the same fringe.

Constants were set on 11 training clips at 240 rows, with wires and ellipses composited in: four targets each, with
right mattes and with an object 2 pixels larger, bright or dark. Of the targets with right mattes 1 in 88 is mistaken;
of the others 172 in 176 are found, 155 with 2 pixels and 17 with 3, as the edge is soft. On one more
clip no reference could be aligned: it is not counted, and nothing is said of it.

Convention: plate and proxy positions as in `core.proxy_scale`; distances are from the nearest hidden pixel's centre, in
pixels of the plate, rounded up.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.candidates.candidate import RIM, Kind
from aan_engine.core.box import Box, tiles
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.types import Array, Mask
from aan_engine.plates.source_plate import sample_plate
from aan_engine.rendering.edge_alignment import MIN_COARSENESS, HoleEdgeAligner
from aan_engine.rendering.plate_sampler import source_positions
from aan_engine.rendering.target import Target

MAX_REACH, MAX_BAND = 12, 20
"""Pixels beyond the matte in which a residue is looked for, and to the end of the band that it is compared with; less
where the candidates' rim is narrower."""

REACH_SHARE = 0.65
"""Share of the band in which a residue is looked for; the rest is what it is compared with."""

KINDS = (Kind.HOMOGRAPHY, Kind.HOMOGRAPHY_FLOW)
"""Candidates that are asked."""

TILE, MOST_TILES = 48, 8
"""Side in pixels of the squares along the contour that are looked at, and how many at most. They bound the time,
whatever the plate's size: about 40 ms of one core on a small plate."""

SHIFT = 2
"""Pixels by which a source may be off and the difference still count as none. With 1 four clean targets of 72 were
mistaken for ones with a residue where two candidates are asked, with 2 one; detection is the same."""

VISIBLE = 0.03
"""Log-range difference from which on a pixel may be a residue: an eighth of a stop at mid grey."""

ORDINARY = 0.95
"""Quantile of the differences further out that a residue exceeds: grain, edges slightly off, what moves."""

MIN_CONTOUR = 24
"""Pixels of the contour beside which the background is known, at least; with fewer nothing is said."""

MIN_SHARE, MIN_RATIO = 0.12, 3.0
"""Share of the contour that has a residue, at least; and how many times the share of differing pixels further out."""

TAIL = 0.25
"""Share of the contour with a residue that reaches as far as is reported, at least."""


@dataclass(frozen=True, eq=False)
class BandPixels:
    """n visible pixels beside the matte whose background is known.

    Args:
        contour: (n,) number of the hidden pixel that is nearest.
        ring: (n,) distance from it, 1 and up.
        excess: (n,) log-range difference from the background, beyond what a pixel's shift explains.
    """

    contour: NDArray[np.intp]
    ring: NDArray[np.intp]
    excess: Array


def reach_beyond_matte(target: Target) -> float:
    """Plate pixels by which the object seems to reach beyond the matte; 0 for none, or where nothing is known.

    Nothing is known without a reference frame in which the surroundings of the hole are in view, and the object at
    least as far away as a residue may reach.
    """
    band = min(MAX_BAND, int(target.scale.length_on_plate(RIM)))
    limit = min(MAX_REACH, int(REACH_SHARE * band))
    return float(reach_in_band(_band_pixels(target, limit=limit, band=band), limit=limit))


def reach_in_band(pixels: BandPixels, *, limit: int) -> int:
    """How far a residue reaches, in pixels; 0 for none.

    For each pixel of the contour the pixels that differ are counted outwards from it, up to the first that does not.
    A run that goes beyond `limit` is something else than a residue.

    Args:
        limit: the largest ring that may be a residue; those beyond it are what it is compared with.
    """
    further = pixels.ring > limit
    if not further.any():
        return 0
    differs = pixels.excess > max(VISIBLE, float(np.quantile(pixels.excess[further], ORDINARY)))
    contour, number = np.unique(pixels.contour, return_inverse=True)
    rings = int(pixels.ring.max())
    cell = number * rings + pixels.ring - 1
    known = np.bincount(cell, minlength=len(contour) * rings).reshape(len(contour), rings)
    differing = np.bincount(cell, differs, len(contour) * rings).reshape(len(contour), rings)
    run = np.cumprod((known > 0) & (2 * differing >= known), axis=1).sum(1)
    run = np.where(run > limit, 0, run)[known[:, 0] > 0]
    if len(run) < MIN_CONTOUR:
        return 0
    share = (run[:, None] >= np.arange(1, limit + 1)).mean(0)
    if share[0] < max(MIN_SHARE, MIN_RATIO * differs[further].mean()):
        return 0
    return int(np.flatnonzero(share >= TAIL * share[0])[-1]) + 1


def _band_pixels(target: Target, *, limit: int, band: int) -> BandPixels:
    """The known pixels of a target's band, beside evenly chosen stretches of the contour."""
    asked = [k for k, candidate in enumerate(target.plan.candidates) if candidate.kind in KINDS]
    aligner = HoleEdgeAligner(target) if target.scale.coarseness >= MIN_COARSENESS else None
    found = [BandPixels(np.zeros(0, np.intp), np.zeros(0, np.intp), np.zeros(0, np.float32))]
    for tile in _contour_tiles(target.hidden) if asked else ():
        box = tile.grown(2 * band, 2 * band).clipped(target.hidden.shape)
        contour, ring = _nearest_hidden(target.hidden, box, of=tile)
        in_band = (contour >= 0) & (ring >= 1) & (ring <= band) & ~target.own.blocked[box.slices]
        if not in_band.any():
            continue
        view = _View(target, box, in_band, limit + 1, aligner)
        excess = np.minimum.reduce([view.excess(k) for k in asked])
        known = in_band & (excess < np.inf)
        found.append(BandPixels(contour[known], ring[known], excess[known]))
    return BandPixels(*(np.concatenate([getattr(b, name) for b in found]) for name in ("contour", "ring", "excess")))


def _contour_tiles(hidden: Mask) -> list[Box]:
    """Tiles that the matte's edge runs through, evenly chosen where there are many."""
    whole = Box.around_mask(hidden)
    found = []
    for tile in tiles(whole, TILE) if whole is not None else ():
        if hidden[tile.slices].any() and not hidden[tile.grown(1, 1).clipped(hidden.shape).slices].all():
            found.append(tile)
    chosen = np.linspace(0, len(found) - 1, min(MOST_TILES, len(found))).round().astype(int)
    return [found[i] for i in chosen]


def _nearest_hidden(hidden: Mask, box: Box, *, of: Box) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """The number of the hidden pixel that is nearest, -1 where that is not one `of` a tile; and the ring; (h, w) each.

    A hidden pixel's number is its place in the plate, so that tiles do not share any.
    """
    inside = hidden[box.slices]
    distance, label = cv2.distanceTransformWithLabels(
        (~inside).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5, labelType=cv2.DIST_LABEL_PIXEL
    )
    ys, xs = np.nonzero(inside)
    y, x = ys + box.top, xs + box.left
    number = np.full(int(label.max()) + 1, -1, np.intp)
    owned = (y >= of.top) & (y < of.bottom) & (x >= of.left) & (x < of.right)
    number[label[ys, xs]] = np.where(owned, y * hidden.shape[1] + x, -1)
    return number[label], np.ceil(distance - 1e-3).astype(np.intp)


@dataclass(frozen=True, eq=False)
class _View:
    """A box of the target's plate, to be compared with what candidates show of it.

    Args:
        in_band: (h, w) bool over the box.
        away: pixels that a source position must be from what its own frame hides.
    """

    target: Target
    box: Box
    in_band: Mask
    away: int
    aligner: HoleEdgeAligner | None

    def excess(self, k: int) -> Array:
        """(h, w) log-range difference between the plate and candidate `k`; infinite where that shows nothing.

        The plate is compared with the range of what the candidate shows in the pixels around, so that edges that are
        slightly off, and what resampling softens, make no difference.
        """
        # Beside the contour this range reaches under the matte: hidden pixels are asked for as well.
        around = np.ones((2 * SHIFT + 1, 2 * SHIFT + 1), np.uint8)
        ys, xs = np.nonzero(cv2.dilate(self.in_band.view(np.uint8), around))
        values, shown = self._shown(k, np.stack([xs + self.box.left, ys + self.box.top], -1).astype(np.float32))
        excess = np.full(self.in_band.shape, np.inf, np.float32)
        ys, xs = ys[shown], xs[shown]
        if not len(ys):
            return excess
        low, high = (np.full((*excess.shape, 3), fill, np.float32) for fill in (np.inf, -np.inf))
        low[ys, xs] = high[ys, xs] = values[shown]
        low, high = cv2.erode(low, around)[ys, xs], cv2.dilate(high, around)[ys, xs]
        plate = self._plate[ys, xs]
        excess[ys, xs] = np.maximum(np.maximum(plate - high, low - plate), 0).mean(1)
        return excess

    @cached_property
    def _plate(self) -> Array:
        """(h, w, 3) the plate, log range."""
        return self.target.own.picture.log_region(self.box)

    def _shown(self, k: int, pixels: Array) -> tuple[Array, Mask]:
        """What candidate `k` shows at n plate positions, (n, 3) log range in the target's light; and where it does."""
        target, plan = self.target, self.target.plan
        points = np.asarray(target.scale.to_proxy(pixels) - (plan.hole.left, plan.hole.top), np.float32)
        frames, positions = source_positions(plan, k, points, scale=target.scale)
        if self.aligner is not None:
            positions += self.aligner.offsets(k, frames, pixels)
        values, shown = np.zeros((len(pixels), 3), np.float32), np.zeros(len(pixels), np.bool_)
        for frame, here in group_by_frame(frames):
            source = target.sources.source(frame)
            found, sound = sample_plate(source, positions[here])
            sound &= _is_away(source.blocked, positions[here], by=self.away)
            values[here] = plan.light.apply(frame, found, points[here])
            shown[here] = sound
        return values, shown


def _is_away(blocked: Mask, positions: Array, *, by: int) -> Mask:
    """(n,) whether positions are more than `by` pixels from what is blocked: so far its own residue may reach there."""
    box = Box.around_points(positions, margin=by + 1, shape=blocked.shape)
    near = blocked[box.slices]
    if not near.any():
        return np.ones(len(positions), np.bool_)
    distance = cv2.distanceTransform((~near).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5)
    x, y = np.rint(positions - (box.left, box.top)).astype(np.intp).T
    return np.asarray(distance[np.clip(y, 0, near.shape[0] - 1), np.clip(x, 0, near.shape[1] - 1)] > by)
