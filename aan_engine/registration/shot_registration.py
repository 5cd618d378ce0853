"""Bearings: how the camera moved between any two frames of a shot, found out as it is asked for, on proxies.

Neighbours by a step, and steps multiplied up to a chain; distant frames by a link of their own, which starts from what
is known already and is searched for where it got lost.

Convention: as in `registration`: a homography maps target pixel centres to reference pixel centres, integer coordinates
at pixel centres, origin top-left, y down.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator
from typing import Protocol

import numpy as np

from aan_engine.core.homography import Homography, inverse, mirrors
from aan_engine.registration.overlap_score import trust
from aan_engine.registration.photometric import Registered, refine, unmoved
from aan_engine.registration.proxy_images import Gallery
from aan_engine.registration.recovery import DOUBT, Searches, convinces

CUT = 0.25
"""Adjacent frames that are less akin than this (see `Registered`) do not belong together."""

STRANGER = 0.3
"""A distant reference less akin than this is dropped."""

STEPPED_OVER = 2
"""So many frames that fit nothing are stepped over when homographies are chained."""

LEARNED = 0.6
"""A start that is trusted less than this asks the learned estimator for a second one."""


class Guess(Protocol):
    """The learned estimator: target and reference index -> homography on the proxies."""

    def __call__(self, target: int, reference: int) -> Homography: ...


class Bearings:
    """Homographies among the frames of a gallery.

    Args:
        count: frames in the shot; what the gallery shows beyond them has no place in time.
    """

    def __init__(self, gallery: Gallery, *, count: int) -> None:
        self._gallery, self._count = gallery, count
        self._guess: Guess | None = None
        self._search, self._search_afar = Searches(), Searches(distant=True)
        self._tick: Callable[[int], None] = lambda count: None
        self._steps: dict[int, Registered] = {}
        self._bridges: dict[tuple[int, int], Registered] = {}
        self._links: OrderedDict[tuple[int, int], Registered] = OrderedDict()

    def tell(self, tick: Callable[[int], None]) -> None:
        """Have `tick` called with the number of neighbours registered, after each; what it raises ends the survey."""
        self._tick = tick

    def ask(self, guess: Guess) -> None:
        """Have the learned estimator ready; without it registration starts from the chain of neighbours alone."""
        self._guess = guess

    def forget(self) -> None:
        """Let go of the learned estimator: it usually holds the survey, so the memory would not go by itself."""
        self._guess = None

    def step(self, index: int) -> Registered:
        """The homography from frame `index` to `index + 1`."""
        if index not in self._steps:
            starts = [np.eye(3)]
            if index - 1 in self._steps:
                starts.append(self._steps[index - 1].homography)
            found = self._best(index, index + 1, starts)
            self._steps[index] = self._steadied(index, index + 1, found)
            self._tick(len(self._steps))
        return self._steps[index]

    def knows(self, index: int) -> bool:
        """Whether the step from frame `index` has been found already."""
        return index in self._steps

    def stood(self, one: int, other: int) -> bool:
        """Whether the camera is known to have stood still from one frame of the shot to the other."""
        first, last = sorted((one, other))
        if not 0 <= first <= last < self._count:
            return False
        steps = [self._steps.get(index) for index in range(first, last)]
        # Of two places that have nothing in common, what refinement started from may be left: no motion.
        known = [step.homography for step in steps if step is not None and step.kinship >= CUT]
        return len(known) == len(steps) and all(np.array_equal(H, np.eye(3)) for H in known)

    def trusted(self, index: int) -> float | None:
        """How far the worse of the frame's own steps is to be trusted, of those that were asked for; None without."""
        found = [self._steps[i].trust for i in (index - 1, index) if i in self._steps]
        return min(found, default=None)

    def _best(self, target: int, reference: int, starts: list[Homography]) -> Registered:
        """Refined from the most promising of several starts; searched for, the learned start first, if in doubt."""
        search = self._search if abs(target - reference) <= STEPPED_OVER else self._search_afar
        T, R = self._gallery.pyramid(target), self._gallery.pyramid(reference)
        ranked = sorted(starts, key=lambda H: trust(T, R, homography=H))
        found = refine(T, R, start=ranked[-1])
        if convinces(found, start=ranked[-1], shape=self._gallery.size):
            return found
        if len(ranked) > 1:
            found = max(found, refine(T, R, start=ranked[0]), key=lambda r: r.trust)

        def further() -> Iterator[Homography]:
            yield from self._guessed(target, reference)
            yield ranked[-1]

        found = search(T, R, known=found, starts=further())
        if found.trust >= DOUBT:
            return found
        # Perhaps it is the light that moves, not the picture. What is evened out looks alike in wrong places, too.
        T, R = self._gallery.evened(target), self._gallery.evened(reference)
        even = refine(T, R, start=ranked[-1])
        if even.trust > found.trust and not convinces(even, start=ranked[-1], shape=self._gallery.size):
            even = search(T, R, known=even, starts=[ranked[-1]])
        return max(found, even, key=lambda r: r.trust)

    def _guessed(self, target: int, reference: int) -> Iterator[Homography]:
        """What the learned estimator says, if a camera can have seen it: it recognises a place in a mirror, too."""
        if self._guess is not None:
            guess = self._guess(target, reference)
            if not mirrors(guess, shape=self._gallery.size):
                yield guess

    def _steadied(self, target: int, reference: int, found: Registered) -> Registered:
        plain, even = ((made(target), made(reference)) for made in (self._gallery.pyramid, self._gallery.evened))
        return unmoved(plain, even, found=found)

    def along(self, target: int, reference: int) -> Homography | None:
        """The adjacent homographies multiplied up from target to reference; None across a cut.

        A frame or two that fit nothing (a flash, a blur, something across the whole picture) are stepped over. No chain
        leads to a clean plate: it is looked for by itself.
        """
        if reference >= self._count:
            link = self.link(target, reference)
            return None if link is None else link.homography
        H: Homography = np.eye(3)
        index, high = sorted((target, reference))
        while index < high:
            stride = self._stride(index, high)
            if stride is None:
                return None
            over, found = stride
            H = found @ H
            index += over
        return H if reference > target else inverse(H)

    def _stride(self, index: int, high: int) -> tuple[int, Homography] | None:
        """How far the chain can step from `index` without leaving its place, and by which homography."""
        if (step := self.step(index)).kinship >= CUT:
            return 1, step.homography
        for over in range(2, min(STEPPED_OVER + 1, high - index) + 1):
            key = (index, index + over)
            if key not in self._bridges:
                self._bridges[key] = self._best(*key, [np.eye(3)])
            if self._bridges[key].kinship >= STRANGER:
                return over, self._bridges[key].homography
        return None

    def link(self, target: int, reference: int) -> Registered | None:
        """The direct homography to a distant reference; None where the two do not show the same place."""
        key = (target, reference)
        if key not in self._links:
            self._links[key] = self._find_link(target, reference)
            while len(self._links) > 4096:
                self._links.popitem(last=False)
        found = self._links[key]
        return found if found.kinship >= STRANGER else None

    def _find_link(self, target: int, reference: int) -> Registered:
        T, R = self._gallery.pyramid(target), self._gallery.pyramid(reference)
        previous = self._links.get((target - 1, reference))
        if previous is not None and previous.trust >= LEARNED and self.step(target - 1).trust >= LEARNED:
            start = previous.homography @ inverse(self.step(target - 1).homography)
            found = refine(T, R, start=start, coarse=False)
            if found.trust > previous.trust - 0.05:
                return self._steadied(target, reference, found)
        along = self.along(target, reference) if reference < self._count else np.eye(3)
        if along is None:
            return Registered(np.eye(3), 0.0, 0.0)
        starts = [along]
        if trust(T, R, homography=along) < LEARNED:
            starts.extend(self._guessed(target, reference))
        return self._steadied(target, reference, self._best(target, reference, starts))
