"""Recovery: a homography searched for where photometric refinement got lost, and whether that is worth its time.

What block matching finds from several starts is refined, and the most precise wins. Inlier share forgives half a pixel,
so it only decides whether the search may stop.

Convention: homographies as in `Homography`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np

from aan_engine.core.homography import Homography
from aan_engine.registration.block_matching import SEARCH_LEVELS, match_homographies
from aan_engine.registration.overlap_score import EXACT, precision
from aan_engine.registration.photometric import Registration, refine_homography
from aan_engine.registration.pyramid import Pyramid

DOUBTFUL = 0.4
"""A registration with a smaller inlier share is doubted wherever it lies."""

CERTAIN = 0.97
"""A registration with this inlier share is believed at once: on training pairs hardly a wrong one reached it."""

LEAST_SIGNIFICANCE = 0.4
"""What a search finds must be more significant than this: among so many displacements chance finds something."""

RETRIES = 4
"""So often the search is repeated around the most precise answer so far."""

WORTH_RETRYING = 1.01
"""An answer must be more precise by this factor to be worth another search around it."""

SHIFT = 0.08
"""How far the start is shifted towards each corner, in frame widths and heights, where all else left doubts."""

PROMISING = 0.9
"""How precise a shifted start must be at a quarter of the size, relative to the best known, to be followed."""

EXPLAINED = 0.7
"""Share of a place's pixels that must fit exactly for it to be left out of the second look for another plane."""

NEAR = 0.03
"""A registration between doubtful and certain is believed if it ends this near to its start, in frame widths: there
it is foreground or parallax that lowers the inlier share, and a search would find nothing better."""

ELSEWHERE, GAINED = 0.01, 0.05
"""A search paid if the corners moved by more than this, in frame widths, and the inlier share rose by so much."""

PATIENCE = 2
"""After so many searches in a row that did not pay, only pairs with a clearly smaller inlier share are searched for,
and those of little significance: in such a shot it is parallax, or a crowd, that lowers the inlier share."""

CLEARLY = 0.15
"""Inlier share that must be lost before another search is worth it in such a shot."""


def is_reliable(found: Registration, *, start: Homography, shape: tuple[int, ...]) -> bool:
    """Whether a refined homography (at frames of `shape`) may be taken as it is, or had better be searched for.

    Refinement always ends somewhere, even where it got lost; to have come far and to explain only part of the picture
    is what lost ones have in common.
    """
    if found.inlier_share < DOUBTFUL or found.significance <= LEAST_SIGNIFICANCE or found.inlier_share >= CERTAIN:
        return found.inlier_share >= CERTAIN
    return found.homography.corner_distance(start, shape) < NEAR


class RecoveryBudget:
    """Searches along a run of neighbouring pairs, given up where they do not pay.

    A budget has a memory: whoever uses one asks for its pairs in a fixed order. Pairs of little significance are worth
    every search: a chain of homographies hangs on each.
    """

    def __init__(self) -> None:
        self._vain: list[float] = []

    def recover(
        self, target: Pyramid, reference: Pyramid, *, known: Registration, starts: Iterable[Homography]
    ) -> Registration:
        """As `recover`; `known` itself where patience has run out."""
        significant = known.significance > LEAST_SIGNIFICANCE
        if significant and not self._is_patient(known):
            return known
        found = recover(target, reference, known=known, starts=starts)
        moved = found.homography.corner_distance(known.homography, target.grey.shape) > ELSEWHERE
        if moved and found.inlier_share > known.inlier_share + GAINED:
            self._vain.clear()
        elif significant:
            self._vain.append(known.inlier_share)
        return found

    def _is_patient(self, known: Registration) -> bool:
        return len(self._vain) < PATIENCE or known.inlier_share <= min(self._vain) - CLEARLY


def recover(target: Pyramid, reference: Pyramid, *, known: Registration, starts: Iterable[Homography]) -> Registration:
    """The most precise of `known` and what block matching finds from each start, refined; over once one is certain.

    If none is, the search is repeated around the most precise one, as what lies half right is within reach of right;
    then without what that explains, in case it follows something in front; and at last from starts shifted towards each
    corner, where fewer wrong places are within reach.
    """
    search = _Search(target, reference, known)
    around = known.homography
    for around in starts:
        for found in match_homographies(target, reference, start=around):
            search.offer(found)
            if search.best.inlier_share >= CERTAIN:
                return search.best
    search.retry()
    preview = _Preview(target, reference)
    for shift in _corner_shifts(target.grey.shape):
        start = around @ shift
        if preview.is_promising(search.best.homography, start=start):
            improved = [search.offer(found) for found in match_homographies(target, reference, start=start)]
            if any(improved):
                search.retry()
    return search.best


class _Search:
    """The most precise registration of one pair so far."""

    def __init__(self, target: Pyramid, reference: Pyramid, known: Registration) -> None:
        self._target, self._reference = target, reference
        self.best = known
        self._precision = precision(target, reference, homography=known.homography)

    def offer(self, found: Homography) -> bool:
        """Refine an answer and keep it if it is the most precise; whether it is so by enough to search around it."""
        refined = refine_homography(self._target, self._reference, start=found, coarse=False)
        value = precision(self._target, self._reference, homography=refined.homography)
        if value <= self._precision or refined.significance <= LEAST_SIGNIFICANCE:
            return False
        improved = value > WORTH_RETRYING * self._precision
        self.best, self._precision = refined, value
        return improved

    def retry(self) -> None:
        """Search around the best answer as long as that helps, at most `RETRIES` times."""
        for _ in range(RETRIES):
            if self.best.inlier_share >= CERTAIN:
                return
            start = self.best.homography
            if any(self.offer(found) for found in match_homographies(self._target, self._reference, start=start)):
                continue
            start = self.best.homography
            rest = _without_explained(self._target, self._reference, homography=start)
            if not self.offer(next(match_homographies(rest, self._reference, start=start))):
                return


class _Preview:
    """Two frames at a quarter of their size, where a start is judged in a fraction of the time."""

    def __init__(self, target: Pyramid, reference: Pyramid) -> None:
        self._full = target, reference
        level = min(2, len(target.levels) - 1)
        self._small = [Pyramid(grey, weight > 0) for grey, weight in (p.levels[level] for p in self._full)]
        self._scale = Homography.level_scale(self._small[0].grey.shape, target.grey.shape)

    def is_promising(self, known: Homography, *, start: Homography) -> bool:
        """Whether what is found from `start` lies elsewhere than `known` and is about as precise, or more so."""
        bar = PROMISING * precision(*self._small, homography=known.at(self._scale))
        for matched in match_homographies(*self._full, start=start, levels=SEARCH_LEVELS[:1]):
            found = refine_homography(*self._small, start=matched.at(self._scale)).homography
            if found.back_from(self._scale).corner_distance(known, self._full[0].grey.shape) < ELSEWHERE:
                continue
            if precision(*self._small, homography=found) > bar:
                return True
        return False


def _corner_shifts(shape: tuple[int, ...]) -> Iterator[Homography]:
    """The frame shifted towards each of its corners."""
    for down in (-SHIFT, SHIFT):
        for right in (-SHIFT, SHIFT):
            yield Homography.translation(right * shape[1], down * shape[0])


def _without_explained(target: Pyramid, reference: Pyramid, *, homography: Homography) -> Pyramid:
    """The target without what `homography` explains well: if that was something in front, the rest is what counts."""
    (T, mt), (R, mr) = target.levels[0], reference.levels[0]
    warped, both = homography.warp_with_mask(R, mr, T.shape)
    residual = np.abs(warped - T - np.median((warped - T)[both > 0] if both.any() else 0))
    exact = cv2.blur(((both * mt > 0) & (residual < 2 * EXACT)).astype(np.float32), (9, 9)) > EXPLAINED
    return Pyramid(target.grey, target.visible & ~exact)
