"""Light match: how the light changed from each source frame to a target, and sources brought into the target's light.

On the visible rim around a hole candidates can be compared with the target itself. What differs there smoothly is
light: a cloud, a lamp, an iris. It is estimated per source frame and applied in the hole: a global exposure per
channel, a contrast where the rim determines it well, and, if asked for, a local exposure that varies smoothly over the
picture. An estimate shrinks towards no change by what its own error explains (Wiener shrinkage), so that a shot without
a change of light stays as it is.

Convention: colours are in the log range of `log_encoding`, changes as in `exposure`. Cell (r, c) of a local exposure
covers box pixels 4 r .. 4 r + 3 and 4 c .. 4 c + 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.candidates.candidate import Candidate, HoleRegion
from aan_engine.colour.exposure import (
    ALIKE,
    DOUBT,
    IDENTITY,
    Exposure,
    PixelPairs,
    apply_exposure,
    estimate_exposure,
    robust_scale,
    robust_weight,
    sensitivity,
)
from aan_engine.core.grouping import distinct_frames, group_by_frame
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array

LEAST_RIM = 120
"""Rim pixels below which the global change of a source frame is estimated from all that it has in common with the
target. Not measured separately."""

WIDTHS = (24.0, 10.0)
"""Standard deviations, in proxy pixels, of the Gaussians that a local exposure is fitted with, coarse to fine; the
coarse one grows with the hole, to reach across it. Not measured separately."""

STEEPEST = 0.7
"""Largest local exposure beside the global one, as a natural logarithm: one stop. Not measured separately."""

CELL = 4
"""Side of a cell of a local exposure, in pixels of the box."""

MOST_SAMPLES = 1000
"""Rim pixels per source frame, about, that estimates are made from. Chosen for time; not measured separately."""

INVISIBLE = 0.008
"""Exposure, as a natural logarithm, below which no change is applied: a hundredth of a stop."""

AlignedPairs = Callable[[int], PixelPairs | None]
"""Source frame -> the pixels that it and the target both show, aligned; None where no alignment is known."""

OnRim = list[tuple[Candidate, NDArray[np.intp]]]
"""Candidates, and for each the flat indices in the box of the rim pixels that it copies from one source frame."""


@dataclass(frozen=True, eq=False)
class LightMatch:
    """The change of light from each source frame to one target.

    Args:
        global_change: source frame -> its change, one for the whole picture; frames that are missing have none.
        local_exposure: source frame -> (h / 4, w / 4, 3) exposure over the box, beside the global change.
    """

    global_change: dict[int, Exposure] = field(default_factory=dict)
    local_exposure: dict[int, Array] = field(default_factory=dict)

    def apply(self, frame: int, values: Array, points: Array) -> Array:
        """Colours (n, 3) of a source frame in the target's light.

        Args:
            values: log range.
            points: (n, 2) positions (x, y) in the box that the colours are copied to.
        """
        change = self.global_change.get(frame, IDENTITY)
        if frame in self.local_exposure:
            cells = np.asarray((points + 0.5) / CELL - 0.5, np.float32)
            return apply_exposure(values, change, more=sample(self.local_exposure[frame], cells))
        return values if change is IDENTITY else apply_exposure(values, change)


NO_LIGHT_CHANGE = LightMatch()


def match_light(
    target: Array,
    hole: HoleRegion,
    candidates: list[Candidate],
    *,
    local: bool,
    aligned_pairs: AlignedPairs = lambda frame: None,
) -> LightMatch:
    """The change of light from each source frame of these candidates to the target.

    Args:
        target: (h, w, 3) log range over the box, read on the rim only.
        candidates: those that copy from plates.
        local: whether exposure may vary over the picture.
        aligned_pairs: asked for a source frame of which the rim shows too little.
    """
    rim = np.flatnonzero(hole.region & ~hole.hidden & ~hole.unusable)
    inner = np.flatnonzero(hole.hidden)
    coarsest = max(WIDTHS[0], float(cv2.distanceTransform(hole.hidden.astype(np.uint8), cv2.DIST_L2, 3).max()))
    light = LightMatch()
    on_rim = [(c, _frames(c, rim)) for c in candidates]
    for frame in sorted({f for c in candidates for f in distinct_frames(_frames(c, inner))}):
        shown = [(c, rim[frames == frame]) for c, frames in on_rim]
        samples = _RimSamples.of(target, [(c, pixels) for c, pixels in shown if len(pixels)])
        pairs = samples.pairs
        enough = len(pairs.target) >= LEAST_RIM * pairs.repeats
        if not enough:
            pairs = aligned_pairs(frame) or pairs
        if len(pairs.target) < LEAST_RIM * pairs.repeats:
            continue
        change = estimate_exposure(pairs)
        if np.abs(change.stops).max() > INVISIBLE or (change.contrast != 1).any():
            light.global_change[frame] = change
        else:
            change = IDENTITY
        if local and enough:
            exposure = _local_exposure(samples, change, shape=hole.hidden.shape, widths=(coarsest, *WIDTHS[1:]))
            if np.abs(exposure).max() > INVISIBLE:
                light.local_exposure[frame] = exposure
    return light


def apply_light(candidate: Candidate, light: LightMatch) -> Candidate:
    """The candidate in the target's light."""
    changed = light.global_change.keys() | light.local_exposure.keys()
    if not changed:
        return candidate
    image = candidate.image.copy()
    valid = np.flatnonzero(candidate.valid)
    pixels, width = image.reshape(-1, 3), candidate.valid.shape[1]
    for frame, members in group_by_frame(candidate.frame.flat[valid]):
        if frame not in changed:
            continue
        here = valid[members]
        y, x = np.divmod(here, width)
        pixels[here] = light.apply(frame, pixels[here], np.stack([x, y], -1).astype(np.float32))
    return replace(candidate, image=image)


def _frames(candidate: Candidate, pixels: NDArray[np.intp]) -> NDArray[np.int32]:
    """(n,) the source frame at each of the box's flat indices, -1 where the candidate is not valid."""
    return np.where(candidate.valid.reshape(-1)[pixels], candidate.frame.reshape(-1)[pixels], np.int32(-1))


@dataclass(frozen=True, eq=False)
class _RimSamples:
    """Rim pixels that one source frame shows.

    Args:
        target, source: (n, 3) log range, as the target and as the candidates show them.
        points: (n, 2) positions (x, y) in the box.
        thinning: rim pixels that one sample stands for.
        repeats: candidates that show the source frame: how often, at most, a rim pixel is among the samples.
    """

    target: Array
    source: Array
    points: Array
    thinning: float
    repeats: int

    @classmethod
    def of(cls, target: Array, shown: OnRim) -> _RimSamples:
        """Of `target` (h, w, 3) over the box; thinned, as neighbouring pixels are off by the same."""
        thinning = max(1, sum(len(pixels) for _, pixels in shown) // MOST_SAMPLES)
        ours, theirs, points = [np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.float32)], [np.zeros((0, 2))]
        for number, (candidate, pixels) in enumerate(shown):
            y, x = np.divmod(pixels[number % thinning :: thinning], target.shape[1])
            ours.append(target[y, x])
            theirs.append(candidate.image[y, x])
            points.append(np.stack([x, y], -1))
        at = np.concatenate(points).astype(np.float32)
        return cls(np.concatenate(ours), np.concatenate(theirs), at, thinning, max(1, len(shown)))

    @property
    def pairs(self) -> PixelPairs:
        """The colours without their positions."""
        return PixelPairs(self.target, self.source, self.repeats / self.thinning)


def _local_exposure(
    samples: _RimSamples, change: Exposure, *, shape: tuple[int, ...], widths: tuple[float, ...]
) -> Array:
    """(h / 4, w / 4, 3) the exposure that remains beside `change`, 0 where nothing is significant.

    A plane over the box first, then Gaussians of decreasing width (normalised convolution), each fitted to what the
    wider ones left and shrunk by its error. Two rounds of iteratively reweighted least squares: which pixels differ by
    light, and which by showing something else, is known better the second time.
    """
    total = np.zeros((-(-shape[0] // CELL), -(-shape[1] // CELL), 3), np.float32)
    for _ in range(2):
        gradient, weight, scatter = _normal_equations(samples, change, total)
        if not weight.any():
            # Black beside black, as under a title: no exposure changes that.
            break
        step = _plane(gradient, weight, scatter)
        for width in widths:
            step += _smooth(gradient - weight * step, weight, scatter, width=width)
        total = np.clip(total + step, -STEEPEST, STEEPEST)
        if np.abs(step).max() < INVISIBLE:
            break
    return total


def _normal_equations(samples: _RimSamples, change: Exposure, exposure: Array) -> list[Array]:
    """The weighted least squares for a step of `exposure`, summed over each cell: three of (rows, columns, 3).

    Returns:
        Gradient (weight x sensitivity x residual), normal matrix's diagonal (weight x sensitivity^2), and the squared
        gradients, from which follows the error.
    """
    cells = np.asarray((samples.points + 0.5) / CELL - 0.5, np.float32)
    image = apply_exposure(samples.source, change, more=sample(exposure, cells))
    slope, residual = sensitivity(image), samples.target - image
    gradient = (trust := robust_weight(residual, robust_scale(residual))) * slope * residual
    rows, columns = exposure.shape[:2]
    column, row = (samples.points // CELL).astype(np.intp).T
    at = row * columns + column

    def summed(values: Array) -> Array:
        sums = [np.bincount(at, values[:, c], rows * columns) for c in range(3)]
        return np.asarray(np.stack(sums, -1).reshape(rows, columns, 3) * (samples.thinning / CELL**2), np.float32)

    # The candidates' errors at one pixel are the same error: its square counts as often as there are candidates.
    return [summed(gradient), summed(trust * slope**2), summed(gradient**2 * samples.repeats)]


def _plane(gradient: Array, weight: Array, scatter: Array) -> Array:
    """The plane (rows, columns, 3) that fits the normal equations, its coefficients shrunk by their errors."""
    rows, columns = gradient.shape[:2]
    basis, products = _plane_basis(rows, columns)
    # One system of three unknowns for each of the three channels.
    normal, variance = ((products.T @ a.reshape(-1, 3)).T.reshape(3, 3, 3) for a in (weight, scatter * ALIKE))
    ridge = 1e-6 * np.trace(normal, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    inverse = np.linalg.pinv(normal + ridge, hermitian=True)
    found = (inverse @ (gradient.reshape(-1, 3).T @ basis)[..., None])[..., 0]
    error = np.diagonal(inverse @ variance @ inverse, axis1=1, axis2=2) / CELL**2
    shrunk = found * np.maximum(0, 1 - DOUBT * error / np.maximum(found**2, 1e-12))
    return np.asarray((basis @ shrunk.T).reshape(gradient.shape), np.float32)


@lru_cache(maxsize=2)
def _plane_basis(rows: int, columns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 3) the functions 1, x, y on a grid of cells, x and y in -1 .. 1; and (n, 9) their products in pairs."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    basis = np.stack([np.ones_like(x), x, y], -1).reshape(-1, 3)
    return basis, (basis[:, :, None] * basis[:, None, :]).reshape(-1, 9)


def _smooth(gradient: Array, weight: Array, scatter: Array, *, width: float) -> Array:
    """The exposure (rows, columns, 3) that fits the normal equations under a Gaussian of `width` pixels, shrunk.

    Wiener shrinkage per channel: signal / (signal + error), the signal being the variance among cells beyond that which
    the errors explain. A cell of which little is known shrinks to 0.
    """
    mean, known, power = (cv2.GaussianBlur(a, (0, 0), width / CELL) for a in (gradient, weight, scatter))
    known = np.maximum(known, 1e-4 * known.max() + 1e-12)
    value = mean / known
    # Independent errors under a Gaussian: their variance is divided by its effective area.
    error = power / known**2 * ALIKE / (4 * np.pi * width**2) + 1e-9
    has_samples = weight[..., 0] + weight[..., 1] + weight[..., 2] > 0
    signal = np.maximum((value[has_samples] ** 2 - DOUBT * error[has_samples]).mean(0), 0)
    return np.asarray(value * signal / (signal + DOUBT * error), np.float32)
