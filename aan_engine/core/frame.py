"""The frames of a job: where each is counted, how it is named, and when it is."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Frame:
    """One frame of a job: a plate of the shot, or a clean plate.

    Args:
        index: its place in everything that is stored per frame: the plates in their order, then the clean plates.
        number: what the layer `source.frame` and messages call it: a plate's frame number on the host's timeline, and
            for a clean plate a negative number that no plate has.
        time: its place among the plates, from 0; two plates whose times differ by 1 are neighbours. None for a clean
            plate: it has no neighbours, no motion leads to it, and it stays as far away whatever the target is.
    """

    index: int
    number: int
    time: int | None
