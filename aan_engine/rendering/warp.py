"""Transport: the decision carried out at full resolution: scene-linear plate pixels, warped once and copied.

The network said, on the proxy, which candidate shows each hidden pixel and where on its plate. Here those coordinates
are brought to the plate's resolution, each plate is sampled once (bicubic, in the log range, so that highlights
do not ring), and what the weights ask for is put together. Only what no plate shows comes from the painted layer.

Convention: plate and proxy positions as in `proxy`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import from_log
from aan_engine.core.box import masked_pixels
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array, Mask
from aan_engine.grain.model import resampling_gain
from aan_engine.plates.source_plate import SourcePlate, sample_plate
from aan_engine.rendering.defocus import Defocus, grain_after_blur
from aan_engine.rendering.edge_alignment import WORTH, HoleEdgeAligner
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.plate_sampler import source_positions
from aan_engine.rendering.tile_cache import TileCache
from aan_engine.selection.plan import FillPlan

CLEAR = 0.85
"""A candidate with more than this share, or seconded by it, is taken alone: averaging costs grain and sharpness."""

NEGLIGIBLE = 0.02
"""Shares below this are not worth opening a plate for."""

MIXED = 4
"""Where no candidate is clear, so many are averaged at most."""

INVENTED = 0.5
"""From this share of the painted layer on, a pixel was meant to be painted."""

AT_ONCE = 400_000
"""Pixels that are worked on at a time: bounds memory for mattes that cover an 8K frame."""


def render_fill(
    plan: FillPlan,
    hidden: Mask,
    *,
    size: tuple[int, int],
    source: Callable[[int], SourcePlate],
    target: SourcePlate | None = None,
    grain: tuple[float, float] = (0.0, 0.0),
    focus: Defocus | None = None,
    looks: TileCache | None = None,
) -> FillBuffer:
    """Fill the hidden pixels of a target.

    Args:
        decision: what the network decided on the target's proxy.
        hidden: (H, W) bool on the plate.
        size: (h, w) of the proxy.
        source: frame index -> its plate.
        target: the target's own plate, by whose visible pixels coordinates are polished; None leaves them as they are.
        grain: the size of the plates' grain, see `noise`.
        focus: what a copy is to be softened by; None leaves all as sharp as they are.
        looks: what was looked at for earlier targets, to be gone on with.
    """
    scale = proxy_scale((hidden.shape[0], hidden.shape[1]), size)
    rim = None
    if target is not None and 1 / scale.max() >= WORTH:
        rim = HoleEdgeAligner(plan, target, source=source, scale=scale, looks=looks or TileCache())
    out = FillBuffer.blank((hidden.shape[0], hidden.shape[1]))
    ys, xs = masked_pixels(hidden)
    stranded = []
    for begin in range(0, len(ys), AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        lost = _render_pixels(
            plan, ys[part], xs[part], scale=scale, source=source, rim=rim, out=out, grain=grain, focus=focus
        )
        stranded.append(lost + begin)
    lost = np.concatenate([np.zeros(0, np.intp), *stranded])
    out.repair_isolated(hidden, ys=ys[lost], xs=xs[lost])
    return out


def proxy_scale(plate: tuple[int, int], proxy: tuple[int, int]) -> Array:
    """(x, y) proxy pixels to a plate pixel, by both sizes, (height, width) each."""
    return np.array([proxy[1] / plate[1], proxy[0] / plate[0]], np.float32)


def from_paint(painted: SourcePlate, hidden: Mask, *, index: int) -> FillBuffer:
    """What an artist painted over a frame, taken as it is."""
    out = FillBuffer.blank((hidden.shape[0], hidden.shape[1]))
    ys, xs = masked_pixels(hidden)
    out.fill[ys, xs] = painted.picture.region(0, hidden.shape[0], 0, hidden.shape[1])[ys, xs]
    out.confidence[ys, xs], out.source[ys, xs], out.share[ys, xs] = 1, index, 1
    out.grain_kept[ys, xs] = out.grain_fine[ys, xs] = out.grain_coarse[ys, xs] = 1
    out.position[ys, xs] = np.stack([xs, ys], -1)
    return out


@dataclass(frozen=True, eq=False)
class _Hole:
    """n hidden pixels on their way to being filled.

    Args:
        pixels: (n, 2) their positions on the plate.
        points: (n, 2) the same places on the proxy, from the corner of the decision's box.
        shares: (n, K) the candidates' weights, the painted one last.
        scale: (x, y) proxy pixels to a plate pixel.
        grain: the size of the plates' grain.
        focus: what the copies are softened by.
    """

    plan: FillPlan
    pixels: Array
    points: Array
    shares: Array
    scale: Array
    source: Callable[[int], SourcePlate]
    rim: HoleEdgeAligner | None
    grain: tuple[float, float]
    focus: Defocus | None

    @property
    def offered(self) -> Mask:
        """(n, K - 1) which plates are worth opening."""
        return self.shares[:, :-1] > NEGLIGIBLE


def _render_pixels(
    plan: FillPlan,
    ys: NDArray[np.intp],
    xs: NDArray[np.intp],
    *,
    scale: Array,
    source: Callable[[int], SourcePlate],
    rim: HoleEdgeAligner | None,
    out: FillBuffer,
    grain: tuple[float, float],
    focus: Defocus | None,
) -> NDArray[np.intp]:
    """Lays these pixels; returns the numbers of those that were meant to be copied, and no plate shows."""
    pixels = np.stack([xs, ys], -1).astype(np.float32)
    points = (pixels + 0.5) * scale - 0.5 - (plan.hole.left, plan.hole.top)
    points = points.astype(np.float32)
    shares = _shares(plan, points)
    hole = _Hole(plan, pixels, points, shares, scale, source, rim, grain, focus)
    pot = _Accumulator.empty(len(ys))
    rank = np.argsort(np.argsort(-shares[:, :-1], axis=1, kind="stable"), axis=1)
    clear = (shares[:, :-1].max(1, initial=0) >= CLEAR) | (sample(plan.consensus, points) >= CLEAR)
    asked = hole.offered & (rank < np.where(clear, 1, MIXED)[:, None])
    _gather(hole, asked, pot=pot)
    # What turns out to be blocked at full resolution hands over to whatever else was proposed.
    stranded = hole.offered & ~asked & (pot.total == 0)[:, None]
    _gather(hole, stranded, pot=pot)
    settled = clear & ~stranded.any(1)
    lost = np.flatnonzero((pot.total == 0) & (shares[:, -1] < INVENTED))
    invented = shares[:, -1] * ~settled
    invented[pot.total == 0] = 1
    layer = plan.candidates[-1].image
    painted = sample(layer, points, sharp=True)
    whole = pot.total + invented
    mean = (pot.colour + invented[:, None] * painted) / whole[:, None]
    mean += sample(plan.correction, points)
    confidence = np.clip(pot.total / whole * sample(plan.agreement, points), 0, 1)
    kept, fine, coarse = (pot.power / whole[:, None] ** 2).T
    found = FillBuffer(
        fill=from_log(mean),
        confidence=confidence,
        source=pot.source,
        share=pot.share / whole,
        position=pot.position,
        unseen=invented / whole,
        grain_kept=kept,
        grain_fine=fine,
        grain_coarse=coarse,
    )
    out.scatter(found, ys * out.source.shape[1] + xs)
    return lost


@dataclass(frozen=True, eq=False)
class _Accumulator:
    """What was gathered for n pixels: weighted colour and weight, and the heaviest single source.

    `share` is all the weight that was gathered from that source's frame.

    `power`, (n, 3) as in `noise.kept_shares`, adds up the variance that the weighted sum has of each plate's grain:
    plates by themselves, since their grain is not the same.
    """

    colour: Array
    total: Array
    power: Array
    best: Array
    share: Array
    source: NDArray[np.int32]
    position: Array

    @classmethod
    def empty(cls, n: int) -> _Accumulator:
        blank = np.zeros(n, np.float32)
        return cls(
            np.zeros((n, 3), np.float32),
            blank,
            np.zeros((n, 3), np.float32),
            blank.copy(),
            blank.copy(),
            np.full(n, -1, np.int32),
            np.zeros((n, 2), np.float32),
        )


def _gather(hole: _Hole, asked: Mask, *, pot: _Accumulator) -> None:
    """Add to the pot what the asked candidates, (n, K - 1) bool, show; each plate is opened once."""
    rows, weights, frames, spots = [], [], [], []
    for k in np.flatnonzero(asked.any(0)):
        here = np.flatnonzero(asked[:, k])
        frame, spot = source_positions(hole.plan, int(k), hole.points[here], scale=hole.scale)
        if hole.rim is not None:
            spot += hole.rim.offsets(int(k), frame, hole.pixels[here])
        proposed = frame >= 0
        rows.append(here[proposed])
        weights.append(hole.shares[here[proposed], k])
        frames.append(frame[proposed])
        spots.append(spot[proposed])
    if not rows:
        return
    row, weight, frame, spot = (np.concatenate(v) for v in (rows, weights, frames, spots))
    lent, swing = np.empty_like(pot.total), np.empty_like(pot.power)
    for number, here in group_by_frame(frame):
        blur = hole.focus.blur_for(number) if hole.focus is not None else 0.0
        values, sound = sample_plate(hole.source(number), spot[here], blur=blur)
        here, values = here[sound], values[sound]
        values = hole.plan.light.apply(number, values, hole.points[row[here]])
        at, share = row[here], weight[here, None]
        np.add.at(pot.colour, at, share * values)
        left = resampling_gain(spot[here], hole.grain)
        if blur > 0:
            left = left * grain_after_blur(hole.grain, blur)
        # Of one frame and pixel there may be several entries: what they lend together is told once.
        lent[at], swing[at] = 0, 0
        np.add.at(lent, at, weight[here])
        np.add.at(swing, at, share * np.sqrt(left))
        pot.total[at] = pot.total[at] + lent[at]
        pot.power[at] = pot.power[at] + swing[at] ** 2
        # Ascending weight, so that of several entries for one pixel the heaviest is written last.
        heavy = here[np.argsort(weight[here], kind="stable")]
        heavy = heavy[weight[heavy] > pot.best[row[heavy]]]
        pot.best[row[heavy]], pot.source[row[heavy]] = weight[heavy], number
        pot.position[row[heavy]], pot.share[row[heavy]] = spot[heavy], lent[row[heavy]]


def _shares(plan: FillPlan, points: Array) -> Array:
    """(n, K) the candidates' weights at full resolution; the painted one last."""
    planes = np.ascontiguousarray(plan.weights.transpose(1, 2, 0))
    found = [sample(planes[..., k : k + 4], points).reshape(len(points), -1) for k in range(0, planes.shape[2], 4)]
    shares = np.concatenate(found, 1)
    return shares / np.maximum(shares.sum(1, keepdims=True), 1e-6)
