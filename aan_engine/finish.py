"""Finish: what was decided for a target, carried out on its plate, grained and composited."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from functools import partial

from aan_engine import regrain, transport
from aan_engine.decision import Decision
from aan_engine.filled import Filled, composed
from aan_engine.grain import Again, Grain
from aan_engine.motion import Array
from aan_engine.plate import Plate
from aan_engine.roles import Masks, Roles
from aan_engine.shelf import Shelf
from aan_engine.shot import Shot
from aan_engine.source import Source
from aan_engine.survey import Survey
from aan_engine.transport import Carried


class Finisher:
    """Finishes the targets of one shot, in order; remembers what the one before was copied from.

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
        self._latest = regrain.NOTHING

    def finish(self, index: int, decision: Decision | None) -> Filled | None:
        """The target with its hole filled as decided; None where it is skipped."""
        before, self._latest = self._latest, regrain.Copied.of(decision, size=self._survey.reel.size)
        if index in self._skip:
            return None
        plate, masks = next(self._read)
        carried = Carried.blank(plate.shape)
        if index in self._roles.painted:
            carried = transport.laid_over(self._shelf.source(index), masks.hidden, index=index)
        elif masks.hidden.any():
            assert decision is not None  # what is hidden on the plate is hidden on its proxy
            carried = self._carried(decision, plate, masks, before=before)
        trust = self._survey.trusted(index)
        return composed(self._shot, plate, masks, carried, numbers=self._roles.numbers, trust=trust)

    def _carried(self, decision: Decision, plate: Plate, masks: Masks, *, before: regrain.Copied) -> Carried:
        """A decision carried out, with the plate's grain if that is wanted; `before`: what the previous one copied."""
        grain = self._grain(decision.near.index, plate.pixels, masks) if self._shot.controls.grain else None
        found = transport.carry(
            decision,
            masks.hidden,
            size=self._survey.reel.size,
            source=self._shelf.source,
            target=Source(plate, masks),
            grain=grain.size if grain else (0.0, 0.0),
        )
        still = regrain.standing(found, index=decision.near.index, before=before)
        seed = (self._shot.controls.seed, plate.frame)
        return regrain.regrained(found, plate.pixels, hidden=masks.hidden, still=still, grain=grain, seed=seed)

    def _grain(self, index: int, pixels: Array, masks: Masks) -> Grain | None:
        neighbour = partial(self._neighbour, index)
        return regrain.grain_around(pixels, hidden=masks.hidden, blocked=masks.blocked, neighbour=neighbour)

    def _neighbour(self, index: int, window: regrain.Window) -> Again | None:
        """How the next frame of the same place, or else the one before, shows a window of the plate."""
        for to in (index + 1, index - 1):
            motion = self._survey.motion(index, to) if 0 <= to < self._survey.reel.count else None
            if motion is not None:
                return regrain.over_neighbour(self._shelf.source(to), motion.shift, window)
        return None
