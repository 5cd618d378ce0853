"""Carrying: a source map of one frame taken to another by the camera's motion, both ends of every coordinate.

A surface that no frame shows is filled once. In the other frames each of its pixels is copied from where the same point
of the scene lies on *their own* plate: so the copy has that frame's grain, light and blur, and stands still in the
scene. Where that point is hidden there, or something passes in front of it, the plate it was first found on supplies
it.

Convention: positions are (x, y) on the proxies, pixel centres at integers.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from aan_engine.attention.source_map import SourceMap
from aan_engine.colour.log_encoding import channel_mean
from aan_engine.core.filters import masked_gaussian
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.homography import Homography
from aan_engine.core.sampling import all_taps_on, inside
from aan_engine.core.types import Array, Mask
from aan_engine.motion.shot_motion import ShotMotion, pixel_pairs

IN_FRONT = 0.15
"""Log-range difference between two frames' views of a source, less what the whole frames differ by, from which on they
show different things."""

COMPARED = 3.0
"""Standard deviation, in proxy pixels, of the Gaussian under which they are compared."""


def homography_between(shot_motion: ShotMotion, target: int, reference: int) -> Homography | None:
    """The homography target -> reference: direct where the two can be registered, else chained; None across a cut."""
    if target == reference:
        return Homography.identity()
    if not shot_motion.proxies.has_time(reference):
        return None
    found = shot_motion.registration.direct(target, reference)
    return shot_motion.registration.chained(target, reference) if found is None else found.homography


def carried(
    shot_motion: ShotMotion, key: SourceMap, *, to: int, wanted: Mask, usable: Callable[[int], Mask]
) -> SourceMap:
    """The part of a key frame's map that frame `to` shows at `wanted` (h, w).

    Args:
        usable: frame -> (h, w) bool, what may be copied from it.
    """
    size = shot_motion.proxies.size
    there = homography_between(shot_motion, to, key.index)
    result = SourceMap.empty(to, size)
    if there is None:
        return result
    ys, xs = np.nonzero(wanted)
    on_key = there.apply(np.stack([xs, ys], -1).astype(np.float32))
    nearest = np.rint(on_key)
    column, row = np.clip(nearest, 0, (size[1] - 1, size[0] - 1)).astype(np.intp).T
    result.frame[ys, xs] = np.where(inside(nearest, size), key.frame[row, column], -1)
    result.position[ys, xs] = key.position[row, column] + (on_key - nearest)
    result.cost[ys, xs] = key.cost[row, column]
    motions = {key.index: there.inverse()}
    own = _on_own_plate(shot_motion, result, motions, usable=usable(to).astype(np.float32))
    return result.joined(own, own.filled & ~_in_front(shot_motion, result, own))


def _on_own_plate(
    shot_motion: ShotMotion, found: SourceMap, motions: dict[int, Homography], *, usable: Array
) -> SourceMap:
    """The same points of the scene on the frame's own plate, where it shows them.

    Args:
        motions: source frame -> the homography from there to the frame, where it is known already.
    """
    own = SourceMap.empty(found.index, found.frame.shape)
    ys, xs = np.nonzero(found.filled)
    for number, here in group_by_frame(found.frame[ys, xs]):
        motion = motions.get(number) or _from_source(shot_motion, number, to=found.index)
        if number == found.index or motion is None:
            continue
        y, x = ys[here], xs[here]
        moved = motion.apply(found.position[y, x])
        seen = all_taps_on(usable, moved)
        y, x = y[seen], x[seen]
        own.frame[y, x], own.position[y, x], own.cost[y, x] = found.index, moved[seen], found.cost[y, x]
    return own


def _from_source(shot_motion: ShotMotion, source: int, *, to: int) -> Homography | None:
    """The homography source -> frame `to`, by the chain; None across a cut. None starts at a clean plate."""
    if shot_motion.proxies.has_time(source):
        return shot_motion.registration.chained(source, to)
    back = shot_motion.registration.chained(to, source)
    return None if back is None else back.inverse()


def _in_front(shot_motion: ShotMotion, found: SourceMap, own: SourceMap) -> Mask:
    """(h, w) bool, where a source looks so different on the frame's own plate that something must be in front of it."""
    both = own.filled
    if not both.any():
        return both
    images = shot_motion.images
    difference = own.colours(images) - found.without(~both).colours(images)
    ys, xs = np.nonzero(both)
    for number, here in group_by_frame(found.frame[ys, xs]):
        pairs = pixel_pairs(shot_motion, own.index, number)
        if pairs is not None and len(pairs.target):
            # Light that changed from one frame to the other changed the whole frame; what is in front may well cover
            # most of the sources.
            difference[ys[here], xs[here]] -= np.median(pairs.target - pairs.source, 0)
    return np.asarray(masked_gaussian(channel_mean(np.abs(difference)), both, COMPARED) > IN_FRONT)
