"""The grain of a target's own plate, estimated around its hole and against a neighbouring frame."""

from __future__ import annotations

import cv2
import numpy as np

from aan_engine.core.box import Box
from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array, Mask
from aan_engine.grain.estimate import GrainModel, NeighbourSample, estimate_grain
from aan_engine.grain.model import resampling_gain
from aan_engine.plates.source_plate import SourcePlate, sample_plate
from aan_engine.rendering.target import Sources

MARGIN = 96
"""Pixels around the hole whose grain is estimated; not measured separately."""

MIN_FINE = 0.8
"""Share of the finest differences that resampling must leave for a pixel to count as a copy of whole pixels."""

WINDOW, MIN_WHOLE = 13, 0.02
"""Pixels that the estimate's filters and blocks need around one; and the share of the box that must be copies of whole
pixels with such windows. With fewer all pixels are compared. Not measured separately."""


def estimate_around(own: SourcePlate, *, index: int, hidden: Mask, sources: Sources) -> GrainModel | None:
    """The grain of a plate around its hole; of the whole plate where too little is visible there.

    Args:
        own: the plate of frame `index`; its neighbours in time are the `sources`' at `index` + 1 or else - 1.
        hidden: (H, W) bool, the hole.

    Returns:
        None without a hole, and where `estimate_grain` finds none.
    """
    blocked = own.blocked
    near = Box.around_mask(hidden, margin=MARGIN)
    if near is None:
        return None
    enough = (~blocked[near.slices]).sum() >= MARGIN * MARGIN
    box = near if enough else Box.whole(blocked.shape)
    return estimate_grain(own.picture.region(box), ~blocked[box.slices], _neighbour(index, box, sources))


def _neighbour(index: int, box: Box, sources: Sources) -> NeighbourSample | None:
    """How the next frame, or else the one before, shows a box of the plate; None where both are across a cut."""
    for to in (index + 1, index - 1):
        displacement = sources.displacement(index, to) if 0 <= to < sources.count else None
        if displacement is not None:
            return neighbour_sample(sources.source(to), displacement, box)
    return None


def neighbour_sample(source: SourcePlate, displacement: Array, box: Box) -> NeighbourSample:
    """How a neighbouring frame shows a box of the plate.

    Args:
        source: the neighbour.
        displacement: (h, w, 2) to it on the proxy, see `MotionField.displacement`.

    Convention: plate and proxy positions as in `core.proxy_scale`.
    """
    scale = ProxyScale.between(source.picture.shape, displacement.shape)
    y, x = np.mgrid[box.slices].astype(np.float32)
    points = np.stack([x, y], -1)
    on_proxy = np.asarray(scale.to_proxy(points), np.float32)
    positions = np.asarray(points + sample(displacement, on_proxy) / scale.factor, np.float32)
    values, sound = sample_plate(source, positions.reshape(-1, 2))
    size = box.shape
    fine = resampling_gain(positions.reshape(-1, 2), (0.5, 0.5))[:, 1]
    # Between pixels resampling also takes the finest structure, and what it took would pass for noise.
    whole = (sound & (fine > MIN_FINE)).reshape(size)
    windows = cv2.erode(whole.astype(np.uint8), np.ones((WINDOW, WINDOW), np.uint8))
    used = whole if windows.mean() > MIN_WHOLE else sound.reshape(size)
    left = float(fine.reshape(size)[used].mean()) if used.any() else 1.0
    return NeighbourSample(values.reshape(*size, 3), used, left)
