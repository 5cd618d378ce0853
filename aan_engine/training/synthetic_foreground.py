"""Actors: what stands and moves before a made scene's background, each cut out of some texture.

It knows of no clip and no photo: textures are given to it. Everything is a pure function of its generator.

Convention: a view maps view pixel -> canvas pixel (see `paths`), pixel centres at integers, y down; a way is given in
view pixels, and pieces are as large as the view.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.training import camera_paths
from aan_engine.training.holes import blob, outline

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Sprite:
    """Something cut out: premultiplied (h, w, 4) float32 in 0..1 over a canvas of the view's size.

    Args:
        depth: how many times as near as the background.
        walk: (n, 2) its own way, in view pixels; None for what only the camera moves.
        pivot, swing, pace, phase: it turns about a point, by radians, cycles a frame.
        swell: it grows about that point by so much a frame, as what comes nearer does.
    """

    picture: Array
    depth: float
    walk: Array | None = None
    pivot: tuple[float, float] = (0.0, 0.0)
    swing: float = 0.0
    pace: float = 0.0
    phase: float = 0.0
    swell: float = 0.0

    def seen(self, view: Array, time: float) -> Array:
        """Through the camera's `view` at a moment, in frames."""
        matrix = camera_paths.nearer(view, self.depth)
        if self.walk is not None:
            n = len(self.walk)
            x, y = (np.interp(time, np.arange(n), self.walk[:, axis]) for axis in (0, 1))
            turn = self.swing * np.sin(2 * np.pi * (self.pace * time + self.phase))
            size = np.exp(self.swell * (time - n / 2))
            c, s, (px, py) = np.cos(turn) / size, np.sin(turn) / size, self.pivot
            own = np.array([[c, -s, px - c * px + s * py], [s, c, py - s * px - c * py], [0, 0, 1]])
            matrix = own @ np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]]) @ matrix
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(self.picture, matrix, self.picture.shape[1::-1], flags=flags)


def prop(rng: np.random.Generator, texture: Array) -> Sprite:
    """Something nearer than the background that stands still."""
    canvas = blob(rng, *texture.shape[:2], share=float(rng.uniform(0.01, 0.12)))
    return Sprite(_cut(rng, texture, canvas), depth=float(rng.uniform(1.1, 2.0)))


def actor(rng: np.random.Generator, length: int, *, texture: Array) -> list[Sprite]:
    """A body and up to three limbs, on one way through the picture."""
    rows, columns = texture.shape[:2]
    size = float(rng.uniform(0.07, 0.28)) * rows
    start = rng.uniform([0.15 * columns, 0.25 * rows], [0.85 * columns, 0.85 * rows])
    time = np.arange(length)[:, None]
    speed = rng.normal(0, 1, 2) * float(rng.choice([0.6, 3.0, 8.0])) * (1, 0.3)
    bounce = rng.uniform(0, 0.15) * size * np.sin(2 * np.pi * (rng.uniform(0.03, 0.15) * time + rng.uniform()))
    walk = (time - length / 2) * speed + bounce * (0.2, 1)
    depth = float(rng.choice([0.0, 1.0, 1.3]))
    parts = []
    for limb in range(1 + int(rng.integers(0, 4))):
        canvas = np.zeros((rows, columns), np.uint8)
        reach = size * (1.0 if limb == 0 else float(rng.uniform(0.25, 0.5)))
        angle = rng.uniform(0, 2 * np.pi)
        middle = start + (0 if limb == 0 else 1.0) * size * np.array([np.cos(angle), np.sin(angle)])
        cv2.fillPoly(canvas, [(outline(rng, reach) + middle).round().astype(np.int32)], 1)
        parts.append(
            Sprite(
                _cut(rng, texture, canvas),
                depth,
                walk,
                pivot=(float(start[0]), float(start[1])),
                swing=float(rng.normal(0, 0.06 if limb == 0 else 0.4)),
                pace=float(rng.uniform(0.02, 0.12)),
                phase=float(rng.uniform()),
            )
        )
    return parts


def traffic(rng: np.random.Generator, length: int, *, textures: list[Array]) -> list[Sprite]:
    """One vehicle of each texture, in one or two lanes that run across the picture or towards the camera.

    Rigid, sharp, and so fast that one frame to the next is the better part of its length: between them lies what stood
    behind. Each crosses the middle of the picture at a moment of its own.
    """
    rows, columns = textures[0].shape[:2]
    angle = float(rng.normal(0, 0.25)) if rng.uniform() < 0.6 else float(rng.uniform(0.3, 1.2))
    way = np.array([np.cos(angle), np.sin(angle)])
    pace = float(np.exp(rng.uniform(np.log(7), np.log(36)))) * columns / 848
    long = float(rng.uniform(0.06, 0.22)) * columns
    lanes = [(1, rng.uniform(0.3, 0.5)), (-1 if rng.uniform() < 0.5 else 1, rng.uniform(0.5, 0.75))]
    swell = float(rng.uniform(0, 0.012)) if angle >= 0.3 else 0.0
    found = []
    for texture in textures:
        heading, height = lanes[int(rng.integers(len(lanes)))]
        start = np.array([columns * rng.uniform(0.3, 0.7), rows * height])
        speed = heading * pace * float(rng.uniform(0.85, 1.15))
        walk = (np.arange(length)[:, None] - length * rng.uniform(0.1, 0.9)) * speed * way
        body = _vehicle(rng, texture, at=start, long=long * float(rng.uniform(0.8, 1.3)))
        found.append(Sprite(body, 1.0, walk, pivot=(float(start[0]), float(start[1])), swell=heading * swell))
    return found


def _vehicle(rng: np.random.Generator, texture: Array, *, at: Array, long: float) -> Array:
    """A body of some flat colour that mirrors a little of `texture`, with wheels, windows and lamps."""
    rows, columns = texture.shape[:2]
    high = long * float(rng.uniform(0.3, 0.55))
    canvas = np.zeros((rows, columns), np.uint8)
    paint = rng.uniform(0.03, 0.9) * rng.uniform(0.8, 1.2, 3)
    picture = (0.25 * texture + 0.75 * paint * np.linspace(1.15, 0.85, rows)[:, None, None]).astype(np.float32)

    def corners(left: float, top: float, right: float, bottom: float, *, slope: float = 0.0) -> Array:
        box = [(left + slope, top), (right - slope, top), (right, bottom), (left, bottom)]
        return np.asarray(np.round(at + np.array(box) * (long, high)), np.int32)

    shapes = [corners(-0.5, -0.1, 0.5, 0.45), corners(-0.35, -0.55, 0.3, -0.05, slope=float(rng.uniform(0, 0.12)))]
    cv2.fillPoly(canvas, shapes, 1)
    glass = float(rng.uniform(0.02, 0.25))
    for left in (-0.26, 0.0):
        cv2.fillPoly(picture, [corners(left, -0.45, left + 0.2, -0.12, slope=0.03)], (glass, glass, glass * 1.1))
    for left in (-0.3, 0.3):
        middle = tuple(int(v) for v in np.round(at + np.array([left * long, 0.42 * high])))
        for image, value in ((canvas, 1), (picture, (0.03, 0.03, 0.03))):
            cv2.circle(image, middle, max(2, round(0.18 * high)), value, -1)
    for left, lamp in ((-0.49, (0.9, 0.1, 0.05)), (0.43, (1.0, 0.95, 0.8))):
        cv2.fillPoly(picture, [corners(left, 0.0, left + 0.06, 0.14)], lamp)
    return _cut(rng, picture, canvas)


def _cut(rng: np.random.Generator, texture: Array, canvas: Array) -> Array:
    """Premultiplied RGBA with an edge as soft as a lens makes it."""
    alpha = cv2.GaussianBlur(canvas.astype(np.float32), (0, 0), float(rng.uniform(0.5, 1.2)))[..., None]
    return np.concatenate([texture * alpha, alpha], 2).astype(np.float32)
