"""Finish: what was decided for a target, carried out on its plate, grained and composited."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial

from aan_engine.core.types import Array
from aan_engine.grain.estimate import Again, Grain
from aan_engine.motion.shot_motion import Survey
from aan_engine.plates.plate import Plate
from aan_engine.plates.plate_cache import Shelf
from aan_engine.plates.shot_frames import Masks, Roles
from aan_engine.plates.source_plate import Source
from aan_engine.rendering import regrain, warp
from aan_engine.rendering.defocus import Focus
from aan_engine.rendering.fill_buffer import Carried
from aan_engine.rendering.filled_frame import Filled, composed
from aan_engine.rendering.second_sample import SecondLook
from aan_engine.rendering.static_camera import Renewal
from aan_engine.rendering.tile_cache import Looks
from aan_engine.selection.plan import Decision
from aan_engine.shot import Shot


@dataclass(frozen=True, eq=False)
class Unfinished:
    """A target between its two hands: its plate, its grain if that is wanted, and what was carried into its hole."""

    decision: Decision | None
    plate: Plate
    masks: Masks
    carried: Carried
    grain: Grain | None = None


class Finisher:
    """Finishes the targets of one shot, in order, with two hands: one carries, the other gives grain and composites.

    Args:
        read: the targets' plates and masks, in order, those to be skipped left out.
        skip: indices of targets that are decided on, but not filled.
    """

    def __init__(
        self,
        shot: Shot,
        roles: Roles,
        *,
        shelf: Shelf,
        survey: Survey,
        read: Iterator[tuple[Plate, Masks]],
        skip: Collection[int],
    ) -> None:
        self._shot, self._roles, self._shelf, self._survey = shot, roles, shelf, survey
        self._read, self._skip = read, skip
        self._latest, self._looks = regrain.NOTHING, Looks()

    def carry(self, index: int, decision: Decision | None) -> Unfinished | Decision | None:
        """The target with its hole filled as decided; the decision alone where it is skipped."""
        if index in self._skip:
            return decision
        plate, masks = next(self._read)
        if index in self._roles.painted:
            over = warp.laid_over(self._shelf.source(index), masks.hidden, index=index)
            return Unfinished(None, plate, masks, over)
        if decision is None or not masks.hidden.any():
            return Unfinished(None, plate, masks, Carried.blank(plate.shape))
        grain = self._grain(index, plate, masks) if self._shot.controls.grain else None
        own, size = Source(plate, masks), self._survey.reel.size
        source = lru_cache(maxsize=None)(self._shelf.source)
        focus = None
        if self._shot.controls.light != "off":
            focus = Focus(decision, own, source, warp.scaling(plate.shape, size), grain)
        carried = warp.carry(
            decision,
            masks.hidden,
            size=size,
            source=source,
            target=own,
            grain=grain.size if grain else (0.0, 0.0),
            focus=focus,
            looks=self._looks,
        )
        return Unfinished(decision, plate, masks, carried, grain)

    def dress(self, index: int, found: Unfinished | Decision | None) -> Filled | None:
        """The finished frame; None where it is skipped."""
        decision = found.decision if isinstance(found, Unfinished) else found
        before, self._latest = self._latest, regrain.Copied.of(decision, size=self._survey.reel.size)
        if not isinstance(found, Unfinished):
            return None
        plate, masks, carried = found.plate, found.masks, found.carried
        if found.grain is not None:
            still = masks.hidden & (carried.source >= 0)
            if before is not regrain.NOTHING:  # else the next target will take the same
                still = regrain.standing(carried, hidden=masks.hidden, index=index, before=before)
            seed = (self._shot.controls.seed, plate.frame)
            coarseness = 1 / float(warp.scaling(plate.shape, self._survey.reel.size).max())
            source, shift = lru_cache(maxsize=None)(self._shelf.source), lru_cache(self._shift)
            renewal = Renewal(index, source, partial(self._stands, index))
            still = renewal.renew(carried, still=still, grain=found.grain)
            again = SecondLook(index, carried, source, shift, self._roles.count, coarseness, still)
            carried = regrain.regrained(
                carried, plate, hidden=masks.hidden, still=still, grain=found.grain, seed=seed, again=again
            )
        trust = self._survey.bearings.trusted(index)
        return composed(self._shot, plate, masks, carried, numbers=self._roles.numbers, trust=trust)

    def _grain(self, index: int, plate: Plate, masks: Masks) -> Grain | None:
        neighbour = partial(self._neighbour, index)
        return regrain.grain_around(plate, hidden=masks.hidden, blocked=masks.blocked, neighbour=neighbour)

    def _neighbour(self, index: int, window: regrain.Window) -> Again | None:
        """How the next frame of the same place, or else the one before, shows a window of the plate."""
        for to in (index + 1, index - 1):
            shift = self._shift(index, to) if 0 <= to < self._survey.reel.count else None
            if shift is not None:
                return regrain.over_neighbour(self._shelf.source(to), shift, window)
        return None

    def _stands(self, index: int, frame: int) -> bool:
        """Whether a frame shows what the target does on the same pixels, and may lend it; what was painted stays."""
        lends = self._survey.cast.serves(frame) and frame not in self._roles.painted
        return lends and self._survey.bearings.stood(index, frame)

    def _shift(self, index: int, to: int) -> Array | None:
        motion = self._survey.motion(index, to)
        return None if motion is None else motion.shift
