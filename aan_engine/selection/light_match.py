"""Relight: what light did between a source frame and a target, and a source's pixels brought into the target's light.

On the visible rim around a hole candidates can be laid over the plate itself. What differs there softly is light: a
cloud, a lamp, an iris. It is told per source frame and carried into the hole: one exposure a channel, a contrast
where the rim leaves no doubt of it, and, if wanted, an exposure that varies softly over the picture. What might as well
be noise is left alone: a shot without a light change stays as it is.

Convention: pictures are in the log range of `light`, changes as in `exposure`. Cell (r, c) of a field covers box pixels
4 r .. 4 r + 3 and 4 c .. 4 c + 3.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.candidates.candidate import Candidate, HoleRegion, Kind
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

SCARCE = 120
"""Rim pixels below which a source frame is judged by all that it shows of the target."""

WIDTHS = (24.0, 10.0)
"""Proxy pixels over which light may vary, coarse to fine; the coarse one reaches across the hole at least."""

STEEPEST = 0.7
"""The largest local exposure beside the global one: a stop."""

CELL = 4
"""Pixels of the box to a cell of a field."""

MOST = 1000
"""Rim pixels that are looked at for one source frame, about."""

UNSEEN = 0.008
"""An exposure that nobody sees: a hundredth of a stop."""

Whole = Callable[[int], PixelPairs | None]
"""Source frame -> all that it shows of the target, aligned; None where nothing leads there."""

Shown = list[tuple[Candidate, NDArray[np.intp]]]
"""Candidates, and the box's flat indices where each shows one source frame on the rim."""


@dataclass(frozen=True, eq=False)
class LightMatch:
    """The light of one target against each of its source frames.

    Args:
        whole: source frame -> its change of light, one for the whole picture; frames without one are as they are.
        fields: source frame -> exposure (h / 4, w / 4, 3) over the box beside it.
    """

    whole: dict[int, Exposure] = field(default_factory=dict)
    fields: dict[int, Array] = field(default_factory=dict)

    def apply(self, frame: int, values: Array, points: Array) -> Array:
        """Log-range values (n, 3) of a source frame in the target's light, at box positions (n, 2)."""
        change = self.whole.get(frame, IDENTITY)
        if frame in self.fields:
            cells = np.asarray((points + 0.5) / CELL - 0.5, np.float32)
            return apply_exposure(values, change, more=sample(self.fields[frame], cells))
        return values if change is IDENTITY else apply_exposure(values, change)


NO_LIGHT_CHANGE = LightMatch()
"""No change of light."""


def match_light(
    target: Array, hole: HoleRegion, candidates: list[Candidate], *, local: bool, whole: Whole = lambda frame: None
) -> LightMatch:
    """What light did between each source frame of these candidates and the target.

    Args:
        target: (h, w, 3) log range over the box, read on the rim only.
        layers: candidates that lie on plates.
        local: whether exposure may vary over the picture.
        whole: asked where a frame's share of the rim is too small.
    """
    rim = np.flatnonzero(hole.wanted & ~hole.hidden & ~hole.unusable)
    inner = np.flatnonzero(hole.hidden)
    width = max(WIDTHS[0], float(cv2.distanceTransform(hole.hidden.astype(np.uint8), cv2.DIST_L2, 3).max()))
    found = LightMatch()
    # What attention likes may be another place that looks alike: its light says nothing.
    judges = [(c, _frames(c, rim)) for c in candidates if c.kind is not Kind.ATTENTION]
    for frame in sorted({f for c in candidates for f in distinct_frames(_frames(c, inner))}):
        seen = [(c, rim[frames == frame]) for c, frames in judges]
        seen = [(c, here) for c, here in seen if len(here)]
        samples = _Samples.of(target, seen)
        compared = samples.compared
        enough = len(compared.target) >= SCARCE * compared.repeats
        if not enough:
            compared = whole(frame) or compared
        if len(compared.target) < SCARCE * compared.repeats:
            continue
        change = estimate_exposure(compared)
        if np.abs(change.stops).max() > UNSEEN or (change.contrast != 1).any():
            found.whole[frame] = change
        else:
            change = IDENTITY
        if local and enough:
            varying = _field(samples, change, shape=hole.hidden.shape, widths=(width, *WIDTHS[1:]))
            if np.abs(varying).max() > UNSEEN:
                found.fields[frame] = varying
    return found


def apply_light(candidate: Candidate, light: LightMatch) -> Candidate:
    """The candidate as it would look in the target's light."""
    changed = light.whole.keys() | light.fields.keys()
    if not changed:
        return candidate
    image = candidate.image.copy()
    known = np.flatnonzero(candidate.valid)
    pixels, width = image.reshape(-1, 3), candidate.valid.shape[1]
    for frame, among in group_by_frame(candidate.frame.flat[known]):
        if frame not in changed:
            continue
        here = known[among]
        y, x = np.divmod(here, width)
        pixels[here] = light.apply(frame, pixels[here], np.stack([x, y], -1).astype(np.float32))
    return replace(candidate, image=image)


def _frames(candidate: Candidate, places: NDArray[np.intp]) -> NDArray[np.int32]:
    """The source frame at each of the box's flat indices, -1 where the candidate says nothing."""
    return np.where(candidate.valid.reshape(-1)[places], candidate.frame.reshape(-1)[places], np.int32(-1))


@dataclass(frozen=True, eq=False)
class _Samples:
    """Rim pixels of the box, as the target and as the candidates show them: (n, 3), (n, 3), and where, (n, 2).

    `each` says for how many pixels one stands, `repeats` how often a pixel is there.
    """

    wanted: Array
    shown: Array
    points: Array
    each: float
    repeats: int

    @classmethod
    def of(cls, target: Array, seen: Shown) -> _Samples:
        """Of candidates on the rim, thinned: neighbouring pixels say the same."""
        whole = sum(len(here) for _, here in seen)
        thin = max(1, whole // MOST)
        wanted, shown, points = [np.zeros((0, 3), np.float32)], [np.zeros((0, 3), np.float32)], [np.zeros((0, 2))]
        for number, (candidate, here) in enumerate(seen):
            at = here[number % thin :: thin]
            y, x = np.divmod(at, target.shape[1])
            wanted.append(target[y, x])
            shown.append(candidate.image[y, x])
            points.append(np.stack([x, y], -1))
        places = np.concatenate(points).astype(np.float32)
        return cls(np.concatenate(wanted), np.concatenate(shown), places, thin, max(1, len(seen)))

    @property
    def compared(self) -> PixelPairs:
        """The values by themselves."""
        return PixelPairs(self.wanted, self.shown, self.repeats / self.each)


def _field(samples: _Samples, change: Exposure, *, shape: tuple[int, ...], widths: tuple[float, ...]) -> Array:
    """(h / 4, w / 4, 3) the exposure that is left beside `change`, 0 where nothing stands out.

    Coarse to fine, from one slope across the box: each width explains what the coarser ones left, as far as it is more
    than chance. Looked at twice: what is light, and what something else that stands there, is known better then.
    """
    total = np.zeros((-(-shape[0] // CELL), -(-shape[1] // CELL), 3), np.float32)
    for _ in range(2):
        pull, weight, scatter = _residuals(samples, change, total)
        if not weight.any():
            # Black on black, as under a title: no light changes that.
            break
        more = _slope(pull, weight, scatter)
        for width in widths:
            more += _significant(pull - weight * more, weight, scatter, width=width)
        total = np.clip(total + more, -STEEPEST, STEEPEST)
        if np.abs(more).max() < UNSEEN:
            break
    return total


def _residuals(samples: _Samples, change: Exposure, found: Array) -> list[Array]:
    """In cells, (rows, columns, 3) each: which way the rim pulls the exposure `found`, how strongly, and its square."""
    cells = np.asarray((samples.points + 0.5) / CELL - 0.5, np.float32)
    image = apply_exposure(samples.shown, change, more=sample(found, cells))
    slope, off = sensitivity(image), samples.wanted - image
    pull = (sure := robust_weight(off, robust_scale(off))) * slope * off
    rows, columns = found.shape[:2]
    column, row = (samples.points // CELL).astype(np.intp).T
    at = row * columns + column

    def summed(values: Array) -> Array:
        sums = [np.bincount(at, values[:, c], rows * columns) for c in range(3)]
        return np.asarray(np.stack(sums, -1).reshape(rows, columns, 3) * (samples.each / CELL**2), np.float32)

    # Candidates err together: the squares count as often as there are candidates.
    return [summed(pull), summed(sure * slope**2), summed(pull**2 * samples.repeats)]


def _slope(pull: Array, weight: Array, scatter: Array) -> Array:
    """The plane (rows, columns, 3) through what pulls, weights and squared pulls say, its slopes less their doubt."""
    rows, columns = pull.shape[:2]
    flat, crossed = _plane(rows, columns)
    # Three channels at a time, each a system of three unknowns.
    known, doubt = ((crossed.T @ a.reshape(-1, 3)).T.reshape(3, 3, 3) for a in (weight, scatter * ALIKE))
    stiff = 1e-6 * np.trace(known, axis1=1, axis2=2)[:, None, None] * np.eye(3)
    inverse = np.linalg.pinv(known + stiff, hermitian=True)
    found = (inverse @ (pull.reshape(-1, 3).T @ flat)[..., None])[..., 0]
    error = np.diagonal(inverse @ doubt @ inverse, axis1=1, axis2=2) / CELL**2
    kept = found * np.maximum(0, 1 - DOUBT * error / np.maximum(found**2, 1e-12))
    return np.asarray((flat @ kept.T).reshape(pull.shape), np.float32)


@lru_cache(maxsize=2)
def _plane(rows: int, columns: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """(n, 3) what a plane is made of on a grid of cells, and (n, 9) every two of these multiplied."""
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    flat = np.stack([np.ones_like(x), x, y], -1).reshape(-1, 3)
    return flat, (flat[:, :, None] * flat[:, None, :]).reshape(-1, 9)


def _significant(pull: Array, weight: Array, scatter: Array, *, width: float) -> Array:
    """What pulls, weights and squared pulls (rows, columns, 3) say over `width` pixels, less what might be chance.

    How much varies at all is told by the variance among places against that which the scatter would bring about; a
    place of which little is known is pulled to 0.
    """
    mean, known, power = (cv2.GaussianBlur(a, (0, 0), width / CELL) for a in (pull, weight, scatter))
    known = np.maximum(known, 1e-4 * known.max() + 1e-12)
    value = mean / known
    error = power / known**2 * ALIKE / (4 * np.pi * width**2) + 1e-9
    shown = weight[..., 0] + weight[..., 1] + weight[..., 2] > 0
    signal = np.maximum((value[shown] ** 2 - DOUBT * error[shown]).mean(0), 0)
    return np.asarray(value * signal / (signal + DOUBT * error), np.float32)
