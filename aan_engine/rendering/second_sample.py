"""The second look: what a fill was copied from, as another frame shows it, with grain of its own.

What target after target is copied from one frame stands still with that frame's grain. Where structure is fine no
coring tells the two apart; a second frame does. Of the two frames, neighbours, one has an even number: where some grain
must stay, on even targets it is that one's, on odd targets the other's, and no target has its neighbour's.

Convention: plate and proxy positions as in `proxy`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from aan_engine.core.grouping import group_by_frame
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array, Mask
from aan_engine.grain import denoise
from aan_engine.plates.source_plate import SourcePlate, sample_plate
from aan_engine.rendering.fill_buffer import FillBuffer

LEADING = 0.3
"""A source with a smaller share of a mixture leaves too little of its grain there to be looked at."""

LITTLE = 0.02
"""A frame that supplies less than this of what is asked for is not worth opening two more plates for."""

FINEST = 3.0
"""Plate pixels to a proxy pixel up to which motion found on proxies tells where a plate's grain lies."""

Shift = Callable[[int, int], "Array | None"]
"""Neighbouring frames -> displacement (h, w, 2) from the first to the second on the proxy; None across a cut."""


@dataclass(frozen=True, eq=False)
class SecondSampler:
    """At what was carried into one target's hole.

    Args:
        index: the target.
        source: frame index -> its plate.
        count: frames of the shot.
        coarseness: plate pixels to a proxy pixel.
        still: (H, W) bool, the copies whose grain must not stay.
    """

    index: int
    carried: FillBuffer
    source: Callable[[int], SourcePlate]
    displacement: Shift
    count: int
    coarseness: float
    repeated: Mask

    @property
    def worth_it(self) -> bool:
        """Whether a second look is fine enough to tell grain from structure."""
        return self.coarseness <= FINEST

    def within(self, rows: slice, columns: slice) -> denoise.SecondSample:
        """What it shows in a window of the target."""
        found, known = self._everywhere
        others = (self.carried.source[rows, columns] - self.index) % 2 == 1
        return denoise.SecondSample(found[rows, columns], known[rows, columns], others)

    @cached_property
    def _everywhere(self) -> tuple[Array, Mask]:
        # Coring looks at whole blocks.
        block = np.ones((2 * denoise.SIDE - 1, 2 * denoise.SIDE - 1), np.uint8)
        wanted = cv2.dilate(self.repeated.astype(np.uint8), block) > 0
        frames, position = self.carried.source, self.carried.position
        found, known = np.zeros((*frames.shape, 3), np.float32), np.zeros(frames.shape, np.bool_)
        grainy = wanted & (frames >= 0) & (frames < self.count) & (self.carried.share > LEADING)
        ys, xs = np.nonzero(grainy)
        for frame, here in group_by_frame(frames[ys, xs]):
            if len(here) < LITTLE * len(ys):
                continue
            # What has come into view stays in view for a while: first on the side away from the target.
            away = 1 if frame > self.index else -1
            for other in (frame + away, frame - away):
                here = here[~known[ys[here], xs[here]]]
                if len(here) and other != self.index:
                    at = ys[here], xs[here]
                    found[at], known[at] = self._looked(frame, other, position[at])
        return found, known

    def _looked(self, frame: int, other: int, at: Array) -> tuple[Array, Mask]:
        shift = self.displacement(frame, other) if 0 <= other < self.count else None
        if shift is None:
            return np.zeros((len(at), 3), np.float32), np.zeros(len(at), np.bool_)
        first, second = self.source(frame), self.source(other)
        height, width = first.picture.shape
        scale = np.array([shift.shape[1] / width, shift.shape[0] / height], np.float32)
        there = at + sample(shift, np.asarray((at + 0.5) * scale - 0.5, np.float32)) / scale
        (one, sound), (two, seen) = sample_plate(first, at), sample_plate(second, np.asarray(there, np.float32))
        both = sound & seen
        return np.where(both[:, None], two - one, 0), both
