"""Transport: the decision carried out at full resolution: scene-linear plate pixels, warped once and copied.

The network said, on the proxy, which candidate shows each hidden pixel and where on its plate. Here those coordinates
are brought to the plate's resolution, each plate is sampled once (bicubic, in the log range, so that highlights
do not ring), and what the weights ask for is put together. Only what no plate shows comes from the painted layer.

Convention: plate and proxy positions as in `proxy`.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.decision import Decision
from aan_engine.light import decode, encode
from aan_engine.motion import Array, Mask, sample

CLEAR = 0.85
"""A candidate with more than this share is taken alone: averaging would cost grain and sharpness."""

NEGLIGIBLE = 0.02
"""Shares below this are not worth opening a plate for."""

MIXED = 4
"""Where no candidate is clear, so many are averaged at most."""

AT_ONCE = 400_000
"""Pixels that are worked on at a time: bounds memory for mattes that cover an 8K frame."""


@dataclass(frozen=True, eq=False)
class Source:
    """A plate to sample from.

    Args:
        pixels: (H, W, 3) scene-linear, float16 or float32.
        blocked: (H, W) bool: hidden, NaN or infinite; never sampled.
    """

    pixels: NDArray[np.floating]
    blocked: Mask

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""
        return self.pixels.nbytes + self.blocked.nbytes


@dataclass(frozen=True, eq=False)
class Carried:
    """One frame's fill at full resolution; every array has the plate's size, blank outside the matte.

    Args:
        fill: (H, W, 3) float32 scene-linear.
        confidence: (H, W) 0 .. 1, the share taken from plates, times how far the candidates agree with what was taken.
        source: (H, W) index of the winning source frame, -1 where painted.
        position: (H, W, 2) where on that frame's plate, in its pixels.
        unseen: (H, W) 0 .. 1, share synthesised.
    """

    fill: Array
    confidence: Array
    source: NDArray[np.int32]
    position: Array
    unseen: Array

    @classmethod
    def blank(cls, shape: tuple[int, int]) -> Carried:
        """Nothing carried: what a frame without a hole has."""
        return cls(
            np.zeros((*shape, 3), np.float32),
            np.zeros(shape, np.float32),
            np.full(shape, -1, np.int32),
            np.zeros((*shape, 2), np.float32),
            np.zeros(shape, np.float32),
        )


def carry(decision: Decision, hidden: Mask, *, size: tuple[int, int], source: Callable[[int], Source]) -> Carried:
    """Fill the hidden pixels of a target.

    Args:
        decision: what the network decided on the target's proxy.
        hidden: (H, W) bool on the plate.
        size: (h, w) of the proxy.
        source: frame index -> its plate.
    """
    out = Carried.blank((hidden.shape[0], hidden.shape[1]))
    ys, xs = np.nonzero(hidden)
    for begin in range(0, len(ys), AT_ONCE):
        part = slice(begin, begin + AT_ONCE)
        _carry_pixels(decision, ys[part], xs[part], size=size, source=source, out=out)
    return out


def laid_over(painted: Source, hidden: Mask, *, index: int) -> Carried:
    """What an artist painted over a frame, taken as it is."""
    out = Carried.blank((hidden.shape[0], hidden.shape[1]))
    ys, xs = np.nonzero(hidden)
    out.fill[ys, xs] = painted.pixels[ys, xs]
    out.confidence[ys, xs], out.source[ys, xs] = 1, index
    out.position[ys, xs] = np.stack([xs, ys], -1)
    return out


def _carry_pixels(
    decision: Decision,
    ys: NDArray[np.intp],
    xs: NDArray[np.intp],
    *,
    size: tuple[int, int],
    source: Callable[[int], Source],
    out: Carried,
) -> None:
    H, W = out.unseen.shape
    scale = np.array([size[1] / W, size[0] / H], np.float32)
    n = len(ys)
    plate_points = np.stack([xs, ys], -1).astype(np.float32)
    corner = np.array([decision.near.left, decision.near.top], np.float32)
    points = (plate_points + 0.5) * scale - 0.5 - corner
    shares = _shares(decision, points)
    pot = _Pot.empty(n)
    rank = np.argsort(np.argsort(-shares[:, :-1], axis=1, kind="stable"), axis=1)
    clear = shares[:, :-1].max(1, initial=0) >= CLEAR
    asked = (shares[:, :-1] > NEGLIGIBLE) & (rank < np.where(clear, 1, MIXED)[:, None])
    _gather(decision, points, shares, asked=asked, scale=scale, source=source, pot=pot)
    # What turns out to be blocked at full resolution hands over to whatever else was proposed.
    stranded = (shares[:, :-1] > NEGLIGIBLE) & ~asked & (pot.total == 0)[:, None]
    _gather(decision, points, shares, asked=stranded, scale=scale, source=source, pot=pot)
    settled = clear & (pot.best >= CLEAR)
    invented = np.where(settled, 0, shares[:, -1])
    invented[pot.total == 0] = 1
    layer = decision.layers[-1].image
    painted = sample(layer, points, sharp=True)
    whole = pot.total + invented
    mean = (pot.colour + invented[:, None] * painted) / whole[:, None]
    mean += sample(decision.correction, points)
    out.fill[ys, xs] = decode(mean)
    out.confidence[ys, xs] = np.clip(pot.total / whole * sample(decision.agreement, points), 0, 1)
    out.source[ys, xs], out.position[ys, xs] = pot.source, pot.position
    out.unseen[ys, xs] = invented / whole


@dataclass(frozen=True, eq=False)
class _Pot:
    """What was gathered for n pixels: weighted colour and weight, and the heaviest single source."""

    colour: Array
    total: Array
    best: Array
    source: NDArray[np.int32]
    position: Array

    @classmethod
    def empty(cls, n: int) -> _Pot:
        blank = np.zeros(n, np.float32)
        return cls(
            np.zeros((n, 3), np.float32), blank, blank.copy(), np.full(n, -1, np.int32), np.zeros((n, 2), np.float32)
        )


def _gather(
    decision: Decision,
    points: Array,
    shares: Array,
    *,
    asked: Mask,
    scale: Array,
    source: Callable[[int], Source],
    pot: _Pot,
) -> None:
    """Add to the pot what the asked candidates, (n, K - 1) bool, show; each plate is opened once."""
    rows, weights, frames, places = [], [], [], []
    for k in np.flatnonzero(asked.any(0)):
        here = np.flatnonzero(asked[:, k])
        frame, place = _places(decision, int(k), points[here], scale=scale)
        proposed = frame >= 0
        rows.append(here[proposed])
        weights.append(shares[here[proposed], k])
        frames.append(frame[proposed])
        places.append(place[proposed])
    if not rows:
        return
    row, weight, frame, place = (np.concatenate(v) for v in (rows, weights, frames, places))
    for number in np.unique(frame):
        here = np.flatnonzero(frame == number)
        values, sound = _sampled(source(int(number)), place[here])
        here = here[sound]
        np.add.at(pot.colour, row[here], weight[here, None] * values[sound])
        np.add.at(pot.total, row[here], weight[here])
        # Ascending weight, so that of several entries for one pixel the heaviest is written last.
        heavy = here[np.argsort(weight[here], kind="stable")]
        heavy = heavy[weight[heavy] > pot.best[row[heavy]]]
        pot.best[row[heavy]], pot.source[row[heavy]] = weight[heavy], number
        pot.position[row[heavy]] = place[heavy]


def _shares(decision: Decision, points: Array) -> Array:
    """(n, K) the candidates' weights at full resolution; the painted one last."""
    planes = np.ascontiguousarray(decision.weights.transpose(1, 2, 0))
    found = [sample(planes[..., k : k + 4], points).reshape(len(points), -1) for k in range(0, planes.shape[2], 4)]
    shares = np.concatenate(found, 1)
    return shares / np.maximum(shares.sum(1, keepdims=True), 1e-6)


def _places(decision: Decision, k: int, points: Array, *, scale: Array) -> tuple[NDArray[np.int32], Array]:
    """Of candidate k at (n, 2) box positions: the source frame (-1 where none) and the position on its plate.

    Displacements are interpolated among neighbours of one source frame only: across a border between sources there is
    nothing in between.
    """
    candidate = decision.layers[k]
    h, w = candidate.frame.shape
    cell = np.clip(np.rint(points).astype(np.int32), 0, (w - 1, h - 1))
    frames = candidate.frame[cell[:, 1], cell[:, 0]]
    corner = np.array([decision.near.left, decision.near.top], np.float32)
    y, x = np.mgrid[:h, :w].astype(np.float32)
    shift = candidate.position - corner - np.stack([x, y], -1)
    places = np.zeros((len(points), 2), np.float32)
    for frame in np.unique(frames[frames >= 0]):
        here = np.flatnonzero(frames == frame)
        member = (candidate.frame == frame).astype(np.float32)
        sums = sample(np.dstack([shift * member[..., None], member]), points[here])
        places[here] = points[here] + sums[:, :2] / np.maximum(sums[:, 2:], 1e-3)
    return frames, (places + corner + 0.5) / scale - 0.5


def _sampled(plate: Source, places: Array) -> tuple[Array, Mask]:
    """Log-range values (n, 3) at plate positions, and which are sound: inside the plate, every tap unblocked."""
    H, W = plate.blocked.shape
    low = np.floor(places.min(0)).astype(int) - 2
    high = np.ceil(places.max(0)).astype(int) + 3
    x0, y0 = np.clip(low, 0, (W - 1, H - 1))
    x1, y1 = np.clip(high, 1, (W, H))
    crop, blocked = plate.pixels[y0:y1, x0:x1].astype(np.float32), plate.blocked[y0:y1, x0:x1]
    if crop.size == 0:
        return np.zeros((len(places), 3), np.float32), np.zeros(len(places), bool)
    crop[blocked] = 0
    local = places - np.array([x0, y0], np.float32)
    values = sample(encode(crop), local, sharp=True)
    # A bicubic value has its taps up to a pixel beyond a bilinear one's: those must not touch the blocked ones grown by
    # one. The proxies' candidates are judged alike, so that what was decided on can be carried out.
    reached = cv2.dilate(blocked.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(np.float32)
    inside = (places >= 0).all(-1) & (places[:, 0] <= W - 1) & (places[:, 1] <= H - 1)
    return values, inside & (sample(reached, local) < 1e-3)
