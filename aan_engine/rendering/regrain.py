"""Regrain: a fill gets the grain of the plate around it, fresh on every frame.

Resampled, mixed and painted pixels have less grain than the plate: what is missing is added. A copy whose source pixel
shows on a neighbouring frame as well has its grain, but stands still along the motion: it is cored, and given fresh
grain.

Convention: variances in the log range, as in `grain`; a fill's pixels lie over the plate.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace

import cv2
import numpy as np

from aan_engine.colour.log_encoding import channel_mean, from_log, to_log
from aan_engine.core.box import box_around, masked_pixels
from aan_engine.core.grouping import group_by_frame
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array, Mask
from aan_engine.grain import denoise
from aan_engine.grain.estimate import GrainModel, NeighbourSample, estimate_grain
from aan_engine.grain.model import resampling_gain
from aan_engine.plates.source_plate import PlatePixels, SourcePlate, sample_plate
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.second_sample import SecondSampler
from aan_engine.selection.plan import FillPlan

AROUND = 96
"""Pixels around the hole whose grain is looked at."""

TILE = 128
"""Side of what is worked on at a time."""

WHOLE = 0.8
"""Of the finest differences so much must be left for a place to lie on whole pixels of the neighbour."""

PLACE, ENOUGH = 13, 0.02
"""Pixels that a place takes to be compared, and the share of the picture that must be such places."""

Window = tuple[int, int, int, int]

STAYS = 0.07
"""The share of grain that may stay without a second look."""

COUNTS = 0.1
"""The share from which on a candidate leaves its grain in a fill."""


@dataclass(frozen=True, eq=False)
class CopiedPixels:
    """Which places of which frames a target's fill was copied from: source frame -> (h, w) bool on its proxy."""

    places: dict[int, Mask]

    @classmethod
    def of(cls, plan: FillPlan | None, *, size: tuple[int, int]) -> CopiedPixels:
        """The places that a decision means, on proxies of `size`; none without a decision."""
        if plan is None:
            return NOTHING_COPIED
        found: dict[int, Mask] = {}
        for candidate, share in zip(plan.candidates, plan.weights, strict=True):
            counts = candidate.valid & (share > COUNTS) & plan.hole.hidden
            cells = np.rint(candidate.position[counts]).astype(int)
            for frame, here in group_by_frame(candidate.frame[counts]):
                x, y = cells[here].T
                marked = found.setdefault(frame, np.zeros(size, bool))
                marked[np.clip(y, 0, size[0] - 1), np.clip(x, 0, size[1] - 1)] = True
        closed = {f: cv2.dilate(m.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for f, m in found.items()}
        return cls(closed)


NOTHING_COPIED = CopiedPixels({})
"""What the first target has before it."""


Neighbour = Callable[[Window], NeighbourSample | None]
"""Window of the plate -> how a neighbouring frame shows it; None where there is none."""


def estimate_around(
    picture: PlatePixels, *, hidden: Mask, blocked: Mask, neighbour: Neighbour = lambda window: None
) -> GrainModel | None:
    """The grain of a plate's picture around its hole; of all of it where that is not enough."""
    hole = box_around(hidden, margin=AROUND)
    if hole is None:
        return None
    y0, y1, x0, x1 = hole
    enough = (~blocked[y0:y1, x0:x1]).sum() >= AROUND * AROUND
    window = hole if enough else (0, blocked.shape[0], 0, blocked.shape[1])
    shown = ~blocked[window[0] : window[1], window[2] : window[3]]
    return estimate_grain(picture.region(*window), shown, neighbour(window))


def neighbour_sample(source: SourcePlate, displacement: Array, window: Window) -> NeighbourSample:
    """How a neighbouring frame shows a window of the plate.

    Args:
        source: the neighbour.
        shift: (h, w, 2) displacement to it on the proxy, see `motion.Motion.shift`.
        window: (y0, y1, x0, x1), the latter of each pair excluded.

    Convention: plate and proxy positions as in `proxy`.
    """
    y0, y1, x0, x1 = window
    H, W = source.picture.shape
    scale = np.array([displacement.shape[1] / W, displacement.shape[0] / H], np.float32)
    y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    here = np.stack([x, y], -1)
    on_proxy = np.asarray((here + 0.5) * scale - 0.5, np.float32)
    places = np.asarray(here + sample(displacement, on_proxy) / scale, np.float32)
    values, sound = sample_plate(source, places.reshape(-1, 2))
    size = (y1 - y0, x1 - x0)
    fine = resampling_gain(places.reshape(-1, 2), (0.5, 0.5))[:, 1]
    # Between pixels resampling takes the finest structure, too, and what it took would pass for noise.
    whole = (sound & (fine > WHOLE)).reshape(size)
    wide = cv2.erode(whole.astype(np.uint8), np.ones((PLACE, PLACE), np.uint8))
    used = whole if wide.mean() > ENOUGH else sound.reshape(size)
    left = float(fine.reshape(size)[used].mean()) if used.any() else 1.0
    return NeighbourSample(values.reshape(*size, 3), used, left)


def repeated_grain(buffer: FillBuffer, *, hidden: Mask, index: int, before: CopiedPixels) -> Mask:
    """(H, W) bool: whose grain would show on a neighbouring frame, too, in the same place of the scene.

    It does where the source is a neighbour, which shows the place itself, and where the previous target's fill took it
    from there as well. (The next target's looks at this one.)
    """
    still = np.zeros(hidden.shape, np.bool_)
    ys, xs = masked_pixels(hidden)
    source, position = buffer.source[ys, xs], buffer.position[ys, xs]
    found = (source >= 0) & (np.abs(source - index) == 1)
    H, W = hidden.shape
    for frame, places in before.places.items():
        here = np.flatnonzero((source == frame) & ~found)
        h, w = places.shape
        at = (position[here] + 0.5) * np.array([w / W, h / H], np.float32) - 0.5
        x, y = np.clip(np.rint(at).astype(int), 0, (w - 1, h - 1)).T
        found[here] = places[y, x]
    still[ys, xs] = found
    return still


def add_grain(
    buffer: FillBuffer,
    picture: PlatePixels,
    *,
    hidden: Mask,
    repeated: Mask,
    grain: GrainModel,
    seed: tuple[int, int],
    second: SecondSampler | None = None,
) -> FillBuffer:
    """The fill with the plate's grain.

    Args:
        picture: the plate's: the surroundings of what is cored.
        hidden: (H, W) bool, the fill's pixels.
        still: (H, W) bool, whose grain must not stay.
        grain: the plate's.
        seed: the artist's, and the frame's number.
        again: a second look at what was carried.
    """
    around = box_around(hidden, margin=0)
    if around is None:
        return buffer
    y0, y1, x0, x1 = around
    fill = np.zeros(buffer.fill.shape, np.float32)
    fill[y0:y1, x0:x1] = buffer.fill[y0:y1, x0:x1]
    for top in range(y0 // TILE * TILE, y1, TILE):
        for left in range(x0 // TILE * TILE, x1, TILE):
            tile = np.s_[top : top + TILE, left : left + TILE]
            if hidden[tile].any():
                rng = np.random.default_rng([abs(n) for n in (*seed, top, left)])
                _tile(
                    buffer,
                    picture,
                    hidden=hidden,
                    repeated=repeated,
                    grain=grain,
                    at=(top, left),
                    rng=rng,
                    second=second,
                    out=fill,
                )
    return replace(buffer, fill=fill)


def _tile(
    buffer: FillBuffer,
    picture: PlatePixels,
    *,
    hidden: Mask,
    repeated: Mask,
    grain: GrainModel,
    at: tuple[int, int],
    rng: np.random.Generator,
    second: SecondSampler | None,
    out: Array,
) -> None:
    tile = np.s_[at[0] : at[0] + TILE, at[1] : at[1] + TILE]
    y0, x0 = (max(0, v - denoise.MARGIN) for v in at)
    y1, x1 = (min(v + TILE + denoise.MARGIN, side) for v, side in zip(at, hidden.shape, strict=True))
    wide = np.s_[y0:y1, x0:x1]
    inner = np.s_[at[0] - y0 : at[0] - y0 + TILE, at[1] - x0 : at[1] - x0 + TILE]
    with np.errstate(invalid="ignore"):
        light = np.where(hidden[wide][..., None], buffer.fill[wide], picture.region(y0, y1, x0, x1))
    values = to_log(np.where(np.isfinite(light), light, 0))
    here = hidden[tile]
    cure = repeated[tile] & here
    smooth, stays = values, np.ones(values.shape[:2], np.float32)
    if cure.any():
        asked = np.zeros(stays.shape, np.bool_)
        asked[inner] = cure
        smooth, stays = denoise.dct_denoise(values, grain, where=asked)
        if second is not None and second.worth_it and stays[asked].mean() > STAYS:
            look = second.within(*wide)
            smooth, stays = denoise.dct_denoise(values, grain, look, where=asked)
            stays *= _swapped(buffer.grain_coarse[wide], buffer.share[wide], where=look.instead & look.known)
    values, smooth, stays = values[inner], smooth[inner], stays[inner]
    # What coring leaves is where structure is: in the grain's softer part.
    kept = np.where(cure, buffer.grain_coarse[tile] * stays, buffer.grain_kept[tile])
    fine = np.where(cure, buffer.grain_fine[tile] * stays, buffer.grain_fine[tile])
    # Sums of shares come out a rounding above 1 now and then.
    fresh = grain.synthesise(np.maximum(1 - kept, 0), np.maximum(1 - fine, 0), rng)
    dressed = from_log(np.where(cure[..., None], smooth, values) + np.sqrt(grain.at(channel_mean(smooth))) * fresh)
    out[tile][here] = dressed[here]


def _swapped(grain_coarse: Array, share: Array, *, where: Mask) -> Array:
    """How many times the grain it had a mixture has once a whole second look has come and its leading source has gone.

    Of w a + rest, with (b - a) added, there is b, (w - 1) a, and the rest.
    """
    return np.where(where, 1 + 2 * (1 - share) / np.maximum(grain_coarse, 1e-3), 1)
