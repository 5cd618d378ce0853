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

from aan_engine.core.homography import Homography, flips_orientation, invert
from aan_engine.registration.overlap_score import inlier_share
from aan_engine.registration.photometric import Registration, prefer_static, refine_homography
from aan_engine.registration.proxy_images import ProxyImages
from aan_engine.registration.recovery import DOUBT, RecoveryBudget, is_reliable

MIN_SIGNIFICANCE_ADJACENT = 0.25
"""Adjacent frames that are less akin than this (see `Registered`) do not belong together."""

MIN_SIGNIFICANCE_DISTANT = 0.3
"""A distant reference less akin than this is dropped."""

MOST_SKIPPED = 2
"""So many frames that fit nothing are stepped over when homographies are chained."""

ASK_ESTIMATOR_BELOW = 0.6
"""A start that is trusted less than this asks the learned estimator for a second one."""


class LearnedEstimator(Protocol):
    """The learned estimator: target and reference index -> homography on the proxies."""

    def __call__(self, target: int, reference: int) -> Homography: ...


class ShotRegistration:
    """Homographies among the frames of a gallery.

    Args:
        count: frames in the shot; what the gallery shows beyond them has no place in time.
    """

    def __init__(self, images: ProxyImages, *, count: int) -> None:
        self._images, self._count = images, count
        self._guess: LearnedEstimator | None = None
        self._search, self._search_afar = RecoveryBudget(), RecoveryBudget(distant=True)
        self._tick: Callable[[int], None] = lambda count: None
        self._steps: dict[int, Registration] = {}
        self._bridges: dict[tuple[int, int], Registration] = {}
        self._links: OrderedDict[tuple[int, int], Registration] = OrderedDict()

    def tell(self, tick: Callable[[int], None]) -> None:
        """Have `tick` called with the number of neighbours registered, after each; what it raises ends the survey."""
        self._tick = tick

    def ask(self, learned_homography: LearnedEstimator) -> None:
        """Have the learned estimator ready; without it registration starts from the chain of neighbours alone."""
        self._guess = learned_homography

    def forget(self) -> None:
        """Let go of the learned estimator: it usually holds the survey, so the memory would not go by itself."""
        self._guess = None

    def adjacent(self, index: int) -> Registration:
        """The homography from frame `index` to `index + 1`."""
        if index not in self._steps:
            starts = [np.eye(3)]
            if index - 1 in self._steps:
                starts.append(self._steps[index - 1].homography)
            found = self._best(index, index + 1, starts)
            self._steps[index] = self._steadied(index, index + 1, found)
            self._tick(len(self._steps))
        return self._steps[index]

    def has_adjacent(self, index: int) -> bool:
        """Whether the step from frame `index` has been found already."""
        return index in self._steps

    def is_static(self, one: int, other: int) -> bool:
        """Whether the camera is known to have stood still from one frame of the shot to the other."""
        first, last = sorted((one, other))
        if not 0 <= first <= last < self._count:
            return False
        steps = [self._steps.get(index) for index in range(first, last)]
        # Of two places that have nothing in common, what refinement started from may be left: no motion.
        known = [
            step.homography for step in steps if step is not None and step.significance >= MIN_SIGNIFICANCE_ADJACENT
        ]
        return len(known) == len(steps) and all(np.array_equal(H, np.eye(3)) for H in known)

    def reliability(self, index: int) -> float | None:
        """How far the worse of the frame's own steps is to be trusted, of those that were asked for; None without."""
        found = [self._steps[i].inlier_share for i in (index - 1, index) if i in self._steps]
        return min(found, default=None)

    def _best(self, target: int, reference: int, starts: list[Homography]) -> Registration:
        """Refined from the most promising of several starts; searched for, the learned start first, if in doubt."""
        search = self._search if abs(target - reference) <= MOST_SKIPPED else self._search_afar
        T, R = self._images.pyramid(target), self._images.pyramid(reference)
        ranked = sorted(starts, key=lambda H: inlier_share(T, R, homography=H))
        found = refine_homography(T, R, start=ranked[-1])
        if is_reliable(found, start=ranked[-1], shape=self._images.size):
            return found
        if len(ranked) > 1:
            found = max(found, refine_homography(T, R, start=ranked[0]), key=lambda r: r.inlier_share)

        def further() -> Iterator[Homography]:
            yield from self._guessed(target, reference)
            yield ranked[-1]

        found = search(T, R, known=found, starts=further())
        if found.inlier_share >= DOUBT:
            return found
        # Perhaps it is the light that moves, not the picture. What is evened out looks alike in wrong places, too.
        T, R = self._images.flattened(target), self._images.flattened(reference)
        even = refine_homography(T, R, start=ranked[-1])
        if even.inlier_share > found.inlier_share and not is_reliable(even, start=ranked[-1], shape=self._images.size):
            even = search(T, R, known=even, starts=[ranked[-1]])
        return max(found, even, key=lambda r: r.inlier_share)

    def _guessed(self, target: int, reference: int) -> Iterator[Homography]:
        """What the learned estimator says, if a camera can have seen it: it recognises a place in a mirror, too."""
        if self._guess is not None:
            guess = self._guess(target, reference)
            if not flips_orientation(guess, shape=self._images.size):
                yield guess

    def _steadied(self, target: int, reference: int, found: Registration) -> Registration:
        plain, even = ((made(target), made(reference)) for made in (self._images.pyramid, self._images.flattened))
        return prefer_static(plain, even, found=found)

    def chained(self, target: int, reference: int) -> Homography | None:
        """The adjacent homographies multiplied up from target to reference; None across a cut.

        A frame or two that fit nothing (a flash, a blur, something across the whole picture) are stepped over. No chain
        leads to a clean plate: it is looked for by itself.
        """
        if reference >= self._count:
            link = self.direct(target, reference)
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
        return H if reference > target else invert(H)

    def _stride(self, index: int, high: int) -> tuple[int, Homography] | None:
        """How far the chain can step from `index` without leaving its place, and by which homography."""
        if (step := self.adjacent(index)).significance >= MIN_SIGNIFICANCE_ADJACENT:
            return 1, step.homography
        for over in range(2, min(MOST_SKIPPED + 1, high - index) + 1):
            key = (index, index + over)
            if key not in self._bridges:
                self._bridges[key] = self._best(*key, [np.eye(3)])
            if self._bridges[key].significance >= MIN_SIGNIFICANCE_DISTANT:
                return over, self._bridges[key].homography
        return None

    def direct(self, target: int, reference: int) -> Registration | None:
        """The direct homography to a distant reference; None where the two do not show the same place."""
        key = (target, reference)
        if key not in self._links:
            self._links[key] = self._find_link(target, reference)
            while len(self._links) > 4096:
                self._links.popitem(last=False)
        found = self._links[key]
        return found if found.significance >= MIN_SIGNIFICANCE_DISTANT else None

    def _find_link(self, target: int, reference: int) -> Registration:
        T, R = self._images.pyramid(target), self._images.pyramid(reference)
        previous = self._links.get((target - 1, reference))
        if (
            previous is not None
            and previous.inlier_share >= ASK_ESTIMATOR_BELOW
            and self.adjacent(target - 1).inlier_share >= ASK_ESTIMATOR_BELOW
        ):
            start = previous.homography @ invert(self.adjacent(target - 1).homography)
            found = refine_homography(T, R, start=start, coarse=False)
            if found.inlier_share > previous.inlier_share - 0.05:
                return self._steadied(target, reference, found)
        along = self.chained(target, reference) if reference < self._count else np.eye(3)
        if along is None:
            return Registration(np.eye(3), 0.0, 0.0)
        starts = [along]
        if inlier_share(T, R, homography=along) < ASK_ESTIMATOR_BELOW:
            starts.extend(self._guessed(target, reference))
        return self._steadied(target, reference, self._best(target, reference, starts))
