"""A second sample of copied pixels: the same point of the scene on another frame, with independent grain.

What target after target is copied from one frame would show that frame's grain standing still along the motion. Where
structure is fine no filter separates the two; a second frame does, as only structure is the same on both. The second
frame is a neighbour of the first, so one of the two indices is even. Where some grain must stay, even targets keep the
even frame's and odd targets the odd frame's: no target has the grain of the target beside it.

Constants that do not say how they were found were not measured separately.

Convention: plate and proxy positions as in `core.proxy_scale`.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from aan_engine.core.box import Box
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array, Mask
from aan_engine.grain import denoise
from aan_engine.plates.source_plate import sample_plate
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.target import Target

MIN_SHARE = 0.3
"""A source frame with a smaller share of a mixture leaves too little of its grain there."""

MIN_SUPPLY = 0.02
"""A frame that supplies less than this of the repeated pixels is not worth opening two more plates for."""

MAX_COARSENESS = 3.0
"""Plate pixels to a proxy pixel up to which motion found on proxies is exact enough to tell grain from structure."""


@dataclass(frozen=True, eq=False)
class SecondSampler:
    """Second samples for one target's fill, whose `repeated` pixels are known; plates are opened when first needed."""

    fill: FillBuffer
    target: Target

    @property
    def is_exact(self) -> bool:
        """Whether motion is fine enough to tell grain from structure."""
        return self.target.scale.coarseness <= MAX_COARSENESS

    def region(self, box: Box) -> denoise.SecondSample:
        """The second sample of a box of the target."""
        difference, known = self._sampled
        instead = (self.fill.source[box.slices] - self.target.index) % 2 == 1
        return denoise.SecondSample(difference[box.slices], known[box.slices], instead)

    @cached_property
    def _sampled(self) -> tuple[Array, Mask]:
        """(H, W, 3) second sample less first, log range, and (H, W) bool where there is one."""
        # Denoising works on whole blocks: it needs the pixels beside the repeated ones as well.
        block = np.ones((2 * denoise.SIDE - 1, 2 * denoise.SIDE - 1), np.uint8)
        needed = cv2.dilate(self.fill.repeated.astype(np.uint8), block) > 0
        frames, position = self.fill.source, self.fill.position
        difference, known = np.zeros((*frames.shape, 3), np.float32), np.zeros(frames.shape, np.bool_)
        grainy = needed & (frames >= 0) & (frames < self.target.sources.count) & (self.fill.share > MIN_SHARE)
        ys, xs = np.nonzero(grainy)
        for frame, here in group_by_frame(frames[ys, xs]):
            if len(here) < MIN_SUPPLY * len(ys):
                continue
            # First the neighbour away from the target: what has come into view mostly stays in view for a while.
            direction = 1 if frame > self.target.index else -1
            for other in (frame + direction, frame - direction):
                here = here[~known[ys[here], xs[here]]]
                if len(here) and other != self.target.index:
                    at = ys[here], xs[here]
                    difference[at], known[at] = self._difference(frame, other, position[at])
        return difference, known

    def _difference(self, frame: int, other: int, at: Array) -> tuple[Array, Mask]:
        """What a frame's neighbour shows more than the frame at its plate positions (n, 2), and where both are seen."""
        sources = self.target.sources
        displacement = sources.displacement(frame, other) if 0 <= other < sources.count else None
        if displacement is None:
            return np.zeros((len(at), 3), np.float32), np.zeros(len(at), np.bool_)
        first, second = sources.source(frame), sources.source(other)
        height, width = first.picture.shape
        scale = ProxyScale.between((height, width), displacement.shape)
        there = at + sample(displacement, np.asarray(scale.to_proxy(at), np.float32)) / scale.factor
        (one, sound), (two, seen) = sample_plate(first, at), sample_plate(second, np.asarray(there, np.float32))
        both = sound & seen
        return np.where(both[:, None], two - one, 0), both
