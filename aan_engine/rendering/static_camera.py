"""Samples swapped before a static camera: every target takes its pixels from another frame, grain and all.

Where the camera stands still, every frame shows a point of the scene on the same pixel, fine structure included, with
grain of its own. A copied pixel, whose grain may well be that of the last target's, is therefore replaced by the same
pixel of another frame, unfiltered, where the two differ by no more than their grain. Nothing is denoised and nothing
added. Of any `PERIOD` targets in a row no two take a pixel from the same frame.

Constants that do not say how they were found were not measured separately.

Convention: values and variances in the log range.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import channel_mean, from_log, to_log
from aan_engine.core.box import Box, tiles
from aan_engine.core.filters import masked_gaussian
from aan_engine.core.grouping import distinct_frames
from aan_engine.core.types import Array, Mask
from aan_engine.grain.estimate import GrainModel
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.target import Target

PERIOD = 4
"""A frame lends to one target in so many: the one whose index leaves the same remainder."""

MAX_UNSEEN = 0.01
"""A pixel of which more was synthesised is no copy."""

LIGHT_BLUR = 6.0
"""Standard deviation, in pixels, under which a difference is one of light: there the fill's is kept."""

WINDOW = 9
"""Side of the windows over which two frames are compared."""

MAX_POWER_RATIO = 1.6
"""Two frames differ by grain where the power of their difference is at most so many times that of their grain."""

MIN_SHOWN = 0.3
"""The share of a window that both must show."""

TILE, MARGIN = 128, 24
"""Side of what is worked on at a time, and the pixels around it that the filters read: 4 standard deviations."""


def swap_static(fill: FillBuffer, target: Target, /) -> FillBuffer:
    """Swap what can be swapped; its grain is then no longer `repeated`. See `target.Stage`."""
    if target.grain is None:
        return fill
    lenders = _lenders(fill, target)
    box = Box.around_mask(lenders >= 0)
    for tile in tiles(box, TILE, aligned=False) if box is not None else ():
        _swap_tile(fill, target, target.grain, lenders=lenders, tile=tile)
    return fill


def _lenders(fill: FillBuffer, target: Target) -> NDArray[np.int32]:
    """(H, W) the frame that each pixel is to be taken from, -1 for none.

    The nearest frame of this target's remainder beyond the pixel's own source, seen from the target: what has come
    into view by then mostly stays in view. Where the shot ends there, the nearest ones before it.
    """
    found = np.full(fill.source.shape, -1, np.int32)
    ys, xs = np.nonzero(_is_copied(fill))
    source = fill.source[ys, xs]
    lender = np.full(source.shape, -1, np.int32)
    for frame in filter(target.sources.is_static, distinct_frames(source)):
        direction = 1 if frame > target.index else -1
        beyond = direction * (target.index - frame) % PERIOD
        for other in (frame + direction * (beyond - back) for back in (0, PERIOD, 2 * PERIOD)):
            if other != target.index and target.sources.is_static(other):
                lender[source == frame] = other
                break
    found[ys, xs] = lender
    return found


def _swap_tile(fill: FillBuffer, target: Target, grain: GrainModel, *, lenders: NDArray[np.int32], tile: Box) -> None:
    around = tile.grown(MARGIN, MARGIN).clipped(lenders.shape)
    wide, inner, lender = around.slices, tile.relative_to(around).slices, lenders[tile.slices]
    copied = _is_copied(fill, wide)
    values = to_log(np.where(copied[..., None], fill.fill[wide], 0))
    # The fill has as much of the grain as was kept, the other frame all of it.
    power = grain.at(channel_mean(values)).sum(-1) * (1 + fill.grain_kept[wide])
    for frame in distinct_frames(lender.reshape(-1)):
        plate = target.sources.source(frame)
        other = plate.picture.log_region(around)
        relit, same = _compare(values, other, copied & ~plate.blocked[wide], power=power)
        taken = same[inner] & (lender == frame)
        ys, xs = np.stack(np.nonzero(taken)) + np.array([[tile.top], [tile.left]])
        fill.fill[ys, xs], fill.source[ys, xs] = from_log(relit[inner][taken]), frame
        fill.position[ys, xs] = np.stack([xs, ys], -1)
        for plane in (fill.share, fill.grain_kept, fill.grain_fine, fill.grain_coarse):
            plane[ys, xs] = 1
        fill.repeated[ys, xs] = False


def _is_copied(fill: FillBuffer, window: tuple[slice, ...] = ()) -> Mask:
    """(h, w) which pixels of a window, by default all, were copied from plates alone."""
    return (fill.source[window] >= 0) & (fill.unseen[window] <= MAX_UNSEEN)


def _compare(values: Array, other: Array, shown: Mask, *, power: Array) -> tuple[Array, Mask]:
    """Another frame in the light of `values`, and (h, w) where the two differ by no more than grain.

    Args:
        values, other: (h, w, 3) log range.
        shown: (h, w) bool, which pixels both show.
        power: (h, w) the variance of both frames' grain together, summed over the channels.
    """
    weight = shown.astype(np.float32)
    difference = np.where(shown[..., None], other - values, 0).astype(np.float32)
    light = masked_gaussian(difference, shown, LIGHT_BLUR)
    rest = ((difference - light) ** 2).sum(-1) * weight
    size = (WINDOW, WINDOW)
    found, expected, known = (cv2.blur(plane, size) for plane in (rest, power * weight, weight))
    return other - light, shown & (known > MIN_SHOWN) & (found <= MAX_POWER_RATIO * expected)
