"""Matching: a homography from where small windows of one proxy are found again in another.

Registration (`registration.refine`) follows the slope of the picture and gets lost where the start is many pixels off.
This room looks around instead: every window is compared with all places within reach, as far as both are visible, and
a fit that trusts fewer and fewer outliers joins the best places to one homography. What it finds is good to a pixel.

Convention: as in `registration`: a homography maps target pixel centres to reference pixel centres, integer coordinates
at pixel centres, origin top-left, y down.
"""

from __future__ import annotations

from collections.abc import Iterable

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from aan_engine.motion import Array, project
from aan_engine.network import projective
from aan_engine.registration import EXACT, Pyramid, Registered, refine, scaling, sharpness, warp

LOOKS = ((2, 9, 7, 2), (2, 4, 7, 2), (1, 3, 9, 4))
"""Pyramid level, reach and side of the windows and distance between them, in the level's pixels, look after look."""

SHOWN = 0.3
"""Share of a window that both must show to be compared."""

FAINT = 1e-7
"""Variance under which a window counts as flat: far below what grain does."""

ALIKE = 0.4
"""Correlation from which a match begins to count."""

STIFFNESS = 3e-5
"""How strongly few or weak matches leave the homography as it was; see `projective.fit`."""

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

CONSENSUS = 1.5
"""Pixels (of a level) by which a match may be off and still support what many matches say in common."""

EXPLAINED = 0.7
"""Share of a place's pixels that must fit exactly for it to be explained."""

NEAR = 0.03
"""Between the two an answer is believed that lies as near to its start as this, in widths of the frame: there it is
moving foreground or depth that takes trust away, and looking around would cost much and find nothing."""


def convinces(found: Registered, *, start: NDArray[np.float64], shape: tuple[int, ...]) -> bool:
    """Whether a refined homography (at frames of `shape`) may be taken as it is, or had better be searched for.

    Following the slope, registration ends somewhere even where it got lost; having come far and explaining only part of
    the picture is what such answers have in common.
    """
    if found.trust < DOUBT or found.kinship <= KIN or found.trust >= SURE:
        return found.trust >= SURE
    h, w = shape[:2]
    corners = np.array([[0, 0], [w - 1, 0], [w - 1, h - 1], [0, h - 1]], np.float32)
    gone = project(found.homography, corners) - project(start / start[2, 2], corners)
    return float(np.hypot(*gone.T).mean()) < NEAR * w


def search(
    target: Pyramid, reference: Pyramid, *, known: Registered, starts: Iterable[NDArray[np.float64]]
) -> Registered:
    """The sharpest of `known` and what matching finds from each start, refined; no more starts once one is sure.

    As long as nobody is sure, matching looks around the sharpest again: what lies half right is within reach of right.
    """
    best, sharp = known, sharpness(target, reference, homography=known.homography)

    def sharper(start: NDArray[np.float64], consensus: bool, shown: Pyramid = target) -> bool:
        nonlocal best, sharp
        landed = match(shown, reference, start=start, consensus=consensus)
        found = refine(target, reference, start=landed, coarse=False)
        value = sharpness(target, reference, homography=found.homography)
        if value <= sharp or found.kinship <= KIN:
            return False
        mended = value > WORTH * sharp
        best, sharp = found, value
        return mended

    for start in starts:
        for consensus in (True, False):
            sharper(start, consensus)
            if best.trust >= SURE:
                return best
    for _ in range(AGAIN):
        if best.trust >= SURE:
            break
        if not (sharper(best.homography, True) or sharper(best.homography, False)):
            rest = _unexplained(target, reference, homography=best.homography)
            if not sharper(best.homography, True, rest):
                break
    return best


def _unexplained(target: Pyramid, reference: Pyramid, *, homography: NDArray[np.float64]) -> Pyramid:
    """The target without what `homography` explains well: if that was something in front, the rest is what counts."""
    (T, mt), (R, mr) = target.levels[0], reference.levels[0]
    warped, both = warp(R, mr, homography, T.shape)
    residual = np.abs(warped - T - np.median((warped - T)[both > 0] if both.any() else 0))
    exact = cv2.blur(((both * mt > 0) & (residual < 2 * EXACT)).astype(np.float32), (9, 9)) > EXPLAINED
    return Pyramid(target.grey, target.visible & ~exact)


def match(
    target: Pyramid, reference: Pyramid, *, start: NDArray[np.float64], consensus: bool = False
) -> NDArray[np.float64]:
    """`start`, mended by what is found within some 36 pixels around where it points.

    Args:
        target, reference: proxies of one size.
        start: (3, 3).
        consensus: joins what most matches agree on exactly, wherever that lies, instead of what pulls from the start:
            the one finds its way through many wrong matches, the other where few are exact.

    Returns:
        (3, 3), good to about a pixel; `start` itself where there is nothing to hold on to.
    """
    H = start / start[2, 2]
    for level, reach, side, step in LOOKS:
        depth = min(level, len(target.levels) - 1)
        shape = target.levels[depth][0].shape
        scale = scaling(shape, target.grey.shape)
        local = scale @ H @ np.linalg.inv(scale)
        points, landed, weight = _found(target, reference, local, depth=depth, reach=reach, side=side, step=step)
        if len(points) < 12:
            continue
        delta = _agreed(points, landed) if consensus else _joined(points, landed, weight, shape=shape, reach=reach)
        mended = np.linalg.inv(scale) @ local @ delta @ scale
        if np.isfinite(mended).all() and abs(mended[2, 2]) > 1e-6:
            H = mended / mended[2, 2]
    return H


def _found(
    target: Pyramid, reference: Pyramid, H: NDArray[np.float64], *, depth: int, reach: int, side: int, step: int
) -> tuple[Array, Array, Array]:
    """Windows' centres (N, 2) on the target's level, where the warped reference shows the same (N, 2), and weights."""
    (T, mt), (R, mr) = target.levels[depth], reference.levels[depth]
    h, w = T.shape
    # The reference is looked up beyond the target's frame, as far as a window may go.
    outside = np.array([[1, 0, -reach], [0, 1, -reach], [0, 0, 1]], np.float64)
    warped, seen = warp(R, mr, H @ outside, (h + 2 * reach, w + 2 * reach))
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


def _agreed(points: Array, landed: Array) -> NDArray[np.float64]:
    """The homography that most matches agree on; the identity where none do."""
    found, _ = cv2.findHomography(points, landed, cv2.USAC_MAGSAC, CONSENSUS, maxIters=3000, confidence=0.999)
    return np.eye(3) if found is None else np.asarray(found, np.float64)


def _joined(points: Array, landed: Array, weight: Array, *, shape: tuple[int, ...], reach: int) -> NDArray[np.float64]:
    """One homography through the matches; what is off counts less and less as the fit tightens (Geman-McClure)."""
    source, there = (torch.from_numpy(p).double()[None] for p in (points, landed))
    delta = np.eye(3)
    for sigma in np.geomspace(max(reach - 1, 3), 1.0, 8):
        off = np.hypot(*(project(delta, points) - landed).T)
        say = torch.from_numpy(weight / (1 + (off / sigma) ** 2) ** 2).double()[None]
        fitted = projective.fit(source, there, say, height=shape[0], width=shape[1], ridge=STIFFNESS)
        delta = fitted[0].numpy()
    return delta
