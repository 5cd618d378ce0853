"""Finish: what was decided for a target, carried out on its plate, grained and composited."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

from aan_engine.core.types import Array
from aan_engine.grain.estimate import GrainModel, NeighbourSample
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.plates.plate import Plate
from aan_engine.plates.plate_cache import PlateCache
from aan_engine.plates.shot_frames import FrameMasks, ShotFrames
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering import regrain, warp
from aan_engine.rendering.defocus import Defocus
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.filled_frame import FilledFrame, compose
from aan_engine.rendering.second_sample import SecondSampler
from aan_engine.rendering.static_camera import SampleSwap
from aan_engine.rendering.tile_cache import TileCache
from aan_engine.selection.plan import FillPlan
from aan_engine.shot import Shot


@dataclass(frozen=True, eq=False)
class RenderedTarget:
    """A target between its two hands: its plate, its grain if that is wanted, and what was carried into its hole."""

    plan: FillPlan | None
    plate: Plate
    masks: FrameMasks
    carried: FillBuffer
    grain: GrainModel | None = None


class Finisher:
    """Finishes the targets of one shot, in order, with two hands: one carries, the other gives grain and composites.

    Args:
        read: the targets' plates and masks, in order, those to be skipped left out.
        skip: indices of targets that are decided on, but not filled.
    """

    def __init__(
        self,
        shot: Shot,
        shot_frames: ShotFrames,
        *,
        plate_cache: PlateCache,
        shot_motion: ShotMotion,
        read: Iterator[tuple[Plate, FrameMasks]],
        skip: Collection[int],
    ) -> None:
        self._shot, self._shot_frames, self._plate_cache, self._shot_motion = (
            shot,
            shot_frames,
            plate_cache,
            shot_motion,
        )
        self._read, self._skip = read, skip
        self._latest, self._looks = regrain.NOTHING_COPIED, TileCache()

    def render(self, index: int, plan: FillPlan | None) -> RenderedTarget | FillPlan | None:
        """The target with its hole filled as decided; the decision alone where it is skipped."""
        if index in self._skip:
            return plan
        plate, masks = next(self._read)
        if index in self._shot_frames.painted:
            over = warp.from_paint(self._plate_cache.source(index), masks.hidden, index=index)
            return RenderedTarget(None, plate, masks, over)
        if plan is None or not masks.hidden.any():
            return RenderedTarget(None, plate, masks, FillBuffer.blank(plate.shape))
        grain = self._grain(index, plate, masks) if self._shot.controls.grain else None
        own, size = SourcePlate(plate, masks), self._shot_motion.proxies.size
        source = lru_cache(maxsize=None)(self._plate_cache.source)
        focus = None
        if self._shot.controls.light != "off":
            focus = Defocus(plan, own, source, warp.proxy_scale(plate.shape, size), grain)
        buffer = warp.render_fill(
            plan,
            masks.hidden,
            size=size,
            source=source,
            target=own,
            grain=grain.size if grain else (0.0, 0.0),
            focus=focus,
            looks=self._looks,
        )
        return RenderedTarget(plan, plate, masks, buffer, grain)

    def finish(self, index: int, found: RenderedTarget | FillPlan | None) -> FilledFrame | None:
        """The finished frame; None where it is skipped."""
        plan = found.plan if isinstance(found, RenderedTarget) else found
        before, self._latest = self._latest, regrain.CopiedPixels.of(plan, size=self._shot_motion.proxies.size)
        if not isinstance(found, RenderedTarget):
            return None
        plate, masks, buffer = found.plate, found.masks, found.carried
        if found.grain is not None:
            still = masks.hidden & (buffer.source >= 0)
            if before is not regrain.NOTHING_COPIED:  # else the next target will take the same
                still = regrain.repeated_grain(buffer, hidden=masks.hidden, index=index, before=before)
            seed = (self._shot.controls.seed, plate.frame)
            coarseness = 1 / float(warp.proxy_scale(plate.shape, self._shot_motion.proxies.size).max())
            source, shift = lru_cache(maxsize=None)(self._plate_cache.source), lru_cache(self._shift)
            renewal = SampleSwap(index, source, partial(self._stands, index))
            still = renewal.swap_samples(buffer, repeated=still, grain=found.grain)
            again = SecondSampler(index, buffer, source, shift, self._shot_frames.count, coarseness, still)
            buffer = regrain.add_grain(
                buffer, plate, hidden=masks.hidden, repeated=still, grain=found.grain, seed=seed, second=again
            )
        trust = self._shot_motion.registration.reliability(index)
        return compose(self._shot, plate, masks, buffer, numbers=self._shot_frames.numbers, trust=trust)

    def _grain(self, index: int, plate: Plate, masks: FrameMasks) -> GrainModel | None:
        neighbour = partial(self._neighbour, index)
        return regrain.estimate_around(plate, hidden=masks.hidden, blocked=masks.blocked, neighbour=neighbour)

    def _neighbour(self, index: int, window: regrain.Window) -> NeighbourSample | None:
        """How the next frame of the same place, or else the one before, shows a window of the plate."""
        for to in (index + 1, index - 1):
            shift = self._shift(index, to) if 0 <= to < self._shot_motion.proxies.count else None
            if shift is not None:
                return regrain.neighbour_sample(self._plate_cache.source(to), shift, window)
        return None

    def _stands(self, index: int, frame: int) -> bool:
        """Whether a frame shows what the target does on the same pixels, and may lend it; what was painted stays."""
        lends = self._shot_motion.policy.serves(frame) and frame not in self._shot_frames.painted
        return lends and self._shot_motion.registration.is_static(index, frame)

    def _shift(self, index: int, to: int) -> Array | None:
        motion = self._shot_motion.motion(index, to)
        return None if motion is None else motion.displacement
