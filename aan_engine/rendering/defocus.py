"""Focus: how much softer a target is than a frame that is copied from, and a copy as soft as that.

Where a lens is racked, a hole filled from the sharp frames of its shot stands out as a window does in a misty wall. On
the rim around the hole both frames show the same things: there the energy of their gradients is compared, place by
place, in the target's light and less what their grain makes of it. What must be taken from the sharper one is told as
one Gaussian a source frame, found by softening it until it has no more gradient than the target. Nothing is ever
sharpened: that invents. And where the places do not agree on a difference there is none.

Convention: blurs are standard deviations in plate pixels; a lens blurs light, so that is what is blurred.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import Box
from aan_engine.core.proxy_scale import ProxyScale
from aan_engine.core.types import Array, Mask
from aan_engine.grain.estimate import GrainModel
from aan_engine.grain.model import gaussian_taps
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.selection.plan import FillPlan

PLACES = 16
"""Places of the rim that are compared, at most."""

SIDE, MARGIN = 56, 12
"""Pixels of a place, and those along its edges that only lend their surroundings."""

LOOK = 1.0
"""Blur under which gradients are compared: finer ones are mostly grain."""

ALIKE, THERE = 0.8, 200
"""How far both frames' places must correlate to show the same thing, and pixels that both must show."""

CLEAR = 1.5
"""Gradients must have so many times the energy that grain gives them."""

LITTLE = 0.02
"""A frame that supplies less of the hole than this is not looked at: most sources supply next to nothing."""

FEW = 6
"""Places that must have something to say."""

SEEN, SURE = 0.12, 3.0
"""A difference in energy (its logarithm) that is one, and how many times its own error it must be."""

TRIED = (0.5, 0.8, 1.1, 1.5, 2.0, 2.6, 3.3)
"""Blurs that are tried, one after the other; coarser ones on places that are `COARSE` times as large."""

COARSE = 4


@dataclass(frozen=True, eq=False)
class Defocus:
    """The focus of one target against the frames that it is filled from; each is looked at once, when it is asked for.

    Args:
        target: its plate.
        source: frame index -> its plate.
        scale: between plates and proxies.
        grain: the plates', None where there is none.
    """

    plan: FillPlan
    target: SourcePlate
    source: Callable[[int], SourcePlate]
    scale: ProxyScale
    grain: GrainModel | None = None
    _found: dict[int, float] = field(default_factory=dict)

    def blur_for(self, frame: int) -> float:
        """The blur that a source frame lacks; 0 where it is as soft as the target, or softer, or hardly copied from."""
        if frame not in self._lenders:
            self._found[frame] = 0.0
        if frame not in self._found:
            points, there = self._rim(frame)
            other = self.source(frame)
            self._found[frame] = (
                estimate_blur(self.target, other, points, there, grain=self.grain) if len(points) else 0.0
            )
        return self._found[frame]

    @cached_property
    def _lenders(self) -> frozenset[int]:
        """The source frames that supply more than next to nothing of the hole."""
        hidden = self.plan.hole.hidden
        frames = np.stack([layer.frame[hidden] for layer in self.plan.candidates]) + 1
        supplied = np.bincount(frames.ravel(), self.plan.weights[:, hidden].ravel())
        return frozenset((np.flatnonzero(supplied >= LITTLE * hidden.sum()) - 1).tolist())

    def _rim(self, frame: int) -> tuple[Array, Array]:
        """Places (n, 2) on the target's rim, and the same on the source frame, by the candidate that knows most."""
        hole = self.plan.hole
        visible = hole.region & ~hole.hidden & ~hole.unusable
        shown = [visible & (layer.frame == frame) for layer in self.plan.candidates]
        k = int(np.argmax([mask.sum() for mask in shown]))
        cells = np.argwhere(shown[k])
        cells = cells[np.linspace(0, len(cells) - 1, min(PLACES, len(cells))).round().astype(int)]
        here = cells[:, ::-1] + (hole.left, hole.top)
        there = self.plan.candidates[k].position[cells[:, 0], cells[:, 1]]
        return self.scale.to_plate(here), self.scale.to_plate(there)


def estimate_blur(
    target: SourcePlate, source: SourcePlate, points: Array, there: Array, *, grain: GrainModel | None = None
) -> float:
    """The blur that makes the source as soft as the target; 0 where it need not be softened, or nobody can tell.

    Args:
        points, there: (n, 2) places of the target, and where the source shows the same.
        grain: of both.
    """
    fine = _blur_between(target, source, points, there, grain=grain, step=1)
    if fine is not None:
        return fine
    coarse = _blur_between(target, source, points, there, grain=None, step=COARSE)
    return TRIED[-1] if coarse is None else max(TRIED[-1], COARSE * coarse)


def grain_after_blur(size: tuple[float, float], blur_by: float) -> NDArray[np.float32]:
    """(3,) what a blur leaves of grain: of its variance, of its finest differences', and of its softest part's."""
    total, fine = 1.0, 1.0
    for along in size:
        soft, own = np.convolve(gaussian_taps(along), _gaussian(blur_by)), gaussian_taps(along)
        total *= (soft**2).sum() / (own**2).sum()
        second = [(np.convolve(kernel, [1, -2, 1]) ** 2).sum() for kernel in (soft, own)]
        fine *= second[0] / second[1]
    return np.array([total, fine, total], np.float32)


def _blur_between(
    target: SourcePlate, source: SourcePlate, points: Array, there: Array, *, grain: GrainModel | None, step: int
) -> float | None:
    """See `softening`, looked at in pixels of `step` plate pixels; None where more than `TRIED` is missing."""
    pairs = [_pair(target, source, p, t, step=step) for p, t in zip(points, there, strict=True)]
    kept = [pair for pair in pairs if pair is not None]
    if len(kept) < FEW:
        return 0.0
    wanted, shown = (np.concatenate([pair[i] for pair in kept]) for i in (0, 1))
    # A darker frame has less of everything in the dark part of the log range: that is no softness.
    shown *= np.float32(np.median([_brighter(*pair) for pair in kept]))
    open_ = np.concatenate([pair[2] for pair in kept])
    noise = np.zeros(len(kept))
    if grain is not None:
        level = to_log(wanted.reshape(len(kept), -1).mean(1))
        noise = grain.at(level)[:, 1].astype(np.float64)
    mine = _energy(wanted, open_, softened_by=0) - noise * _of_noise(grain, 0)
    theirs = _energy(shown, open_, softened_by=0) - noise * _of_noise(grain, 0)
    clear = mine > (CLEAR - 1) * noise * _of_noise(grain, 0) + 1e-9
    clear &= theirs > (CLEAR - 1) * noise * _of_noise(grain, 0) + 1e-9
    if not _differs(theirs[clear], mine[clear]):
        return 0.0
    clear &= _alike(wanted, shown, open_)
    if not _differs(theirs[clear], mine[clear]):
        return 0.0
    before, blur_before = float(np.median(np.log(theirs[clear] / mine[clear]))), 0.0
    for blur_by in TRIED:
        theirs = _energy(shown, open_, softened_by=blur_by) - noise * _of_noise(grain, blur_by)
        ahead = float(np.median(np.log(np.maximum(theirs[clear], 1e-9) / mine[clear])))
        if ahead <= 0:
            # Energy falls about evenly with the square of the blur.
            share = before / (before - ahead)
            return float(np.sqrt(blur_before**2 + share * (blur_by**2 - blur_before**2)))
        before, blur_before = ahead, blur_by
    return None


def _differs(theirs: NDArray[np.float64], mine: NDArray[np.float64]) -> bool:
    """Whether the places, (n,) energies each, agree that the source is the sharper one."""
    if len(mine) < FEW:
        return False
    off = np.log(theirs / mine)
    ahead = float(np.median(off))
    error = 1.85 * float(np.median(np.abs(off - ahead))) / np.sqrt(len(off) / 2)
    return ahead >= max(SEEN, SURE * error)


def _pair(
    target: SourcePlate, source: SourcePlate, point: Array, there: Array, *, step: int
) -> tuple[Array, Array, Mask] | None:
    """One place on both frames, (SIDE, SIDE) green light each, and where both show it; None at the frames' edges."""
    found, shown = [], np.ones((SIDE, SIDE), np.bool_)
    for plate, at in ((target, point), (source, there)):
        left, top = (np.rint(at).astype(int) - SIDE * step // 2).tolist()
        box = Box(top=top, bottom=top + SIDE * step, left=left, right=left + SIDE * step)
        if not Box.whole(plate.picture.shape).contains(box):
            return None
        blocked = plate.blocked[box.slices]
        light = plate.picture.region(box)[..., 1]
        if not blocked.any():
            found.append(_binned(light, step))
            continue
        share = 1 - _binned(blocked.astype(np.float32), step)
        mean = _binned(np.where(blocked, 0, light), step) / np.maximum(share, 1e-6)
        here = share > 0.999
        # A hole's edge is no edge of the picture's.
        found.append(np.where(here, mean, mean[here].mean() if here.any() else 0).astype(np.float32))
        shown &= here
    inner = cv2.erode(shown.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) > 0
    inner[:MARGIN] = inner[-MARGIN:] = inner[:, :MARGIN] = inner[:, -MARGIN:] = False
    return (found[0], found[1], inner) if inner.sum() >= THERE else None


def _brighter(wanted: Array, shown: Array, there: Mask) -> float:
    """How many times the light of what is shown is wanted in one place; 1 where there is none to tell it by."""
    mine, theirs = float(wanted[there].mean()), float(shown[there].mean())
    return mine / theirs if min(mine, theirs) > 0 else 1.0


def _binned(values: Array, step: int) -> Array:
    if step == 1:
        return values
    return np.asarray(values.reshape(SIDE, step, SIDE, step).mean((1, 3)), np.float32)


def _energy(light: Array, shown: Mask, *, softened_by: float) -> NDArray[np.float64]:
    """(n,) the mean energy of gradients of n places, (n SIDE, SIDE), softened, where they are shown."""
    soft = cv2.GaussianBlur(light, (0, 0), softened_by) if softened_by else light
    values = cv2.GaussianBlur(to_log(soft), (0, 0), LOOK)
    half = np.array([[-0.5, 0, 0.5]], np.float32)
    power = cv2.filter2D(values, -1, half) ** 2 + cv2.filter2D(values, -1, half.T) ** 2
    return _mean(power, shown)


def _mean(values: Array, shown: Mask) -> NDArray[np.float64]:
    sums = (values * shown).reshape(-1, SIDE * SIDE).sum(1, dtype=np.float64)
    return np.asarray(sums / shown.reshape(-1, SIDE * SIDE).sum(1))


def _alike(one: Array, other: Array, shown: Mask) -> Mask:
    """(n,) which places show the same thing on both frames, looked at softly."""
    a, b = (cv2.GaussianBlur(to_log(v), (0, 0), 2.5 * LOOK) for v in (one, other))
    a, b = (v - np.repeat(_mean(v, shown), SIDE)[:, None].astype(np.float32) for v in (a, b))
    return np.asarray(_mean(a * b, shown) > ALIKE * np.sqrt(_mean(a * a, shown) * _mean(b * b, shown)))


def _of_noise(grain: GrainModel | None, blur_by: float) -> float:
    """What `_energy` is of grain of variance 1."""
    if grain is None:
        return 0.0
    sums = []
    for along in grain.size:
        own = gaussian_taps(along)
        kernel = np.convolve(np.convolve(own, _gaussian(blur_by)), _gaussian(LOOK)) / np.sqrt((own**2).sum())
        sums.append(((kernel**2).sum(), (np.convolve(kernel, [0.5, 0, -0.5]) ** 2).sum()))
    return float(sums[0][1] * sums[1][0] + sums[0][0] * sums[1][1])


def _gaussian(blur_by: float) -> NDArray[np.float64]:
    if blur_by <= 0:
        return np.ones(1)
    reach = int(np.ceil(4 * blur_by))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / blur_by) ** 2)
    return np.asarray(taps / taps.sum())
