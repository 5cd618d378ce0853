"""The frames of a job: where each is counted, how it is named, and when it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import pairwise

CLEAN_NUMBER = -1000
"""A clean plate of frame n has the number `CLEAN_NUMBER - n`, see `clean_numbers`."""


@dataclass(frozen=True)
class Frame:
    """One frame of a job: a plate of the shot, or a clean plate.

    Args:
        index: its place in everything that is stored per frame: the plates in their order, then the clean plates.
        number: what the layer `source.frame` and messages call it: a plate's frame number on the host's timeline, and
            for a clean plate a number that no plate has, see `clean_numbers`.
        time: its place among the plates, from 0; two plates whose times differ by 1 are neighbours. None for a clean
            plate: it has no neighbours, no motion leads to it, and it stays as far away whatever the target is.
    """

    index: int
    number: int
    time: int | None


def clean_numbers(clean: list[int], *, plates: list[int]) -> list[int]:
    """The numbers of clean plates with these frame numbers, none of which is a plate's, or -1.

    They are `CLEAN_NUMBER` less the frame number, or where that would meet a plate, as far below the lowest one.
    """
    found = [CLEAN_NUMBER - number for number in clean]
    if not {*found} & {*plates, -1}:
        return found
    return [min(*plates, CLEAN_NUMBER) - 1 + min(clean) - number for number in clean]


def spans(numbers: Iterable[int]) -> str:
    """Ascending frame numbers as artists write them: `1001-1004, 1010`, and with an even step `1001-1009x2`."""
    rest, found = list(numbers), []
    while rest:
        step = rest[1] - rest[0] if len(rest) > 1 else 1
        length = 1 + next((i for i, (a, b) in enumerate(pairwise(rest)) if b - a != step), len(rest) - 1)
        if step > 1 and length < 3:
            length = 1  # two numbers are no step
        run, rest = rest[:length], rest[length:]
        found.append(f"{run[0]}" if length == 1 else f"{run[0]}-{run[-1]}" + (f"x{step}" if step > 1 else ""))
    return ", ".join(found)
