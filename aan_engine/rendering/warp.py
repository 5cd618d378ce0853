"""The first stage: the plan carried out at full resolution. Scene-linear plate pixels are warped once and copied.

The networks decided, on the proxy, which candidate shows each hidden pixel and where on its plate. Here those
positions are brought to the plate's resolution, each plate is sampled once (bicubic, in the log range, so that
highlights do not ring), and the samples are mixed by the candidates' weights. What no plate shows is taken from the
synthesised layer.

Two services of the target are asked before a plate is sampled, as they decide where and how: `edge_alignment` by how
far positions found on proxies are off, and `defocus` by how much the copy must be softened.

Constants that do not say how they were found were not measured separately.

Convention: plate and proxy positions as in `core.proxy_scale`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.log_encoding import from_log
from aan_engine.core.box import Box, masked_pixels
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array, Mask
from aan_engine.grain.model import resampling_gain
from aan_engine.plates.source_plate import SourcePlate, sample_plate
from aan_engine.rendering.defocus import Defocus, grain_after_blur
from aan_engine.rendering.edge_alignment import MIN_COARSENESS, HoleEdgeAligner
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.plate_sampler import source_positions
from aan_engine.rendering.target import Target
from aan_engine.selection.plan import FillPlan

CLEAR = 0.85
"""A candidate with at least this weight, or whose weight and that of those that agree with it are as much, is copied
alone: averaging costs grain and sharpness."""

NEGLIGIBLE = 0.02
"""Weight up to which a candidate is not worth opening a plate for."""

MAX_MIXED = 4
"""Candidates that are averaged at most where none is clear."""

SYNTHESISED = 0.5
"""Weight of the synthesised layer from which on a pixel was meant to be synthesised."""

CHUNK = 400_000
"""Pixels that are worked on at a time: bounds memory for mattes that cover an 8K frame."""


@dataclass(frozen=True)
class Warp:
    """Fills the hidden pixels of a target as planned; the fill so far is overwritten.

    Args:
        align_edges: whether positions are refined along the hole's edge; False for an ablation.
        match_defocus: whether copies are softened to the target's defocus; False for an ablation. Either only takes
            place where the target asks for it: edges are aligned where plates are larger than their proxies.
    """

    align_edges: bool = True
    match_defocus: bool = True

    def __call__(self, fill: FillBuffer, target: Target, /) -> FillBuffer:
        """See `target.Stage`."""
        aligned = self.align_edges and target.scale.coarseness >= MIN_COARSENESS
        softened = self.match_defocus and target.match_defocus
        services = _Services(HoleEdgeAligner(target) if aligned else None, Defocus(target) if softened else None)
        ys, xs = masked_pixels(target.hidden)
        missed = [np.zeros(0, np.intp)]
        for begin in range(0, len(ys), CHUNK):
            part = slice(begin, begin + CHUNK)
            missed.append(_fill_pixels(fill, target, services, ys=ys[part], xs=xs[part]) + begin)
        isolated = np.concatenate(missed)
        fill.repair_isolated(target.hidden, ys=ys[isolated], xs=xs[isolated])
        return fill


def from_paint(painted: SourcePlate, hidden: Mask, *, index: int) -> FillBuffer:
    """The fill of a frame that the artist has painted: the hidden pixels of `painted`, as they are."""
    fill = FillBuffer.blank(hidden.shape)
    ys, xs = masked_pixels(hidden)
    fill.fill[ys, xs] = painted.picture.region(Box.whole(hidden.shape))[ys, xs]
    fill.confidence[ys, xs], fill.source[ys, xs], fill.share[ys, xs] = 1, index, 1
    fill.grain_kept[ys, xs] = fill.grain_fine[ys, xs] = fill.grain_coarse[ys, xs] = 1
    fill.position[ys, xs] = np.stack([xs, ys], -1)
    return fill


@dataclass(frozen=True, eq=False)
class _Services:
    """What is asked before plates are sampled; None where it is left out."""

    aligner: HoleEdgeAligner | None
    defocus: Defocus | None


@dataclass(frozen=True, eq=False)
class _Pixels:
    """n hidden pixels to be filled.

    Args:
        pixels: (n, 2) their positions on the plate.
        points: (n, 2) the same on the proxy, counted from the corner of the plan's box.
        weights: (n, K) the candidates' weights, the synthesised one last.
    """

    pixels: Array
    points: Array
    weights: Array

    @property
    def offered(self) -> Mask:
        """(n, K - 1) which candidates are worth opening their plates for."""
        return self.weights[:, :-1] > NEGLIGIBLE


@dataclass(frozen=True, eq=False)
class _Accumulator:
    """Weighted sums of what n pixels were given, and the heaviest single source of each.

    Args:
        colour: (n, 3) weighted log-range values; `total`: (n,) their weights.
        power: (n, 3) as `resampling_gain`, the variance that the weighted sum has of each plate's grain. Amplitudes
            add up within a plate, powers between plates, since their grain is independent.
        best: (n,) the weight of the heaviest entry, `source` and `position` its frame and where on the plate.
        share: (n,) all the weight that was given from that frame.
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
        return cls(
            colour=np.zeros((n, 3), np.float32),
            total=np.zeros(n, np.float32),
            power=np.zeros((n, 3), np.float32),
            best=np.zeros(n, np.float32),
            share=np.zeros(n, np.float32),
            source=np.full(n, -1, np.int32),
            position=np.zeros((n, 2), np.float32),
        )


def _fill_pixels(
    fill: FillBuffer, target: Target, services: _Services, *, ys: NDArray[np.intp], xs: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Fill these pixels; returns the numbers of those that were meant to be copied, and that no plate shows."""
    plan = target.plan
    pixels = np.stack([xs, ys], -1).astype(np.float32)
    points = target.scale.to_proxy(pixels) - (plan.hole.left, plan.hole.top)
    points = points.astype(np.float32)
    weights = _weights(plan, points)
    hole, sums = _Pixels(pixels, points, weights), _Accumulator.empty(len(ys))
    rank = np.argsort(np.argsort(-weights[:, :-1], axis=1, kind="stable"), axis=1)
    clear = (weights[:, :-1].max(1, initial=0) >= CLEAR) | (sample(plan.consensus, points) >= CLEAR)
    chosen = hole.offered & (rank < np.where(clear, 1, MAX_MIXED)[:, None])
    _gather(hole, chosen, target, services, sums=sums)
    # Where all of these turn out to be blocked at full resolution, the other candidates are copied instead.
    others = hole.offered & ~chosen & (sums.total == 0)[:, None]
    _gather(hole, others, target, services, sums=sums)
    missed = np.flatnonzero((sums.total == 0) & (weights[:, -1] < SYNTHESISED))
    # Where one candidate was copied alone its weight stands for all.
    synthesised = weights[:, -1] * ~(clear & ~others.any(1))
    synthesised[sums.total == 0] = 1
    layer = sample(plan.candidates[-1].image, points, sharp=True)
    whole = sums.total + synthesised
    mean = (sums.colour + synthesised[:, None] * layer) / whole[:, None]
    mean += sample(plan.correction, points)
    confidence = np.clip(sums.total / whole * sample(plan.agreement, points), 0, 1)
    kept, fine, coarse = (sums.power / whole[:, None] ** 2).T
    fill.scatter(
        ys * fill.source.shape[1] + xs,
        fill=from_log(mean),
        confidence=confidence,
        source=sums.source,
        share=sums.share / whole,
        position=sums.position,
        unseen=synthesised / whole,
        grain_kept=kept,
        grain_fine=fine,
        grain_coarse=coarse,
    )
    return missed


def _gather(hole: _Pixels, chosen: Mask, target: Target, services: _Services, *, sums: _Accumulator) -> None:
    """Add up what the chosen candidates, (n, K - 1) bool, show; each plate is opened once."""
    rows, weights, frames, positions = [], [], [], []
    for k in np.flatnonzero(chosen.any(0)):
        here = np.flatnonzero(chosen[:, k])
        frame, position = source_positions(target.plan, int(k), hole.points[here], scale=target.scale)
        if services.aligner is not None:
            position += services.aligner.offsets(int(k), frame, hole.pixels[here])
        proposed = frame >= 0
        rows.append(here[proposed])
        weights.append(hole.weights[here[proposed], k])
        frames.append(frame[proposed])
        positions.append(position[proposed])
    if not rows:
        return
    row, weight, frame, position = (np.concatenate(v) for v in (rows, weights, frames, positions))
    given, amplitude = np.empty_like(sums.total), np.empty_like(sums.power)
    for number, here in group_by_frame(frame):
        blur = services.defocus.blur_for(number) if services.defocus is not None else 0.0
        values, sound = sample_plate(target.sources.source(number), position[here], blur=blur)
        here, values = here[sound], values[sound]
        values = target.plan.light.apply(number, values, hole.points[row[here]])
        at, share = row[here], weight[here, None]
        np.add.at(sums.colour, at, share * values)
        gain = resampling_gain(position[here], target.grain_size)
        if blur > 0:
            gain = gain * grain_after_blur(target.grain_size, blur)
        # Several candidates may give a pixel the same frame: what they give together counts once.
        given[at], amplitude[at] = 0, 0
        np.add.at(given, at, weight[here])
        np.add.at(amplitude, at, share * np.sqrt(gain))
        sums.total[at] = sums.total[at] + given[at]
        sums.power[at] = sums.power[at] + amplitude[at] ** 2
        # Ascending weight, so that of several entries for one pixel the heaviest is written last.
        heavy = here[np.argsort(weight[here], kind="stable")]
        heavy = heavy[weight[heavy] > sums.best[row[heavy]]]
        sums.best[row[heavy]], sums.source[row[heavy]] = weight[heavy], number
        sums.position[row[heavy]], sums.share[row[heavy]] = position[heavy], given[row[heavy]]


def _weights(plan: FillPlan, points: Array) -> Array:
    """(n, K) the candidates' weights at (n, 2) box positions, the synthesised one last."""
    planes = np.ascontiguousarray(plan.weights.transpose(1, 2, 0))
    found = [sample(planes[..., k : k + 4], points).reshape(len(points), -1) for k in range(0, planes.shape[2], 4)]
    weights = np.concatenate(found, 1)
    return weights / np.maximum(weights.sum(1, keepdims=True), 1e-6)
