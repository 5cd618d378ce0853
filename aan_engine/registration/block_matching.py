"""Block matching: a homography from where small blocks of one proxy are found again in another.

Photometric refinement follows the gradient of the picture and gets lost where the start is many pixels off. Here every
block is compared with all displacements within reach, as far as it is visible in both frames, and a robust fit joins
the best displacements to one homography. The result is good to about a pixel; `photometric` does the rest.

Convention: homographies as in `Homography`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from aan_engine.core import projective
from aan_engine.core.homography import Homography
from aan_engine.core.robust import geman_mcclure
from aan_engine.core.types import Array
from aan_engine.registration.pyramid import Pyramid


class SearchLevel(NamedTuple):
    """One pass of block matching; lengths in pixels of the pyramid level.

    Args:
        level: of the pyramid, 0 the finest.
        reach: largest displacement along each axis.
        side: of a block.
        step: distance between blocks.
    """

    level: int
    reach: int
    side: int
    step: int


SEARCH_LEVELS = (SearchLevel(2, 9, 7, 2), SearchLevel(2, 4, 7, 2), SearchLevel(1, 3, 9, 4))
"""Pass after pass: 36 proxy pixels around the start, then closer. Reach and sides were tried on training pairs."""

LEAST_VISIBLE = 0.3
"""Share of a block that must be visible in both frames for it to be compared."""

FLAT_VARIANCE = 1e-7
"""Variance under which a block counts as flat: far below what grain makes."""

LEAST_CORRELATION = 0.4
"""Correlation from which a match counts; its weight grows from 0 here to 1 at a correlation of 1."""

RIDGE = 3e-5
"""How strongly few or weak matches leave the homography as it was; see `projective.fit`."""

RANSAC_THRESHOLD = 1.5
"""Pixels of the level by which an inlier of RANSAC may be off."""

IRLS_ROUNDS = 8
"""Rounds of the reweighted fit, from the search's reach down to a pixel."""

FEWEST = 12
"""Matches below which a pass leaves the homography as it is."""


@dataclass(frozen=True, eq=False)
class _BlockMatches:
    """Matches of one pass.

    Args:
        points, landed: (N, 2) blocks' centres on the target's level, and where the reference shows the same.
        weight: (N,) 0 .. 1.
        scale: full resolution -> the level.
        shape: the level's.
        reach: how far was searched, in the level's pixels.
    """

    points: Array
    landed: Array
    weight: Array
    scale: Homography
    shape: tuple[int, ...]
    reach: int


def match_homographies(
    target: Pyramid, reference: Pyramid, *, start: Homography, levels: Sequence[SearchLevel] = SEARCH_LEVELS
) -> Iterator[Homography]:
    """`start`, corrected by matches within some 36 pixels around where it points, by two kinds of robust fit.

    Args:
        target, reference: proxies of one size.
        levels: the first of `SEARCH_LEVELS` alone is good to several pixels, and costs a third.

    Yields:
        Twice, good to about a pixel; `start` itself where nothing matches. First by RANSAC, which finds what most
        matches agree on wherever that lies, then by IRLS from the start, which holds where few matches are exact.
    """
    start = start.normalised()
    first, *closer = levels
    # The first pass compares most displacements and costs most: it is the same for both fits.
    matches = _match(target, reference, start, first)
    for fit in (_ransac, _irls):
        found = _corrected(start, matches, fit)
        for level in closer:
            found = _corrected(found, _match(target, reference, found, level), fit)
        yield found


def _corrected(H: Homography, matches: _BlockMatches, fit: Callable[[_BlockMatches], Homography]) -> Homography:
    if len(matches.points) < FEWEST:
        return H
    found = (H.at(matches.scale) @ fit(matches)).back_from(matches.scale)
    return found.normalised() if found.is_finite else H


def _match(target: Pyramid, reference: Pyramid, H: Homography, search: SearchLevel) -> _BlockMatches:
    depth = min(search.level, len(target.levels) - 1)
    (T, mt), (R, mr) = target.levels[depth], reference.levels[depth]
    scale = Homography.level_scale(T.shape, target.grey.shape)
    (h, w), reach = T.shape, search.reach
    # The reference is warped beyond the target's frame, as far as a block may be displaced.
    beyond = H.at(scale) @ Homography.translation(-reach, -reach)
    warped, seen = beyond.warp_with_mask(R, mr, (h + 2 * reach, w + 2 * reach))
    scores = _correlations(T, (mt > 0).astype(np.float32), warped, seen, side=search.side, step=search.step)
    count = 2 * reach + 1
    best = scores.argmax(0)
    row, column = np.divmod(best, count)
    inner = (row > 0) & (row < count - 1) & (column > 0) & (column < count - 1)
    value = np.take_along_axis(scores, best[None], 0)[0]
    y, x = (np.mgrid[: best.shape[0], : best.shape[1]] * search.step + search.step // 2).astype(np.float32)
    dx = column - reach + _subpixel_peak(scores, np.where(inner, best, count + 1), value, stride=1)
    dy = row - reach + _subpixel_peak(scores, np.where(inner, best, count + 1), value, stride=count)
    # A best displacement on the border of the search is hardly the best there is.
    known = inner & (value > LEAST_CORRELATION)
    points, moved = np.stack([x, y], -1)[known], np.stack([dx, dy], -1)[known].astype(np.float32)
    weight = ((value[known] - LEAST_CORRELATION) / (1 - LEAST_CORRELATION)) ** 2
    return _BlockMatches(points, points + moved, weight, scale, T.shape, reach)


def _correlations(T: Array, mt: Array, warped: Array, seen: Array, *, side: int, step: int) -> Array:
    """Masked normalised cross-correlation of each block with each displacement: (displacements, rows, columns).

    -1 where too little of a block is visible in both. Displacements count row by row from the upper left.
    """
    h, w = T.shape
    count = warped.shape[0] - h + 1
    one = T - T[mt > 0].mean() if mt.any() else T
    two = (warped - warped[seen > 0].mean() if seen.any() else warped) * seen
    ones, twos = np.stack([mt, one * mt, one * one * mt]), np.stack([seen, two, two * two])
    rows, columns = -(-(h - step // 2) // step), -(-(w - step // 2) // step)
    found = np.empty((count, count, rows, columns), np.float32)
    # Sums over the pixels visible in both: count, a, a^2, b, b^2, a b. The six planes lie one below the other so that
    # one box filter serves all, each with a zero margin that keeps its windows out of the next.
    product = np.zeros((6, h + side, w), np.float32)
    sums = np.empty((6, count, rows, columns), np.float32)
    for top in range(count):
        for left in range(count):
            there = twos[:, top : top + h, left : left + w]
            np.multiply(ones, there[0], out=product[:3, :h])
            np.multiply(there[1:], mt, out=product[3:5, :h])
            np.multiply(ones[1], there[1], out=product[5, :h])
            whole = cv2.boxFilter(
                product.reshape(-1, w), -1, (side, side), normalize=False, borderType=cv2.BORDER_CONSTANT
            )
            sums[:, left] = whole.reshape(product.shape)[:, step // 2 : h : step, step // 2 :: step]
        n, a, aa, b, bb, ab = sums
        shown = np.maximum(n, 1)
        spread = np.maximum(aa - a * a / shown, FLAT_VARIANCE * shown) * np.maximum(
            bb - b * b / shown, FLAT_VARIANCE * shown
        )
        found[top] = np.where(n >= LEAST_VISIBLE * side * side, (ab - a * b / shown) / np.sqrt(spread), -1)
    return found.reshape(-1, rows, columns)


def _subpixel_peak(scores: Array, best: NDArray[np.int64], value: Array, *, stride: int) -> Array:
    """Offset of the top of a parabola through the best score and its two neighbours: -0.5 .. 0.5."""
    before = np.take_along_axis(scores, best[None] - stride, 0)[0]
    after = np.take_along_axis(scores, best[None] + stride, 0)[0]
    bend = before + after - 2 * value
    usable = (bend < -1e-6) & (before > -1) & (after > -1)
    beside = np.where(usable, 0.5 * (before - after) / np.minimum(bend, -1e-6), 0)
    return np.clip(beside, -0.5, 0.5).astype(np.float32)


def _ransac(matches: _BlockMatches) -> Homography:
    """The homography that most matches agree on (MAGSAC); the identity where none do."""
    found, _ = cv2.findHomography(
        matches.points, matches.landed, cv2.USAC_MAGSAC, RANSAC_THRESHOLD, maxIters=3000, confidence=0.999
    )
    return Homography.identity() if found is None else Homography(np.asarray(found, np.float64))


def _irls(matches: _BlockMatches) -> Homography:
    """One homography through the matches by iteratively reweighted least squares; the fit tightens round by round."""
    source, there = (torch.from_numpy(p).double()[None] for p in (matches.points, matches.landed))
    height, width = matches.shape
    found = Homography.identity()
    for sigma in np.geomspace(max(matches.reach - 1, 3), 1.0, IRLS_ROUNDS):
        off = np.hypot(*(found.apply(matches.points) - matches.landed).T)
        weight = torch.from_numpy(matches.weight * geman_mcclure(off, sigma)).double()[None]
        fitted = projective.fit(source, there, weight, height=height, width=width, ridge=RIDGE)
        found = Homography(fitted[0].numpy())
    return found
