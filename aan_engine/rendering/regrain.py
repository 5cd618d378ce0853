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

from aan_engine.colour.log_encoding import decode, encode, grey
from aan_engine.core.box import box_around, masked_pixels
from aan_engine.core.grouping import by_frame
from aan_engine.core.sampling import sample
from aan_engine.core.types import Array, Mask
from aan_engine.grain import denoise
from aan_engine.grain.estimate import Again, Grain, measure
from aan_engine.grain.model import kept_shares
from aan_engine.plates.source_plate import Picture, Source, sampled
from aan_engine.rendering.fill_buffer import Carried
from aan_engine.rendering.second_sample import SecondLook
from aan_engine.selection.plan import Decision

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
class Copied:
    """Which places of which frames a target's fill was copied from: source frame -> (h, w) bool on its proxy."""

    places: dict[int, Mask]

    @classmethod
    def of(cls, decision: Decision | None, *, size: tuple[int, int]) -> Copied:
        """The places that a decision means, on proxies of `size`; none without a decision."""
        if decision is None:
            return NOTHING
        found: dict[int, Mask] = {}
        for candidate, share in zip(decision.layers, decision.weights, strict=True):
            counts = candidate.valid & (share > COUNTS) & decision.near.hidden
            cells = np.rint(candidate.position[counts]).astype(int)
            for frame, here in by_frame(candidate.frame[counts]):
                x, y = cells[here].T
                marked = found.setdefault(frame, np.zeros(size, bool))
                marked[np.clip(y, 0, size[0] - 1), np.clip(x, 0, size[1] - 1)] = True
        closed = {f: cv2.dilate(m.astype(np.uint8), np.ones((3, 3), np.uint8)) > 0 for f, m in found.items()}
        return cls(closed)


NOTHING = Copied({})
"""What the first target has before it."""


Neighbour = Callable[[Window], Again | None]
"""Window of the plate -> how a neighbouring frame shows it; None where there is none."""


def grain_around(
    picture: Picture, *, hidden: Mask, blocked: Mask, neighbour: Neighbour = lambda window: None
) -> Grain | None:
    """The grain of a plate's picture around its hole; of all of it where that is not enough."""
    near = box_around(hidden, margin=AROUND)
    if near is None:
        return None
    y0, y1, x0, x1 = near
    enough = (~blocked[y0:y1, x0:x1]).sum() >= AROUND * AROUND
    window = near if enough else (0, blocked.shape[0], 0, blocked.shape[1])
    shown = ~blocked[window[0] : window[1], window[2] : window[3]]
    return measure(picture.region(*window), shown, neighbour(window))


def over_neighbour(source: Source, shift: Array, window: Window) -> Again:
    """How a neighbouring frame shows a window of the plate.

    Args:
        source: the neighbour.
        shift: (h, w, 2) displacement to it on the proxy, see `motion.Motion.shift`.
        window: (y0, y1, x0, x1), the latter of each pair excluded.

    Convention: plate and proxy positions as in `proxy`.
    """
    y0, y1, x0, x1 = window
    H, W = source.picture.shape
    scale = np.array([shift.shape[1] / W, shift.shape[0] / H], np.float32)
    y, x = np.mgrid[y0:y1, x0:x1].astype(np.float32)
    here = np.stack([x, y], -1)
    on_proxy = np.asarray((here + 0.5) * scale - 0.5, np.float32)
    places = np.asarray(here + sample(shift, on_proxy) / scale, np.float32)
    values, sound = sampled(source, places.reshape(-1, 2))
    size = (y1 - y0, x1 - x0)
    fine = kept_shares(places.reshape(-1, 2), (0.5, 0.5))[:, 1]
    # Between pixels resampling takes the finest structure, too, and what it took would pass for noise.
    whole = (sound & (fine > WHOLE)).reshape(size)
    wide = cv2.erode(whole.astype(np.uint8), np.ones((PLACE, PLACE), np.uint8))
    used = whole if wide.mean() > ENOUGH else sound.reshape(size)
    left = float(fine.reshape(size)[used].mean()) if used.any() else 1.0
    return Again(values.reshape(*size, 3), used, left)


def standing(carried: Carried, *, hidden: Mask, index: int, before: Copied) -> Mask:
    """(H, W) bool: whose grain would show on a neighbouring frame, too, in the same place of the scene.

    It does where the source is a neighbour, which shows the place itself, and where the previous target's fill took it
    from there as well. (The next target's looks at this one.)
    """
    still = np.zeros(hidden.shape, np.bool_)
    ys, xs = masked_pixels(hidden)
    source, position = carried.source[ys, xs], carried.position[ys, xs]
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


def regrained(
    carried: Carried,
    picture: Picture,
    *,
    hidden: Mask,
    still: Mask,
    grain: Grain,
    seed: tuple[int, int],
    again: SecondLook | None = None,
) -> Carried:
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
        return carried
    y0, y1, x0, x1 = around
    fill = np.zeros(carried.fill.shape, np.float32)
    fill[y0:y1, x0:x1] = carried.fill[y0:y1, x0:x1]
    for top in range(y0 // TILE * TILE, y1, TILE):
        for left in range(x0 // TILE * TILE, x1, TILE):
            tile = np.s_[top : top + TILE, left : left + TILE]
            if hidden[tile].any():
                rng = np.random.default_rng([abs(n) for n in (*seed, top, left)])
                _tile(
                    carried,
                    picture,
                    hidden=hidden,
                    still=still,
                    grain=grain,
                    at=(top, left),
                    rng=rng,
                    again=again,
                    out=fill,
                )
    return replace(carried, fill=fill)


def _tile(
    carried: Carried,
    picture: Picture,
    *,
    hidden: Mask,
    still: Mask,
    grain: Grain,
    at: tuple[int, int],
    rng: np.random.Generator,
    again: SecondLook | None,
    out: Array,
) -> None:
    tile = np.s_[at[0] : at[0] + TILE, at[1] : at[1] + TILE]
    y0, x0 = (max(0, v - denoise.MARGIN) for v in at)
    y1, x1 = (min(v + TILE + denoise.MARGIN, side) for v, side in zip(at, hidden.shape, strict=True))
    wide = np.s_[y0:y1, x0:x1]
    inner = np.s_[at[0] - y0 : at[0] - y0 + TILE, at[1] - x0 : at[1] - x0 + TILE]
    with np.errstate(invalid="ignore"):
        light = np.where(hidden[wide][..., None], carried.fill[wide], picture.region(y0, y1, x0, x1))
    values = encode(np.where(np.isfinite(light), light, 0))
    here = hidden[tile]
    cure = still[tile] & here
    smooth, stays = values, np.ones(values.shape[:2], np.float32)
    if cure.any():
        asked = np.zeros(stays.shape, np.bool_)
        asked[inner] = cure
        smooth, stays = denoise.cored(values, grain, where=asked)
        if again is not None and again.worth_it and stays[asked].mean() > STAYS:
            look = again.within(*wide)
            smooth, stays = denoise.cored(values, grain, look, where=asked)
            stays *= _swapped(carried.coarse[wide], carried.share[wide], where=look.instead & look.known)
    values, smooth, stays = values[inner], smooth[inner], stays[inner]
    # What coring leaves is where structure is: in the grain's softer part.
    kept = np.where(cure, carried.coarse[tile] * stays, carried.kept[tile])
    fine = np.where(cure, carried.fine[tile] * stays, carried.fine[tile])
    # Sums of shares come out a rounding above 1 now and then.
    fresh = grain.draw(np.maximum(1 - kept, 0), np.maximum(1 - fine, 0), rng)
    dressed = decode(np.where(cure[..., None], smooth, values) + np.sqrt(grain.at(grey(smooth))) * fresh)
    out[tile][here] = dressed[here]


def _swapped(coarse: Array, share: Array, *, where: Mask) -> Array:
    """How many times the grain it had a mixture has once a whole second look has come and its leading source has gone.

    Of w a + rest, with (b - a) added, there is b, (w - 1) a, and the rest.
    """
    return np.where(where, 1 + 2 * (1 - share) / np.maximum(coarse, 1e-3), 1)
