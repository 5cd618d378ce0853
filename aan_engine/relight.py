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

import cv2
import numpy as np

from aan_engine.candidate import Candidate, Kind, Neighbourhood
from aan_engine.exposure import ALIKE, DOUBT, STILL, Compared, Exposure, exposure, lit, sensitivity, trusted, usual
from aan_engine.motion import Array, Mask, sample

SCARCE = 120
"""Rim pixels below which a source frame is judged by all that it shows of the target."""

WIDTHS = (24.0, 10.0)
"""Proxy pixels over which light may vary, coarse to fine; the coarse one reaches across the hole at least."""

STEEPEST = 0.7
"""The largest local exposure beside the global one: a stop."""

CELL = 4
"""Pixels of the box to a cell of a field."""

Whole = Callable[[int], Compared | None]
"""Source frame -> all that it shows of the target, aligned; None where nothing leads there."""

Shown = list[tuple[Candidate, Mask]]
"""Candidates, and where each shows one source frame on the rim."""


@dataclass(frozen=True, eq=False)
class Relit:
    """The light of one target against each of its source frames.

    Args:
        whole: source frame -> its change of light, one for the whole picture; frames without one are as they are.
        fields: source frame -> exposure (h / 4, w / 4, 3) over the box beside it.
    """

    whole: dict[int, Exposure] = field(default_factory=dict)
    fields: dict[int, Array] = field(default_factory=dict)

    def apply(self, frame: int, values: Array, points: Array) -> Array:
        """Log-range values (n, 3) of a source frame in the target's light, at box positions (n, 2)."""
        change = self.whole.get(frame, STILL)
        if frame in self.fields:
            cells = np.asarray((points + 0.5) / CELL - 0.5, np.float32)
            return lit(values, change, more=sample(self.fields[frame], cells))
        return values if change is STILL else lit(values, change)


UNLIT = Relit()
"""No change of light."""


def relight(
    target: Array, near: Neighbourhood, layers: list[Candidate], *, local: bool, whole: Whole = lambda frame: None
) -> Relit:
    """What light did between each source frame of these candidates and the target.

    Args:
        target: (h, w, 3) log range over the box, read on the rim only.
        layers: candidates that lie on plates.
        local: whether exposure may vary over the picture.
        whole: asked where a frame's share of the rim is too small.
    """
    rim = near.wanted & ~near.hidden & ~near.barred
    width = max(WIDTHS[0], float(cv2.distanceTransform(near.hidden.astype(np.uint8), cv2.DIST_L2, 3).max()))
    found = Relit()
    for frame in sorted({int(f) for c in layers for f in np.unique(c.frame[c.valid & near.hidden])} - {-1}):
        # What attention likes may be another place that looks alike: its light says nothing.
        seen = [(c, c.valid & rim & (c.frame == frame)) for c in layers if c.kind is not Kind.ATTENDED]
        seen = [(c, here) for c, here in seen if here.any()]
        compared = _on_rim(target, seen)
        enough = len(compared.wanted) >= SCARCE * compared.layers
        if not enough:
            compared = whole(frame) or compared
        if len(compared.wanted) < SCARCE * compared.layers:
            continue
        change = exposure(compared)
        if change is not STILL:
            found.whole[frame] = change
        if local and enough:
            varying = _field(target, seen, change, widths=(width, *WIDTHS[1:]))
            if varying.any():
                found.fields[frame] = varying
    return found


def in_light(candidate: Candidate, light: Relit) -> Candidate:
    """The candidate as it would look in the target's light."""
    image = candidate.image.copy()
    for frame in light.whole.keys() | light.fields.keys():
        here = candidate.valid & (candidate.frame == frame)
        if here.any():
            ys, xs = np.nonzero(here)
            image[here] = light.apply(frame, image[here], np.stack([xs, ys], -1).astype(np.float32))
    return replace(candidate, image=image)


def _on_rim(target: Array, seen: Shown) -> Compared:
    empty = np.zeros((0, 3), np.float32)
    wanted = np.concatenate([empty, *(target[here] for _, here in seen)])
    return Compared(wanted, np.concatenate([empty, *(c.image[here] for c, here in seen)]), max(1, len(seen)))


def _field(target: Array, seen: Shown, change: Exposure, *, widths: tuple[float, ...]) -> Array:
    """(h / 4, w / 4, 3) the exposure that is left beside `change`, 0 where nothing stands out.

    Coarse to fine, from one slope across the box: each width explains what the coarser ones left, as far as it is more
    than chance. Looked at twice: what is light, and what something else that stands there, is known better then.
    """
    total = np.zeros((-(-target.shape[0] // CELL), -(-target.shape[1] // CELL), 3), np.float32)
    for _ in range(2):
        pull, weight, scatter = _residuals(target, seen, change, total)
        more = _slope(pull, weight, scatter)
        for width in widths:
            more += _significant(pull - weight * more, weight, scatter, width=width)
        total = np.clip(total + more, -STEEPEST, STEEPEST)
    return total


def _residuals(target: Array, seen: Shown, change: Exposure, found: Array) -> list[Array]:
    """In cells, (rows, columns, 3) each: which way the rim pulls the exposure `found`, how strongly, and its square."""
    h, w = target.shape[:2]
    beside = cv2.resize(found, (CELL * found.shape[1], CELL * found.shape[0]), interpolation=cv2.INTER_LINEAR)[:h, :w]
    images = [(lit(c.image, change, more=beside), here) for c, here in seen]
    spread = usual(np.concatenate([target[here] - image[here] for image, here in images]))
    sums = np.zeros((3, *target.shape), np.float32)
    for image, here in images:
        slope, off = sensitivity(image), target - image
        sure = trusted(off, spread) * here[..., None]
        # Candidates err together: the squares count as often as there are candidates.
        sums += np.stack([sure * slope * off, sure * slope**2, (sure * slope * off) ** 2 * len(seen)])
    return [_in_cells(s) for s in sums]


def _in_cells(values: Array) -> Array:
    """(h, w, 3) in cells: their means, 0 beyond the edge."""
    h, w = values.shape[:2]
    whole = cv2.copyMakeBorder(values, 0, -h % CELL, 0, -w % CELL, cv2.BORDER_CONSTANT, value=0)
    return cv2.resize(whole, (whole.shape[1] // CELL, whole.shape[0] // CELL), interpolation=cv2.INTER_AREA)


def _slope(pull: Array, weight: Array, scatter: Array) -> Array:
    """The plane (rows, columns, 3) through what pulls, weights and squared pulls say, its slopes less their doubt."""
    rows, columns = pull.shape[:2]
    y, x = np.mgrid[-1 : 1 : rows * 1j, -1 : 1 : columns * 1j]
    basis = np.stack([np.ones_like(x), x, y], -1)
    plane = np.zeros(pull.shape, np.float32)
    for c in range(3):
        known, doubt = (np.einsum("yx,yxi,yxj->ij", a[..., c], basis, basis) for a in (weight, scatter * ALIKE))
        inverse = np.linalg.pinv(known + 1e-6 * np.trace(known) * np.eye(3), hermitian=True)
        found = inverse @ np.einsum("yx,yxi->i", pull[..., c], basis)
        error = np.diag(inverse @ doubt @ inverse) / CELL**2
        plane[..., c] = basis @ (found * np.maximum(0, 1 - DOUBT * error / np.maximum(found**2, 1e-12)))
    return plane


def _significant(pull: Array, weight: Array, scatter: Array, *, width: float) -> Array:
    """What pulls, weights and squared pulls (rows, columns, 3) say over `width` pixels, less what might be chance.

    How much varies at all is told by the variance among places against that which the scatter would bring about; a
    place of which little is known is pulled to 0.
    """
    mean, known, power = (cv2.GaussianBlur(a, (0, 0), width / CELL) for a in (pull, weight, scatter))
    known = np.maximum(known, 1e-4 * known.max() + 1e-12)
    value = mean / known
    error = power / known**2 * ALIKE / (4 * np.pi * width**2) + 1e-9
    shown = weight.sum(-1) > 0
    signal = np.maximum((value[shown] ** 2 - DOUBT * error[shown]).mean(0), 0)
    return np.asarray(value * signal / (signal + DOUBT * error), np.float32)
