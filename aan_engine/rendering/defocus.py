"""Defocus: how much softer a target is than a frame that it is filled from, as the standard deviation of a Gaussian.

A service of one target that `warp` asks before it samples. Where a lens is racked, a hole filled from the sharp frames
of its shot would stand out. At the visible edge of the hole both frames show the same things: there the energy of their
gradients (log range, less what grain adds to it) is compared in up to `PATCHES` patches. The blur of a source frame is
the Gaussian under which its gradients have the target's energy. Copies are never sharpened, which would invent detail,
and where the patches do not agree nothing is blurred.

Constants that do not say how they were found were not measured separately.

Convention: blurs are standard deviations in plate pixels, applied to scene-linear light, as a lens does.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import to_log
from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask
from aan_engine.grain.estimate import GrainModel
from aan_engine.grain.model import gaussian_taps
from aan_engine.plates.source_plate import SourcePlate
from aan_engine.rendering.target import Target

PATCHES, MIN_PATCHES = 16, 6
"""Patches along the hole's edge that are compared, at most; and those that must be left for an answer."""

SIDE, MARGIN = 56, 12
"""Pixels of a patch, and those along its edges that only supply the filters."""

GRADIENT_BLUR = 1.0
"""Blur of the log range under which gradients are compared: finer ones are mostly grain."""

MIN_CORRELATION, MIN_PIXELS = 0.8, 200
"""How far a patch must correlate between both frames to show the same thing, and pixels that both must show of it."""

MIN_SIGNAL = 1.5
"""A patch's gradients must have more than so many times the energy that grain gives them."""

MIN_SUPPLY = 0.02
"""Share of the hole that a frame must supply to be compared: most sources supply next to nothing."""

MIN_DIFFERENCE, MIN_SIGNIFICANCE = 0.12, 3.0
"""The least difference of the energies' logarithms that is one, and how many times its own error it must be."""

BLURS = (0.5, 0.8, 1.1, 1.5, 2.0, 2.6, 3.3)
"""Blurs that are tried, ascending; larger ones in pixels of `COARSE` by `COARSE` plate pixels."""

COARSE = 4

MEDIAN_ERROR = 1.85
"""A median's standard error times sqrt(n), in median absolute deviations: 1.2533 x 1.4826 for normal values. For n half
the number of patches is taken, as they may overlap (not measured)."""

TINY = 1e-9


@dataclass(frozen=True, eq=False)
class Defocus:
    """The blurs that one target's sources lack; each is estimated once, when it is first asked for."""

    target: Target
    _found: dict[int, float] = field(default_factory=dict)

    def blur_for(self, frame: int) -> float:
        """The blur that a source frame lacks; 0 where it is as soft as the target, or softer, or hardly copied from."""
        if frame not in self._suppliers:
            self._found[frame] = 0.0
        if frame not in self._found:
            points, positions = self._edge_points(frame)
            own, source, grain = self.target.own, self.target.sources.source(frame), self.target.grain
            self._found[frame] = estimate_blur(own, source, points, positions, grain=grain) if len(points) else 0.0
        return self._found[frame]

    @cached_property
    def _suppliers(self) -> frozenset[int]:
        """The source frames that supply at least `MIN_SUPPLY` of the hole."""
        plan = self.target.plan
        hidden = plan.hole.hidden
        frames = np.stack([candidate.frame[hidden] for candidate in plan.candidates]) + 1
        supplied = np.bincount(frames.ravel(), plan.weights[:, hidden].ravel())
        return frozenset((np.flatnonzero(supplied >= MIN_SUPPLY * hidden.sum()) - 1).tolist())

    def _edge_points(self, frame: int) -> tuple[Array, Array]:
        """(n, 2) plate positions at the hole's visible edge, and the same on the source frame.

        By the candidate that shows most of that frame there.
        """
        plan, scale = self.target.plan, self.target.scale
        hole = plan.hole
        visible = hole.region & ~hole.hidden & ~hole.unusable
        shown = [visible & (candidate.frame == frame) for candidate in plan.candidates]
        k = int(np.argmax([mask.sum() for mask in shown]))
        cells = np.argwhere(shown[k])
        cells = cells[np.linspace(0, len(cells) - 1, min(PATCHES, len(cells))).round().astype(int)]
        points = cells[:, ::-1] + (hole.left, hole.top)
        positions = plan.candidates[k].position[cells[:, 0], cells[:, 1]]
        return scale.to_plate(points), scale.to_plate(positions)


def estimate_blur(
    target: SourcePlate, source: SourcePlate, points: Array, positions: Array, *, grain: GrainModel | None = None
) -> float:
    """The blur that makes the source as soft as the target; 0 where there is none, or it cannot be determined.

    Args:
        points, positions: (n, 2) positions on the target, and where the source shows the same.
        grain: of both.
    """
    fine = _blur_between(target, source, points, positions, grain=grain, step=1)
    if fine is not None:
        return fine
    coarse = _blur_between(target, source, points, positions, grain=None, step=COARSE)
    return BLURS[-1] if coarse is None else max(BLURS[-1], COARSE * coarse)


def grain_after_blur(size: tuple[float, float], blur: float) -> NDArray[np.float32]:
    """(3,) the shares of grain's power that a blur leaves: total, finest differences, lowest frequencies.

    See `FillBuffer`. The last is given the total's: a blur also takes from the softer part of grain.

    Args:
        size: of the grain, see `GrainModel`.
    """
    total, fine = 1.0, 1.0
    for along in size:
        own = gaussian_taps(along)
        soft = np.convolve(own, _gaussian(blur))
        total *= (soft**2).sum() / (own**2).sum()
        second = [(np.convolve(kernel, [1, -2, 1]) ** 2).sum() for kernel in (soft, own)]
        fine *= second[0] / second[1]
    return np.array([total, fine, total], np.float32)


@dataclass(frozen=True, eq=False)
class _Patches:
    """n patches of both frames, (n SIDE, SIDE) each: green light, and which pixels both show."""

    target: Array
    source: Array
    shown: Mask

    @classmethod
    def stacked(cls, pairs: Sequence[tuple[Array, Array, Mask]]) -> _Patches:
        """The source's light scaled by one gain to the target's.

        A darker frame has less of everything in the linear part of the log range: that must not pass for softness.
        """
        target, source = (np.concatenate([pair[i] for pair in pairs]) for i in (0, 1))
        source *= np.float32(np.median([_gain(*pair) for pair in pairs]))
        return cls(target, source, np.concatenate([pair[2] for pair in pairs]))


def _blur_between(
    target: SourcePlate, source: SourcePlate, points: Array, positions: Array, *, grain: GrainModel | None, step: int
) -> float | None:
    """As `estimate_blur`, in pixels of `step` by `step` plate pixels; None where it is more than all of `BLURS`."""
    pairs = [_pair(target, source, p, q, step=step) for p, q in zip(points, positions, strict=True)]
    kept = [pair for pair in pairs if pair is not None]
    if len(kept) < MIN_PATCHES:
        return 0.0
    patches = _Patches.stacked(kept)
    noise = np.zeros(len(kept))
    if grain is not None:
        level = to_log(patches.target.reshape(len(kept), -1).mean(1))
        noise = grain.at(level)[:, 1].astype(np.float64)
    mine = _energy(patches.target, patches.shown, blur=0) - noise * _energy_of_grain(grain, blur=0)
    theirs = _energy(patches.source, patches.shown, blur=0) - noise * _energy_of_grain(grain, blur=0)
    clear = mine > (MIN_SIGNAL - 1) * noise * _energy_of_grain(grain, blur=0) + TINY
    clear &= theirs > (MIN_SIGNAL - 1) * noise * _energy_of_grain(grain, blur=0) + TINY
    # The cheap test first, on all patches; then on those that show the same thing.
    if not _is_sharper(theirs[clear], mine[clear]):
        return 0.0
    clear &= _same(patches)
    if not _is_sharper(theirs[clear], mine[clear]):
        return 0.0
    excess_before, blur_before = float(np.median(np.log(theirs[clear] / mine[clear]))), 0.0
    for blur in BLURS:
        theirs = _energy(patches.source, patches.shown, blur=blur) - noise * _energy_of_grain(grain, blur=blur)
        excess = float(np.median(np.log(np.maximum(theirs[clear], TINY) / mine[clear])))
        if excess <= 0:
            # The energy's logarithm falls about evenly with the square of the blur: interpolated in between.
            share = excess_before / (excess_before - excess)
            return float(np.sqrt(blur_before**2 + share * (blur**2 - blur_before**2)))
        excess_before, blur_before = excess, blur
    return None


def _is_sharper(theirs: NDArray[np.float64], mine: NDArray[np.float64]) -> bool:
    """Whether the patches, (n,) energies each, agree that the source is the sharper one."""
    if len(mine) < MIN_PATCHES:
        return False
    ratio = np.log(theirs / mine)
    excess = float(np.median(ratio))
    error = MEDIAN_ERROR * float(np.median(np.abs(ratio - excess))) / np.sqrt(len(ratio) / 2)
    return excess >= max(MIN_DIFFERENCE, MIN_SIGNIFICANCE * error)


def _pair(
    target: SourcePlate, source: SourcePlate, point: Array, position: Array, *, step: int
) -> tuple[Array, Array, Mask] | None:
    """A patch of both frames, (SIDE, SIDE) green light each, and the pixels of its inner part that both show.

    None at the frames' edges, and where that is fewer than `MIN_PIXELS`.
    """
    found, shown = [], np.ones((SIDE, SIDE), np.bool_)
    for plate, at in ((target, point), (source, position)):
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
        # Blocked pixels get the patch's mean: a hole's edge must not count as a gradient.
        found.append(np.where(here, mean, mean[here].mean() if here.any() else 0).astype(np.float32))
        shown &= here
    inner = cv2.erode(shown.astype(np.uint8), np.ones((9, 9), np.uint8), borderValue=0) > 0
    inner[:MARGIN] = inner[-MARGIN:] = inner[:, :MARGIN] = inner[:, -MARGIN:] = False
    return (found[0], found[1], inner) if inner.sum() >= MIN_PIXELS else None


def _gain(target: Array, source: Array, shown: Mask) -> float:
    """The target's mean light over the source's in one patch; 1 where either has none."""
    mine, theirs = float(target[shown].mean()), float(source[shown].mean())
    return mine / theirs if min(mine, theirs) > 0 else 1.0


def _binned(values: Array, step: int) -> Array:
    """(SIDE, SIDE) means over `step` by `step` pixels."""
    if step == 1:
        return values
    return np.asarray(values.reshape(SIDE, step, SIDE, step).mean((1, 3)), np.float32)


def _energy(light: Array, shown: Mask, *, blur: float) -> NDArray[np.float64]:
    """(n,) the mean squared gradient of n blurred patches, (n SIDE, SIDE), over the pixels that are shown."""
    soft = cv2.GaussianBlur(light, (0, 0), blur) if blur else light
    values = cv2.GaussianBlur(to_log(soft), (0, 0), GRADIENT_BLUR)
    half = np.array([[-0.5, 0, 0.5]], np.float32)
    power = cv2.filter2D(values, -1, half) ** 2 + cv2.filter2D(values, -1, half.T) ** 2
    return _mean(power, shown)


def _mean(values: Array, shown: Mask) -> NDArray[np.float64]:
    """(n,) the mean of each patch over the pixels that are shown."""
    sums = (values * shown).reshape(-1, SIDE * SIDE).sum(1, dtype=np.float64)
    return np.asarray(sums / shown.reshape(-1, SIDE * SIDE).sum(1))


def _same(patches: _Patches) -> Mask:
    """(n,) which patches show the same on both frames: their low frequencies correlate."""
    shown = patches.shown
    a, b = (cv2.GaussianBlur(to_log(v), (0, 0), 2.5 * GRADIENT_BLUR) for v in (patches.target, patches.source))
    a, b = (v - np.repeat(_mean(v, shown), SIDE)[:, None].astype(np.float32) for v in (a, b))
    return np.asarray(_mean(a * b, shown) > MIN_CORRELATION * np.sqrt(_mean(a * a, shown) * _mean(b * b, shown)))


def _energy_of_grain(grain: GrainModel | None, *, blur: float) -> float:
    """What `_energy` gives for grain of variance 1; 0 without grain."""
    if grain is None:
        return 0.0
    sums = []
    for along in grain.size:
        own = gaussian_taps(along)
        kernel = np.convolve(np.convolve(own, _gaussian(blur)), _gaussian(GRADIENT_BLUR)) / np.sqrt((own**2).sum())
        sums.append(((kernel**2).sum(), (np.convolve(kernel, [0.5, 0, -0.5]) ** 2).sum()))
    return float(sums[0][1] * sums[1][0] + sums[0][0] * sums[1][1])


def _gaussian(blur: float) -> NDArray[np.float64]:
    """The taps of a Gaussian, out to 4 standard deviations."""
    if blur <= 0:
        return np.ones(1)
    reach = int(np.ceil(4 * blur))
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / blur) ** 2)
    return np.asarray(taps / taps.sum())
