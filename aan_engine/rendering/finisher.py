"""The finisher: a plan carried out on its plate, stage by stage, and composited.

The stages, in order (`STAGES`); each takes the fill and the target and returns the fill, see `target.Stage`:

    warp               copies plate pixels into the hole as planned; positions and blur are decided before they are
                       sampled, by `edge_alignment` and `defocus`
    mark_repeated      finds the copies whose grain would stand still from target to target
    swap_static        before a static camera takes pixels from another frame, so that their grain no longer does
    denoise_repeated   estimates what is still repeated without its grain
    copy_texture       copies texture to where no frame shows what is hidden; touches nothing else
    add_grain          adds the grain that pixels lack, fresh on every frame

After them `fill_layers` fills what else of the plate the artist names, from where the pixels were copied.
Beside the stages, `matte_residue` measures how far the object reaches beyond its matte; it changes no pixel.

A stage needs what the ones before it have found, and each but the first may be left out: the others then do with what
there is. Without grain (there is none, or none is asked for) only `warp` and `copy_texture` do anything.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass

from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.motion.shot_motion import ShotMotion
from aan_engine.plates.plate import Plate
from aan_engine.plates.plate_cache import PlateCache
from aan_engine.plates.shot_frames import FrameMasks, ShotFrames
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.fill_layers import LayerFiller
from aan_engine.rendering.filled_frame import FilledFrame, compose
from aan_engine.rendering.matte_residue import reach_beyond_matte
from aan_engine.rendering.plate_grain import estimate_around
from aan_engine.rendering.regrain import add_grain, denoise_repeated, mark_repeated
from aan_engine.rendering.sources import ShotSources
from aan_engine.rendering.static_camera import swap_static
from aan_engine.rendering.target import NOTHING_COPIED, CopiedPixels, Stage, Target
from aan_engine.rendering.texture import copy_texture
from aan_engine.rendering.tile_cache import TileCache
from aan_engine.rendering.warp import Warp, from_paint
from aan_engine.selection.plan import FillPlan
from aan_engine.shot import Shot

STAGES: tuple[Stage, ...] = (Warp(), mark_repeated, swap_static, denoise_repeated, copy_texture, add_grain)
"""What `pipeline.fill` runs. For an ablation hand it a shorter list, or one with another `Warp`."""

IN_RENDER = 1
"""Stages that run in `Finisher.render`; the others in `finish`, beside the next target's: about half the work each."""


@dataclass(frozen=True, eq=False)
class RenderedTarget:
    """A target between `render` and `finish`.

    Args:
        fill: what its hole was filled with so far.
        target: for the stages that are left; None where nothing was planned: without a hole, or painted by the artist.
        residue: see `FilledFrame`.
    """

    plate: Plate
    masks: FrameMasks
    fill: FillBuffer
    target: Target | None = None
    residue: float = 0.0


class Finisher:
    """Finishes the targets of one shot, in order. `render` and `finish` may each have a thread.

    Args:
        read: the plates and masks of the targets that are not skipped, in order.
        skip: indices of targets that are planned, but not filled.
        is_key: whether a target, by index, is a key frame.
        stages: see `STAGES`.
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
        is_key: Callable[[int], bool] = lambda index: False,
        stages: Sequence[Stage] = STAGES,
    ) -> None:
        self._shot, self._shot_frames = shot, shot_frames
        self._plate_cache, self._shot_motion = plate_cache, shot_motion
        self._read, self._skip, self._is_key = read, skip, is_key
        self._first, self._rest = stages[:IN_RENDER], stages[IN_RENDER:]
        self._previous, self._tiles = NOTHING_COPIED, TileCache()
        self._layers = LayerFiller(shot.controls.fill_layers, plates=plate_cache.whole)

    def render(self, index: int, plan: FillPlan | None) -> RenderedTarget | None:
        """The target after the first stage; None where it is skipped."""
        previous, self._previous = self._previous, CopiedPixels.of(plan, size=self._shot_motion.proxies.size)
        if index in self._skip:
            return None
        plate, masks = next(self._read)
        if index in self._shot_frames.painted:
            return RenderedTarget(plate, masks, from_paint(self._plate_cache.source(index), masks.hidden, index=index))
        fill = FillBuffer.blank(plate.shape)
        if plan is None or not masks.hidden.any():
            return RenderedTarget(plate, masks, fill)
        sources = self._sources(index)
        target = self._target(plan, plate, masks, sources=sources, previous=previous)
        fill = _run(self._first, fill, target)
        residue = reach_beyond_matte(target)
        sources.clear()
        return RenderedTarget(plate, masks, fill, target, residue)

    def finish(self, index: int, rendered: RenderedTarget | None) -> FilledFrame | None:
        """The finished frame; None where it is skipped."""
        if rendered is None:
            return None
        fill, trust = rendered.fill, None
        if rendered.target is not None:
            fill = _run(self._rest, fill, rendered.target)
            trust = self._shot_motion.registration.reliability(index)
        numbers = self._shot_frames.numbers
        return compose(
            self._shot,
            rendered.plate,
            rendered.masks,
            fill,
            numbers=numbers,
            trust=trust,
            is_key=self._is_key(index),
            residue=rendered.residue,
            extra=self._layers.fill(rendered.plate, rendered.masks, fill),
        )

    def _sources(self, index: int) -> ShotSources:
        painted = self._shot_frames.painted
        return ShotSources(index, plate_cache=self._plate_cache, shot_motion=self._shot_motion, painted=painted)

    def _target(
        self, plan: FillPlan, plate: Plate, masks: FrameMasks, *, sources: ShotSources, previous: CopiedPixels
    ) -> Target:
        controls, index, own = self._shot.controls, plan.hole.index, SourcePlate(plate, masks)
        grain = None
        if controls.grain:
            grain = estimate_around(own, index=index, hidden=masks.hidden, sources=sources)
        return Target(
            index=index,
            own=own,
            hidden=masks.hidden,
            plan=plan,
            scale=ProxyScale.between(plate.shape, self._shot_motion.proxies.size),
            sources=sources,
            grain=grain,
            match_defocus=controls.light != "off",
            previous=previous,
            tiles=self._tiles,
            seed=(controls.seed, plate.frame),
        )


def _run(stages: Iterable[Stage], fill: FillBuffer, target: Target) -> FillBuffer:
    for stage in stages:
        fill = stage(fill, target)
    return fill
