"""Matching: a homography from where small windows of one proxy are found again in another.

Registration (`registration.refine`) follows the slope of the picture and gets lost where the start is many pixels off.
This room looks around instead: every window is compared with all places within reach, as far as both are visible, and
a fit that trusts fewer and fewer outliers joins the best places to one homography. What it finds is good to a pixel.

Convention: as in `registration`: a homography maps target pixel centres to reference pixel centres, integer coordinates
at pixel centres, origin top-left, y down.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from aan_engine.core import projective
from aan_engine.core.homography import level_scaling, project, warp_with_mask
from aan_engine.core.types import Array
from aan_engine.registration.pyramid import Pyramid

SearchLevel = tuple[int, int, int, int]

SEARCH_LEVELS: tuple[SearchLevel, ...] = ((2, 9, 7, 2), (2, 4, 7, 2), (1, 3, 9, 4))
"""Pyramid level, reach and side of the windows and distance between them, in the level's pixels, look after look."""

SHOWN = 0.3
"""Share of a window that both must show to be compared."""

FAINT = 1e-7
"""Variance under which a window counts as flat: far below what grain does."""

ALIKE = 0.4
"""Correlation from which a match begins to count."""

STIFFNESS = 3e-5
"""How strongly few or weak matches leave the homography as it was; see `projective.fit`."""

CONSENSUS = 1.5
"""Pixels (of a level) by which a match may be off and still support what many matches say in common."""


@dataclass(frozen=True, eq=False)
class _BlockMatches:
    """What one look found on a level of the pyramids.

    Args:
        points, landed: (N, 2) windows' centres on the target's level, and where the reference shows the same.
        weight: (N,) 0 .. 1.
        scale: full resolution -> the level.
        shape: the level's.
        reach: how far was looked, in the level's pixels.
    """

    points: Array
    landed: Array
    weight: Array
    scale: NDArray[np.float64]
    shape: tuple[int, ...]
    reach: int


def match_homographies(
    target: Pyramid, reference: Pyramid, *, start: NDArray[np.float64], looks: Sequence[SearchLevel] = SEARCH_LEVELS
) -> Iterator[NDArray[np.float64]]:
    """`start`, mended by what is found within some 36 pixels around where it points, in two ways.

    Args:
        target, reference: proxies of one size.
        start: (3, 3).
        looks: the first of `LOOKS` alone is good to several pixels, and costs a third.

    Yields:
        (3, 3) twice, good to about a pixel; `start` itself where there is nothing to hold on to. First by what most
        matches agree on exactly, wherever that lies, then by what pulls from the start: the one finds its way through
        many wrong matches, the other where few are exact.
    """
    H = start / start[2, 2]
    first, *closer = looks
    # What is compared with most places, and costs most, is the same for both.
    seen = _look(target, reference, H, first)
    for join in (_ransac, _irls):
        landed = _mended(H, seen, join)
        for look in closer:
            landed = _mended(landed, _look(target, reference, landed, look), join)
        yield landed


def _mended(
    H: NDArray[np.float64], seen: _BlockMatches, join: Callable[[_BlockMatches], NDArray[np.float64]]
) -> NDArray[np.float64]:
    if len(seen.points) < 12:
        return H
    mended = np.linalg.inv(seen.scale) @ (seen.scale @ H @ np.linalg.inv(seen.scale)) @ join(seen) @ seen.scale
    return mended / mended[2, 2] if np.isfinite(mended).all() and abs(mended[2, 2]) > 1e-6 else H


def _look(target: Pyramid, reference: Pyramid, H: NDArray[np.float64], look: SearchLevel) -> _BlockMatches:
    level, reach, side, step = look
    depth = min(level, len(target.levels) - 1)
    shape = target.levels[depth][0].shape
    scale = level_scaling(shape, target.grey.shape)
    local = scale @ H @ np.linalg.inv(scale)
    points, landed, weight = _found(target, reference, local, depth=depth, reach=reach, side=side, step=step)
    return _BlockMatches(points, landed, weight, scale, shape, reach)


def _found(
    target: Pyramid, reference: Pyramid, H: NDArray[np.float64], *, depth: int, reach: int, side: int, step: int
) -> tuple[Array, Array, Array]:
    """Windows' centres (N, 2) on the target's level, where the warped reference shows the same (N, 2), and weights."""
    (T, mt), (R, mr) = target.levels[depth], reference.levels[depth]
    h, w = T.shape
    # The reference is looked up beyond the target's frame, as far as a window may go.
    outside = np.array([[1, 0, -reach], [0, 1, -reach], [0, 0, 1]], np.float64)
    warped, seen = warp_with_mask(R, mr, H @ outside, (h + 2 * reach, w + 2 * reach))
    alike = _correlations(T, (mt > 0).astype(np.float32), warped, seen, side=side, step=step)
    count = 2 * reach + 1
    best = alike.argmax(0)
    row, column = np.divmod(best, count)
    inner = (row > 0) & (row < count - 1) & (column > 0) & (column < count - 1)
    value = np.take_along_axis(alike, best[None], 0)[0]
    y, x = (np.mgrid[: best.shape[0], : best.shape[1]] * step + step // 2).astype(np.float32)
    dx = column - reach + _peak(alike, np.where(inner, best, count + 1), value, stride=1)
    dy = row - reach + _peak(alike, np.where(inner, best, count + 1), value, stride=count)
    # A best place on the rim of what was looked at is hardly the best there is.
    known = inner & (value > ALIKE)
    points, moved = np.stack([x, y], -1)[known], np.stack([dx, dy], -1)[known].astype(np.float32)
    return points, points + moved, ((value[known] - ALIKE) / (1 - ALIKE)) ** 2


def _correlations(T: Array, mt: Array, warped: Array, seen: Array, *, side: int, step: int) -> Array:
    """Masked, normalised correlation of each window with each place: (places, rows, columns), -1 where unknown."""
    h, w = T.shape
    count = warped.shape[0] - h + 1
    one = T - T[mt > 0].mean() if mt.any() else T
    two = (warped - warped[seen > 0].mean() if seen.any() else warped) * seen
    ones, twos = np.stack([mt, one * mt, one * one * mt]), np.stack([seen, two, two * two])
    rows, columns = -(-(h - step // 2) // step), -(-(w - step // 2) // step)
    found = np.empty((count, count, rows, columns), np.float32)
    # Sums over what both show: how many, one, its square, two, its square, and one times two. The six lie one below the
    # other for a single filter, with nothing between them for its windows to reach over.
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
        spread = np.maximum(aa - a * a / shown, FAINT * shown) * np.maximum(bb - b * b / shown, FAINT * shown)
        found[top] = np.where(n >= SHOWN * side * side, (ab - a * b / shown) / np.sqrt(spread), -1)
    return found.reshape(-1, rows, columns)


def _peak(alike: Array, best: NDArray[np.int64], value: Array, *, stride: int) -> Array:
    """How far beside the best place a parabola through it and its two neighbours has its top: -0.5 .. 0.5."""
    before = np.take_along_axis(alike, best[None] - stride, 0)[0]
    after = np.take_along_axis(alike, best[None] + stride, 0)[0]
    bend = before + after - 2 * value
    usable = (bend < -1e-6) & (before > -1) & (after > -1)
    beside = np.where(usable, 0.5 * (before - after) / np.minimum(bend, -1e-6), 0)
    return np.clip(beside, -0.5, 0.5).astype(np.float32)


def _ransac(seen: _BlockMatches) -> NDArray[np.float64]:
    """The homography that most matches agree on; the identity where none do."""
    found, _ = cv2.findHomography(seen.points, seen.landed, cv2.USAC_MAGSAC, CONSENSUS, maxIters=3000, confidence=0.999)
    return np.eye(3) if found is None else np.asarray(found, np.float64)


def _irls(seen: _BlockMatches) -> NDArray[np.float64]:
    """One homography through the matches; what is off counts less and less as the fit tightens (Geman-McClure)."""
    source, there = (torch.from_numpy(p).double()[None] for p in (seen.points, seen.landed))
    height, width = seen.shape
    delta = np.eye(3)
    for sigma in np.geomspace(max(seen.reach - 1, 3), 1.0, 8):
        off = np.hypot(*(project(delta, seen.points) - seen.landed).T)
        say = torch.from_numpy(seen.weight / (1 + (off / sigma) ** 2) ** 2).double()[None]
        fitted = projective.fit(source, there, say, height=height, width=width, ridge=STIFFNESS)
        delta = fitted[0].numpy()
    return delta
