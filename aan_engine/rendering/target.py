"""One target as the stages of rendering see it, and what they may ask of the shot's other frames.

A stage takes the fill so far and the target, and returns the fill. It changes nothing else: a target is frozen.

Convention: frames are indices; those from `Sources.count` on are clean plates. Plate and proxy positions as in
`core.proxy_scale`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Protocol

import cv2
import numpy as np

from aan_engine.core.grouping import group_by_frame
from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.core.types import Array, Mask
from aan_engine.grain.estimate import GrainModel
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.tile_cache import TileCache
from aan_engine.selection.plan import FillPlan

MIN_SHARE = 0.1
"""Weight from which on a candidate leaves visible grain in a fill; not measured separately."""


class Sources(Protocol):
    """The shot's other frames, as one target uses them."""

    @property
    def count(self) -> int:
        """Frames of the shot, clean plates not counted."""
        ...

    def source(self, frame: int) -> SourcePlate:
        """A frame's plate, to copy from."""
        ...

    def displacement(self, frame: int, to: int) -> Array | None:
        """(h, w, 2) on the proxy, from a frame to its neighbour; None across a cut."""
        ...

    def is_static(self, frame: int) -> bool:
        """Whether a frame may be copied from and the camera has not moved between it and the target."""
        ...


@dataclass(frozen=True, eq=False)
class CopiedPixels:
    """Which pixels of which frames a target's fill was copied from.

    Args:
        masks: source frame -> (h, w) bool on its proxy.
    """

    masks: dict[int, Mask]

    @classmethod
    def of(cls, plan: FillPlan | None, *, size: tuple[int, int]) -> CopiedPixels:
        """The pixels that a plan copies from, on proxies of `size` (h, w); none without a plan."""
        if plan is None:
            return NOTHING_COPIED
        found: dict[int, Mask] = {}
        for candidate, share in zip(plan.candidates, plan.weights, strict=True):
            copied = candidate.valid & (share > MIN_SHARE) & plan.hole.hidden
            cells = np.rint(candidate.position[copied]).astype(int)
            for frame, here in group_by_frame(candidate.frame[copied]):
                x, y = cells[here].T
                marked = found.setdefault(frame, np.zeros(size, bool))
                marked[np.clip(y, 0, size[0] - 1), np.clip(x, 0, size[1] - 1)] = True
        # Neighbouring hidden pixels may land two pixels apart: the gaps between them were copied from as well.
        closed = {f: cv2.dilate(m.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for f, m in found.items()}
        return cls(closed)


NOTHING_COPIED = CopiedPixels({})
"""Before the first target, and before one that follows a frame without a hole."""


@dataclass(frozen=True, eq=False)
class Target:
    """One target with a hole and a plan for it: what every stage is given beside the fill.

    Args:
        index: its frame.
        own: its own plate; blocked where it is hidden or unusable.
        hidden: (H, W) bool, the hole at full resolution.
        plan: which candidates fill the hole, decided on the proxy.
        scale: between plates and proxies.
        sources: the shot's other frames.
        grain: the plate's grain; None where it has none, or none is asked for: the grain stages then do nothing.
        match_defocus: whether copies are softened to the target's own defocus.
        previous: what the previous target's fill was copied from.
        tiles: tiles of softened plates for edge alignment, shared by the targets of a shot.
        seed: the artist's, and the number of the frame on the timeline; fresh grain is drawn from both.
    """

    index: int
    own: SourcePlate
    hidden: Mask
    plan: FillPlan
    scale: ProxyScale
    sources: Sources
    grain: GrainModel | None = None
    match_defocus: bool = True
    previous: CopiedPixels = NOTHING_COPIED
    tiles: TileCache = field(default_factory=TileCache)
    seed: tuple[int, int] = (0, 0)

    @property
    def grain_size(self) -> tuple[float, float]:
        """The grain's Gaussian along x and y, see `GrainModel.size`; that of white noise where there is no grain."""
        return self.grain.size if self.grain else (0.0, 0.0)


class Stage(Protocol):
    """One step of rendering."""

    def __call__(self, fill: FillBuffer, target: Target, /) -> FillBuffer:
        """The fill after this stage. It may write into the buffer that it is given and return it."""
        ...
