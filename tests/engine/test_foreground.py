"""Movers: what moves before the camera goes on moving where a hole hides it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.harmonic import harmonic_fill
from aan_engine.motion.foreground import extend_foreground

Array = NDArray[np.float32]
SIZE = (120, 200)
BOARD = np.s_[30:90, 40:140]
HOLE = np.s_[40:80, 110:170]
SHARED = np.s_[40:80, 110:140]
"""The part of the board that the hole hides; the rest of the hole lies over the background, which stands still."""


def turning() -> Array:
    """A board that shifts by 4 pixels, turns and grows a little."""
    y, x = np.mgrid[: SIZE[0], : SIZE[1]].astype(np.float32)
    way = np.stack([4 + 0.01 * (x - 90) - 0.03 * (y - 60), 0.03 * (x - 90) + 0.01 * (y - 60)], -1)
    residual = np.zeros((*SIZE, 2), np.float32)
    residual[BOARD] = way[BOARD]
    return residual


def hidden(residual: Array) -> tuple[Array, Array, Array]:
    """The residual without what the hole hides, what is measured, and the smooth continuation into the hole."""
    sure = np.ones(SIZE, np.float32)
    sure[HOLE] = 0
    known = residual * sure[..., None]
    return known, sure, harmonic_fill(known, sure)


def test_what_is_hidden_beside_an_actor_shifts_and_turns_as_the_actor_does() -> None:
    truth = turning()
    known, sure, around = hidden(truth)
    found = extend_foreground(around, known, certain=sure)
    smooth, own = (np.hypot(*np.moveaxis(m - truth, -1, 0))[SHARED].mean() for m in (around, found))
    assert own < 0.5
    assert own < smooth / 3


def test_what_was_measured_stays_as_it_was_measured() -> None:
    known, sure, around = hidden(turning())
    found = extend_foreground(around, known, certain=sure)
    np.testing.assert_array_equal(found[sure > 0], around[sure > 0])


def test_where_nothing_moves_nobody_is_led() -> None:
    known, sure, around = hidden(np.full((*SIZE, 2), 0.4, np.float32))
    np.testing.assert_array_equal(extend_foreground(around, known, certain=sure), around)


def test_far_from_every_actor_a_hole_stays_with_its_own_surroundings() -> None:
    residual = turning()
    sure = np.ones(SIZE, np.float32)
    sure[95:115, 165:195] = 0
    around = harmonic_fill(residual * sure[..., None], sure)
    np.testing.assert_array_equal(extend_foreground(around, residual * sure[..., None], certain=sure), around)
