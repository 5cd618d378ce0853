"""Camera paths for made-up shots: drawn at random, or recorded from a real clip and replayed.

Convention: a path is (n, 3, 3) float64, view t's pixel -> view 0's pixel, pixel centres at integers. Something `depth`
times as near as the background moves `depth` times as far (first order, which is what a small move needs).
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour import log_encoding
from aan_engine.core.homography import Homography
from aan_engine.registration.photometric import refine_homography
from aan_engine.registration.pyramid import Pyramid
from aan_engine.training.still_data import Still, to_linear

Path = NDArray[np.float64]


def standing(length: int) -> Path:
    """A tripod."""
    return np.tile(np.eye(3), (length, 1, 1))


def drawn(rng: np.random.Generator, length: int, *, height: int, width: int) -> Path:
    """A smooth travel with some zoom and roll; every third one is held by hand."""
    time = np.linspace(0, 1, length)
    lively = float(rng.choice([0.25, 0.6, 1.0, 1.6]))

    def along(size: float) -> NDArray[np.float64]:
        waves = [rng.normal() / k * np.sin(2 * np.pi * (k * time + rng.uniform())) for k in (1, 2, 3)]
        found = size * lively * (np.sum(waves, 0) + 1.5 * rng.normal() * time)
        return np.asarray(found - found[0])

    x, y = along(0.13 * width), along(0.07 * height)
    zoom, roll = along(0.05), along(0.02)
    if rng.uniform() < 1 / 3:
        shake = cv2.GaussianBlur(
            rng.normal(0, height / 240 * rng.uniform(0.5, 3), (length, 2)), (1, 0), 0.1, sigmaY=1.0
        )
        x, y = x + shake[:, 0], y + shake[:, 1]
    middle = (width - 1) / 2, (height - 1) / 2
    return np.stack([_view(*now, middle=middle) for now in zip(x, y, zoom, roll, strict=True)])


def recorded(frames: list[Still]) -> Path:
    """The camera of a real clip, as the engine's own registration follows it."""
    pyramids = []
    for frame in frames:
        grey = cv2.cvtColor(log_encoding.to_log(to_linear(frame)), cv2.COLOR_RGB2GRAY)
        pyramids.append(Pyramid(np.asarray(grey, np.float32), np.ones(grey.shape, bool)))
    path, step = [Homography.identity()], Homography.identity()
    for here, before in zip(pyramids[1:], pyramids[:-1], strict=True):
        step = refine_homography(here, before, start=step).homography
        path.append((path[-1] @ step).normalised())
    return np.stack([each.matrix for each in path])


def between(path: Path, time: float) -> NDArray[np.float64]:
    """The path at a fractional frame."""
    last = len(path) - 1
    low = int(np.clip(np.floor(time), 0, last))
    share = float(np.clip(time - low, 0, 1))
    return np.asarray((1 - share) * path[low] + share * path[min(low + 1, last)])


def nearer(view: NDArray[Any], depth: float) -> NDArray[np.float64]:
    """The same move for something `depth` times as near."""
    return np.eye(3) + depth * (view - np.eye(3))


def _view(x: float, y: float, zoom: float, roll: float, *, middle: tuple[float, float]) -> NDArray[np.float64]:
    c, s = np.cos(roll) * np.exp(zoom), np.sin(roll) * np.exp(zoom)
    mx, my = middle
    return np.array([[c, -s, mx + x - c * mx + s * my], [s, c, my + y - s * mx - c * my], [0, 0, 1]])
