"""The rim: the visible pixels around a hole, where what would be copied can be laid over the plate itself.

For each candidate and each plate that it copies from, the rim says how far coordinates found on proxies are off at the
plate's own resolution (see `polish`).

Convention: plate and proxy positions as in `proxy`.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.decision import Decision
from aan_engine.light import encode
from aan_engine.motion import Array
from aan_engine.polish import STAY, Look, Nudge, looker, nudge
from aan_engine.source import Source, places

WORTH = 1.5
"""Plate pixels to a proxy pixel from which coordinates are worth polishing."""

SAMPLES = 5000
"""Rim pixels that are compared, at most."""

REACH = 0.75
"""Proxy pixels by which coordinates may be off."""

MINOR = 0.01
"""Share of the hole from which a source of one candidate is worth it."""

SOFT = 0.3
"""Blur, in proxy pixels, under which the first look is taken: it must see as far as coordinates may be off."""

SHARP = 0.7
"""Blur, in plate pixels, under which the last look is taken."""

LARGEST = 16_000_000
"""Pixels of a plate that are looked at for one polish; with more, coordinates stay as they are."""


TARGET = -1
"""The target among the frames that are looked at."""

Window = tuple[int, int, int, int]
"""x0, y0, x1, y1 on a plate, the latter two excluded."""


class Rim:
    """The rim of one target.

    Args:
        decision: what is to be carried out.
        target: the target's plate.
        source: frame index -> its plate.
        scale: (x, y) proxy pixels to a plate pixel.
    """

    def __init__(self, decision: Decision, target: Source, *, source: Callable[[int], Source], scale: Array) -> None:
        self._decision = decision
        self._target = target
        self._source = lru_cache(maxsize=None)(source)
        self._scale = scale
        self._count = decision.near.hidden.sum() / scale.prod()
        self._found: dict[tuple[int, int], Nudge] = {}
        self._looks: dict[tuple[int, float], tuple[Window, Look]] = {}
        rng = np.random.default_rng(0)
        self._jitter = rng.uniform(-0.5, 0.5, (SAMPLES, 2)).astype(np.float32)

    def nudges(self, k: int, frames: NDArray[np.int32], points: Array) -> Array:
        """What to add to the places of candidate `k` for plate positions (n, 2) that it takes from `frames` (n,)."""
        added = np.zeros((len(points), 2), np.float32)
        for frame in np.unique(frames[frames >= 0]):
            here = frames == frame
            if here.sum() < MINOR * self._count:
                continue
            if (k, int(frame)) not in self._found:
                self._found[k, int(frame)] = self._polished(k, int(frame))
            added[here] = self._found[k, int(frame)].at(points[here])
        return added

    def _polished(self, k: int, frame: int) -> Nudge:
        near, layer = self._decision.near, self._decision.layers[k]
        shown = near.wanted & ~near.hidden & ~near.barred & (layer.frame == frame)
        cells = np.argwhere(shown)[:, ::-1].astype(np.float32)
        if not len(cells):
            return STAY
        spread = np.linspace(0, len(cells) - 1, min(SAMPLES, 4 * len(cells))).round().astype(int)
        local = cells[spread] + self._jitter[: len(spread)]
        found, there = places(self._decision, k, local, scale=self._scale)
        points = (local + (near.left, near.top) + 0.5) / self._scale - 0.5
        ours = found == frame
        points, there = np.rint(points[ours]).astype(np.float32), there[ours] + _rounding(points[ours])
        result, reach = STAY, REACH / float(self._scale.min())
        for sigma in (SOFT / float(self._scale.min()), SHARP):
            wanted = self._look(TARGET, points, sigma=sigma, margin=reach)
            other = self._look(frame, there, sigma=sigma, margin=reach)
            if wanted is None or other is None:
                return STAY
            value, seen = wanted(points)
            result = nudge(value[seen], points[seen], there[seen], look=other, reach=reach, start=result)
        return result

    def _look(self, frame: int, at: Array, *, sigma: float, margin: float) -> Look | None:
        """A look at a frame around these positions; None where that is too much of it, or none."""
        plate = self._target if frame == TARGET else self._source(frame)
        H, W = plate.picture.shape
        border = int(3 * sigma + margin) + 2
        x0, y0 = np.clip(np.floor(at.min(0)).astype(int) - border, 0, (W, H))
        x1, y1 = np.clip(np.ceil(at.max(0)).astype(int) + border + 1, 0, (W, H))
        if (held := self._looks.get((frame, sigma))) is not None:
            (left, top, right, bottom), look = held
            if left <= x0 and top <= y0 and x1 <= right and y1 <= bottom:
                return look
            # Candidates of one frame mostly lie close together: one look will do for all.
            x0, y0, x1, y1 = min(left, x0), min(top, y0), max(right, x1), max(bottom, y1)
        if not (x0 < x1 and y0 < y1 and (y1 - y0) * (x1 - x0) <= LARGEST):
            return None
        window = (int(x0), int(y0), int(x1), int(y1))
        self._looks[frame, sigma] = (window, _looked_at(plate, window, sigma=sigma))
        return self._looks[frame, sigma][1]


def _rounding(points: Array) -> Array:
    """How far positions move when they go to the nearest pixel: the places they mean move along."""
    return np.asarray(np.rint(points) - points, np.float32)


def _looked_at(plate: Source, window: Window, *, sigma: float) -> Look:
    """A look at a window of a plate, in green, softened by `sigma` pixels."""
    x0, y0, x1, y1 = window
    blocked = plate.blocked[y0:y1, x0:x1]
    shown = (~blocked).astype(np.float32)
    green = plate.picture.region(y0, y1, x0, x1)[..., 1]
    grey = encode(np.where(blocked, 0, green))
    # What is blocked must not bleed into the blur of its surroundings.
    share = cv2.GaussianBlur(shown, (0, 0), sigma)
    soft = cv2.GaussianBlur(grey * shown, (0, 0), sigma) / np.maximum(share, 1e-3)
    return looker(soft, blocked, np.array([x0, y0], np.float32))
