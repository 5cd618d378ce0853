"""The search for a homography where following the slope of two proxies got lost, and when it is worth its time.

What `matching` finds from several starts is refined, and the sharpest wins; as `trust` forgives half a pixel, it is
asked only whether one may stop.

Convention: as in `registration`: a homography maps target pixel centres to reference pixel centres, integer coordinates
at pixel centres, origin top-left, y down.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.core.homography import level_scaling, project, warp_with_mask
from aan_engine.registration.block_matching import SEARCH_LEVELS, match_homographies
from aan_engine.registration.overlap_score import EXACT, precision
from aan_engine.registration.photometric import Registration, refine_homography
from aan_engine.registration.pyramid import Pyramid

DOUBT = 0.4
"""An answer that is trusted less than this is doubted wherever it lies."""

SURE = 0.97
"""An answer that is trusted as much as this is not: wrong ones hardly ever are."""

KIN = 0.4
"""What is found by looking around must be more akin than this: among so many places chance finds something."""

AGAIN = 4
"""So often the sharpest answer found is looked around again."""

WORTH = 1.01
"""An answer that is sharper by less than this is no reason to look around again."""

AWAY = 0.08
"""How far the frame is moved towards each of its corners, in its widths and heights, where all else left doubts."""

PROMISE = 0.9
"""How sharp a start must look at a quarter of the size, beside the best known, to be followed further."""

EXPLAINED = 0.7
"""Share of a place's pixels that must fit exactly for it to be explained."""

NEAR = 0.03
"""An answer that is neither doubted nor sure is believed if it lies as near to its start as this, in widths of the
frame: there it is moving foreground or depth that takes trust away, and looking around would find nothing."""

ELSEWHERE, GAINED = 0.01, 0.05
"""A search found something if the corners moved by more than this, in widths of the frame, and trust rose so much."""

PATIENCE = 2
"""After so many searches in a row that found nothing, only what is trusted clearly less than all those is
searched for, and what is hardly akin: in such a shot it is depth, or a crowd, that takes trust away."""

ONCE_IN = 10
"""And of distant frames that are hardly akin, one in so many is still searched for."""

CLEARLY = 0.15
"""Trust that must be lost before another search is worth it in such a shot."""


def is_reliable(found: Registration, *, start: NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    """Whether a refined homography (at frames of `shape`) may be taken as it is, or had better be searched for.

    Following the slope, registration ends somewhere even where it got lost; having come far and explaining only part of
    the picture is what such answers have in common.
    """
    if found.inlier_share < DOUBT or found.significance <= KIN or found.inlier_share >= SURE:
        return found.inlier_share >= SURE
    return _corner_distance(found.homography, start, shape=shape) < NEAR


def _corner_distance(one: NDArray[np.float64], two: NDArray[np.float64], *, shape: tuple[int, ...]) -> float:
    """How far two homographies take the corners of a frame to different places, in its widths."""
    h, w = shape[:2]
    corners = np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], np.float32)
    gone = project(one / one[2, 2], corners) - project(two / two[2, 2], corners)
    return float(np.hypot(*gone.T).mean()) / w


class RecoveryBudget:
    """The searches of one shot, given up where they are in vain.

    Args:
        distant: they are for frames far apart, which often show other places, or the same one so changed that nothing
            is to be found. Neighbours that are hardly akin are worth every search: a chain hangs on each.
    """

    def __init__(self, *, distant: bool = False) -> None:
        self._distant = distant
        self._in_vain: list[float] = []
        self._strangers = 0

    def __call__(
        self, target: Pyramid, reference: Pyramid, *, known: Registration, starts: Iterable[NDArray[np.float64]]
    ) -> Registration:
        """As `search`; `known` itself where patience has run out."""
        akin = known.significance > KIN
        self._strangers += not akin
        if not (self._is_patient(known) if akin else self._is_patient_with_strangers()):
            return known
        found = recover(target, reference, known=known, starts=starts)
        elsewhere = _corner_distance(found.homography, known.homography, shape=target.grey.shape) > ELSEWHERE
        if elsewhere and found.inlier_share > known.inlier_share + GAINED:
            self._in_vain.clear()
            self._strangers = 0
        elif akin:
            self._in_vain.append(known.inlier_share)
        return found

    def _is_patient(self, known: Registration) -> bool:
        return len(self._in_vain) < PATIENCE or known.inlier_share <= min(self._in_vain) - CLEARLY

    def _is_patient_with_strangers(self) -> bool:
        return not self._distant or self._strangers <= PATIENCE or self._strangers % ONCE_IN == 0


def recover(
    target: Pyramid, reference: Pyramid, *, known: Registration, starts: Iterable[NDArray[np.float64]]
) -> Registration:
    """The sharpest of `known` and what matching finds from each start, refined; over as soon as one is sure.

    Until then matching looks around the sharpest again, as what lies half right is within reach of right, and at last
    with the last start's frame moved towards each of its corners, where fewer wrong places are within reach.
    """
    best, sharp = known, precision(target, reference, homography=known.homography)

    def mends(landed: NDArray[np.float64]) -> bool:
        nonlocal best, sharp
        found = refine_homography(target, reference, start=landed, coarse=False)
        value = precision(target, reference, homography=found.homography)
        if value <= sharp or found.significance <= KIN:
            return False
        mended = value > WORTH * sharp
        best, sharp = found, value
        return mended

    def again() -> None:
        for _ in range(AGAIN):
            if best.inlier_share >= SURE:
                return
            if not any(map(mends, match_homographies(target, reference, start=best.homography))):
                rest = _unexplained(target, reference, homography=best.homography)
                if not mends(next(match_homographies(rest, reference, start=best.homography))):
                    return

    around = known.homography
    for around in starts:
        for landed in match_homographies(target, reference, start=around):
            mends(landed)
            if best.inlier_share >= SURE:
                return best
    again()
    glimpse = _Preview(target, reference)
    for away in _corner_shifts(target.grey.shape):
        start = around @ away
        if glimpse.promises(best.homography, start=start):
            one, other = map(mends, match_homographies(target, reference, start=start))
            if one or other:
                again()
    return best


class _Preview:
    """Two frames at a quarter of their size, where a start's promise is soon seen."""

    def __init__(self, target: Pyramid, reference: Pyramid) -> None:
        self._whole = target, reference
        level = min(2, len(target.levels) - 1)
        self._small = [Pyramid(grey, weight > 0) for grey, weight in (p.levels[level] for p in self._whole)]
        self._scale = level_scaling(self._small[0].grey.shape, target.grey.shape)

    def promises(self, known: NDArray[np.float64], *, start: NDArray[np.float64]) -> bool:
        """Whether what is found from `start` lies elsewhere than `known` and looks about as sharp, or sharper."""
        back = np.linalg.inv(self._scale)
        bar = PROMISE * precision(*self._small, homography=self._scale @ known @ back)
        for landed in match_homographies(*self._whole, start=start, looks=SEARCH_LEVELS[:1]):
            found = refine_homography(*self._small, start=self._scale @ landed @ back).homography
            if _corner_distance(back @ found @ self._scale, known, shape=self._whole[0].grey.shape) < ELSEWHERE:
                continue
            if precision(*self._small, homography=found) > bar:
                return True
        return False


def _corner_shifts(shape: tuple[int, ...]) -> Iterator[NDArray[np.float64]]:
    """The frame moved towards each of its corners."""
    for down in (-AWAY, AWAY):
        for right in (-AWAY, AWAY):
            yield np.array([[1, 0, right * shape[1]], [0, 1, down * shape[0]], [0, 0, 1]], np.float64)


def _unexplained(target: Pyramid, reference: Pyramid, *, homography: NDArray[np.float64]) -> Pyramid:
    """The target without what `homography` explains well: if that was something in front, the rest is what counts."""
    (T, mt), (R, mr) = target.levels[0], reference.levels[0]
    warped, both = warp_with_mask(R, mr, homography, T.shape)
    residual = np.abs(warped - T - np.median((warped - T)[both > 0] if both.any() else 0))
    exact = cv2.blur(((both * mt > 0) & (residual < 2 * EXACT)).astype(np.float32), (9, 9)) > EXPLAINED
    return Pyramid(target.grey, target.visible & ~exact)
