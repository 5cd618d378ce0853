"""Coring: a picture's noise taken down against what is known of it, its structure left standing.

Overlapping blocks are taken apart into cosines, twice: what a coefficient has beyond several times the noise in it
makes a first picture, and what that shows of structure then says how much of each coefficient stays. Where every
coefficient is structure, noise stays with it: how much of it does is told along. There a second look at the same
places, another frame's, helps: where both agree to within their noise, what is structure is known better, and the
noise that stays can be the one's or the other's.

Convention: as in `grain`. Blocks are 8 x 8 and begin every 4 pixels.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from aan_engine.grain import Grain, correlation
from aan_engine.motion import Array, Mask

SIDE = 8
STEP = 4

STAND = 6.0
"""A coefficient's power must be so many times the noise's to be more than noise, at first sight."""

FADE = 7.0
"""At second sight a coefficient with so many times the noise's power is halved."""

TOGETHER = 0.7
"""How far what is found at first sight errs along with the coefficient itself."""

AGREED = 4.0
"""Two looks differ by noise if the square of what they differ by is no more than so many times what it should be."""

ALL = 0.9
"""A second look at a block must show so much of it."""

MARGIN = SIDE
"""Pixels that a picture must have around what is asked of it."""

_Gain = Callable[[Array, Array, tuple[int, int]], tuple[Array, Array]]
"""Coefficients (h, w, 3, 64), their noise, where they begin -> their gains, and how noise passes through them."""


def cored(
    values: Array, grain: Grain, again: tuple[Array, Mask] | None = None, *, turn: float = 0.0
) -> tuple[Array, Array]:
    """The picture without its noise, as far as structure allows.

    Args:
        values: (h, w, 3) log range.
        again: what a second look, with noise of its own, has more than this, and (h, w) bool where there is one.
        turn: 0 .. 1, how much of the noise that stays is the second look's.

    Returns:
        (h, w, 3), and (h, w) 0 .. 1: the share of the noise's variance that is still in it.
    """
    h, w = values.shape[:2]
    picture, spectrum = _padded(values), _spectrum(grain.size)
    more, known = (
        (None, None) if again is None else (_padded(again[0]), _padded(again[1][..., None].astype(np.float32)))
    )

    def swept(gain: _Gain) -> tuple[Array, Array]:
        smooth, count, stays = (np.zeros((*picture.shape[:2], c), np.float32) for c in (3, 1, 1))
        for corner in ((0, 0), (0, STEP), (STEP, 0), (STEP, STEP)):
            taken = best = _taken(picture, corner)
            noise = grain.at(taken[..., 0].mean(-1) / SIDE)[..., None] * spectrum
            left = np.ones_like(taken)
            if more is not None and known is not None:
                apart = _taken(more, corner)
                agreed = (apart**2 < AGREED * 2 * noise) & (_evenly(known, corner) > ALL)[..., None, None]
                taken, best = (taken + agreed * np.float32(share) * apart for share in (turn, 0.5))
                left, noise = 1 - agreed * np.float32(2 * turn * (1 - turn)), noise * (1 - np.float32(0.5) * agreed)
            gains, passed = gain(best, noise, corner)
            gains[..., 0] = passed[..., 0] = 1
            _put(taken * gains, smooth, corner)
            told = (passed**2 * left * spectrum).sum(-1).mean(-1) / spectrum.sum()
            for plane, each in ((stays, told), (count, np.ones_like(told))):
                _put_evenly(each, plane, corner)
        count = np.maximum(count, 1)
        return np.asarray(smooth / count, np.float32), np.asarray((stays / count)[..., 0], np.float32)

    first, _ = swept(_at_first)

    def at_second(coefficients: Array, noise: Array, corner: tuple[int, int]) -> tuple[Array, Array]:
        power = _taken(first, corner) ** 2
        gains = np.asarray(power / (power + np.float32(FADE) * noise + np.float32(1e-20)), np.float32)
        return gains, np.asarray(gains * (1 + 2 * TOGETHER * (1 - gains)), np.float32)

    smooth, stays = swept(at_second)
    inner = np.s_[SIDE : SIDE + h, SIDE : SIDE + w]
    return np.ascontiguousarray(smooth[inner]), np.minimum(stays[inner], 1).astype(np.float32)


def _at_first(coefficients: Array, noise: Array, corner: tuple[int, int]) -> tuple[Array, Array]:
    gains = np.maximum(1 - STAND * noise / np.maximum(coefficients**2, 1e-12), 0).astype(np.float32)
    return gains, gains.copy()


def _padded(values: Array) -> Array:
    """With a block around it, and to whole blocks from either corner on."""
    h, w = values.shape[:2]
    return np.pad(values, ((SIDE, SIDE + STEP - h % -SIDE), (SIDE, SIDE + STEP - w % -SIDE), (0, 0)), mode="edge")


def _taken(values: Array, corner: tuple[int, int]) -> Array:
    """(rows, columns, 3, 64) the cosines of blocks side by side from a corner on, the mean first."""
    y, x = corner
    h, w = ((side - at) // SIDE for side, at in zip(values.shape[:2], corner, strict=True))
    blocks = values[y : y + h * SIDE, x : x + w * SIDE].reshape(h, SIDE, w, SIDE, 3).transpose(0, 2, 4, 1, 3)
    # As one product: blocks by themselves would be as many small ones.
    return np.asarray(blocks.reshape(-1, SIDE * SIDE) @ _COSINES.T, np.float32).reshape(h, w, 3, SIDE * SIDE)


def _evenly(plane: Array, corner: tuple[int, int]) -> Array:
    """(rows, columns) the means of a plane's (h, w, 1) blocks."""
    y, x = corner
    h, w = ((side - at) // SIDE for side, at in zip(plane.shape[:2], corner, strict=True))
    return np.asarray(plane[y : y + h * SIDE, x : x + w * SIDE, 0].reshape(h, SIDE, w, SIDE).mean((1, 3)))


def _put(coefficients: Array, out: Array, corner: tuple[int, int]) -> None:
    """Add blocks to the picture that they were taken from."""
    (h, w), (y, x) = coefficients.shape[:2], corner
    flat = coefficients.reshape(-1, SIDE * SIDE) @ _COSINES
    blocks = flat.reshape(h, w, 3, SIDE, SIDE).transpose(0, 3, 1, 4, 2)
    out[y : y + h * SIDE, x : x + w * SIDE] += blocks.reshape(h * SIDE, w * SIDE, 3)


def _put_evenly(values: Array, out: Array, corner: tuple[int, int]) -> None:
    """As `_put`, one value (rows, columns) to a block."""
    (h, w), (y, x) = values.shape, corner
    out[y : y + h * SIDE, x : x + w * SIDE, 0] += np.repeat(np.repeat(values, SIDE, 0), SIDE, 1)


def _basis() -> NDArray[np.float64]:
    """(8, 8) orthonormal cosines by frequency and place."""
    k, i = np.mgrid[:SIDE, :SIDE]
    found = np.cos(np.pi * (i + 0.5) * k / SIDE) * np.sqrt(2 / SIDE)
    found[0] = np.sqrt(1 / SIDE)
    return np.asarray(found, np.float64)


_COSINES = np.einsum("uy,vx->uvyx", _basis(), _basis()).reshape(SIDE * SIDE, SIDE * SIDE).astype(np.float32)
"""(64, 64) the blocks' cosines by frequency and place."""


def _spectrum(size: tuple[float, float]) -> Array:
    """(64,) the variance that noise of variance 1 and this size has in each cosine."""
    one, lags = _basis(), np.abs(np.subtract.outer(np.arange(SIDE), np.arange(SIDE)))
    along = [np.einsum("ki,ij,kj->k", one, correlation(s)[lags], one) for s in size]
    return np.outer(along[1], along[0]).reshape(-1).astype(np.float32)
