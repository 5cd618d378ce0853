"""Camera paths for synthetic shots: drawn at random, or recorded from a real clip.

Convention: a path is (n, 3, 3) float64, homographies from frame t's pixels to frame 0's, pixel centres at integers. An
object `depth` times as near as the background moves `depth` times as far (first order, enough for small moves).
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

CameraPath = NDArray[np.float64]


def static(length: int) -> CameraPath:
    """A camera on a tripod."""
    return np.tile(np.eye(3), (length, 1, 1))


def random_path(rng: np.random.Generator, length: int, *, height: int, width: int) -> CameraPath:
    """A smooth travel with some zoom and roll; one in three is hand-held."""
    time = np.linspace(0, 1, length)
    strength = float(rng.choice([0.25, 0.6, 1.0, 1.6]))

    def smooth(size: float) -> NDArray[np.float64]:
        waves = [rng.normal() / k * np.sin(2 * np.pi * (k * time + rng.uniform())) for k in (1, 2, 3)]
        values = size * strength * (np.sum(waves, 0) + 1.5 * rng.normal() * time)
        return np.asarray(values - values[0])

    x, y = smooth(0.13 * width), smooth(0.07 * height)
    zoom, roll = smooth(0.05), smooth(0.02)
    if rng.uniform() < 1 / 3:
        shake = cv2.GaussianBlur(
            rng.normal(0, height / 240 * rng.uniform(0.5, 3), (length, 2)), (1, 0), 0.1, sigmaY=1.0
        )
        x, y = x + shake[:, 0], y + shake[:, 1]
    centre = (width - 1) / 2, (height - 1) / 2
    return np.stack([_similarity(*values, centre=centre) for values in zip(x, y, zoom, roll, strict=True)])


def recorded(frames: list[Still]) -> CameraPath:
    """The camera of a real clip, as photometric registration follows it."""
    pyramids = []
    for frame in frames:
        grey = cv2.cvtColor(log_encoding.to_log(to_linear(frame)), cv2.COLOR_RGB2GRAY)
        pyramids.append(Pyramid(np.asarray(grey, np.float32), np.ones(grey.shape, bool)))
    path, step = [Homography.identity()], Homography.identity()
    for later, earlier in zip(pyramids[1:], pyramids[:-1], strict=True):
        step = refine_homography(later, earlier, start=step).homography
        path.append((path[-1] @ step).normalised())
    return np.stack([homography.matrix for homography in path])


def interpolated(path: CameraPath, time: float) -> NDArray[np.float64]:
    """The path at a fractional frame, linearly."""
    last = len(path) - 1
    low = int(np.clip(np.floor(time), 0, last))
    share = float(np.clip(time - low, 0, 1))
    return np.asarray((1 - share) * path[low] + share * path[min(low + 1, last)])


def at_depth(view: NDArray[Any], depth: float) -> NDArray[np.float64]:
    """The same camera move (3, 3) for an object `depth` times as near as the background."""
    return np.eye(3) + depth * (view - np.eye(3))


def _similarity(x: float, y: float, zoom: float, roll: float, *, centre: tuple[float, float]) -> NDArray[np.float64]:
    """Translation by (x, y), and about the centre a scaling by exp(zoom) and a rotation by `roll` radians."""
    c, s = np.cos(roll) * np.exp(zoom), np.sin(roll) * np.exp(zoom)
    mx, my = centre
    return np.array([[c, -s, mx + x - c * mx + s * my], [s, c, my + y - s * mx - c * my], [0, 0, 1]])
