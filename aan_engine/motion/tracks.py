"""Traces: hidden pixels followed from frame to frame until they come into view.

Coordinates travel, never colours: a trace ends as one position on one plate, which is sampled once.

Convention: positions are (x, y) on the proxy of the frame they belong to, pixel centres at integers.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from aan_engine.core.sampling import inside, sample
from aan_engine.core.types import Array, Mask


@dataclass(frozen=True, eq=False)
class Tracks:
    """Where each of n followed pixels was seen first, in one direction of time.

    Args:
        frame: (n,) int32, the index of the frame where it came into view, -1 where it never did.
        position: (n, 2) float32, where in that frame.
        steps: (n,) int32, how many frames away that is.
    """

    frame: NDArray[np.int32]
    position: Array
    steps: NDArray[np.int32]


def track_until_visible(
    points: Array,
    *,
    start: int,
    direction: int,
    reach: int,
    frames: int,
    displacement: Callable[[int, int], Array],
    visible: Callable[[int], Array],
    nearest_hidden: NDArray[np.intp] | None = None,
) -> Tracks:
    """Follow `points` (n, 2) of frame `start` in steps of `direction` (+1 or -1) through the hole.

    Args:
        reach: how many frames to go at most.
        frames: length of the shot.
        shift: (from, to) -> displacement (h, w, 2) between neighbours, see `Motion.shift`.
        visible: frame -> (h, w) float32, 1 where a pixel and its neighbours are visible.
        leader: (n,) for each point the index of the point whose end of journey it shares; used for the visible
            rim around a hole, which is to be compared where the hole's own pixels end.
    """
    n = len(points)
    found = _nowhere(n)
    # Those still under way: who they are, whom they follow, whether they lead themselves, and where they have got to.
    live = np.arange(n)
    lead = live if nearest_hidden is None else nearest_hidden
    led, here = lead == live, points.astype(np.float32, copy=True)
    arrived = np.zeros(n, bool)
    at = start
    for step in range(1, reach + 1):
        to = at + direction
        if not 0 <= to < frames or not led.any():
            break
        field = displacement(at, to)
        here += sample(field, here)
        at = to
        on = inside(here, field.shape)
        if not on.all():
            live, lead, led, here = _those(on, live, lead, led, here)
        in_view = sample(visible(to), here) > 0.999
        leading = in_view & led
        if not leading.any():
            continue
        arrived[live[leading]] = True
        followed = arrived[lead]
        there, place = _those(in_view & followed, live, here)
        found.frame[there], found.steps[there], found.position[there] = to, step, place
        # Whoever was not in view where the leader ended its journey has none.
        live, lead, led, here = _those(~followed, live, lead, led, here)
    return found


def _those(on: Mask, *lists: NDArray[Any]) -> Iterator[NDArray[Any]]:
    """Of each list its rows where `on` (n,) is True; taken by number, which for rows of two is ten times as fast."""
    which = np.flatnonzero(on)
    return (values.take(which, 0) for values in lists)


def _nowhere(n: int) -> Tracks:
    return Tracks(np.full(n, -1, np.int32), np.zeros((n, 2), np.float32), np.zeros(n, np.int32))
