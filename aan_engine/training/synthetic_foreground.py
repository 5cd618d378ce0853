"""Synthetic foreground: sprites before a scene's background, cut out of given textures.

Everything is a pure function of the random generator that is given.

Convention: a view (3, 3) maps the pixels of a frame to those of frame 0 (see `camera_paths`), pixel centres at
integers, y down. A sprite's own way is in pixels of a view; its picture is as large as a view.
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
    """A cut-out.

    Args:
        picture: (h, w, 4) float32 in 0 .. 1, premultiplied RGBA.
        depth: how many times as near as the background.
        way: (n, 2) its own displacement in each frame; None where only the camera moves it.
        pivot: the point about which it swings and grows.
        swing, frequency, phase: radians to either side, cycles a frame, cycles at frame 0.
        growth: natural logarithm of its growth a frame, as of what comes nearer.
    """

    picture: Array
    depth: float
    way: Array | None = None
    pivot: tuple[float, float] = (0.0, 0.0)
    swing: float = 0.0
    frequency: float = 0.0
    phase: float = 0.0
    growth: float = 0.0

    def render(self, view: Array, time: float) -> Array:
        """(h, w, 4) premultiplied RGBA through the camera's `view` at a time in frames."""
        matrix = camera_paths.at_depth(view, self.depth)
        if self.way is not None:
            n = len(self.way)
            x, y = (np.interp(time, np.arange(n), self.way[:, axis]) for axis in (0, 1))
            angle = self.swing * np.sin(2 * np.pi * (self.frequency * time + self.phase))
            size = np.exp(self.growth * (time - n / 2))
            c, s, (px, py) = np.cos(angle) / size, np.sin(angle) / size, self.pivot
            own = np.array([[c, -s, px - c * px + s * py], [s, c, py - s * px - c * py], [0, 0, 1]])
            matrix = own @ np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]]) @ matrix
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(self.picture, matrix, self.picture.shape[1::-1], flags=flags)


def static_object(rng: np.random.Generator, texture: Array) -> Sprite:
    """An object nearer than the background that does not move by itself."""
    mask = blob(rng, *texture.shape[:2], share=float(rng.uniform(0.01, 0.12)))
    return Sprite(_cut_out(rng, texture, mask), depth=float(rng.uniform(1.1, 2.0)))


def figure(rng: np.random.Generator, length: int, *, texture: Array) -> list[Sprite]:
    """A body and up to three limbs, on a common way through the picture."""
    rows, columns = texture.shape[:2]
    size = float(rng.uniform(0.07, 0.28)) * rows
    start = rng.uniform([0.15 * columns, 0.25 * rows], [0.85 * columns, 0.85 * rows])
    time = np.arange(length)[:, None]
    speed = rng.normal(0, 1, 2) * float(rng.choice([0.6, 3.0, 8.0])) * (1, 0.3)
    bounce = rng.uniform(0, 0.15) * size * np.sin(2 * np.pi * (rng.uniform(0.03, 0.15) * time + rng.uniform()))
    way = (time - length / 2) * speed + bounce * (0.2, 1)
    depth = float(rng.choice([0.0, 1.0, 1.3]))
    parts = []
    for limb in range(1 + int(rng.integers(0, 4))):
        mask = np.zeros((rows, columns), np.uint8)
        radius = size * (1.0 if limb == 0 else float(rng.uniform(0.25, 0.5)))
        angle = rng.uniform(0, 2 * np.pi)
        centre = start + (0 if limb == 0 else 1.0) * size * np.array([np.cos(angle), np.sin(angle)])
        cv2.fillPoly(mask, [(outline(rng, radius) + centre).round().astype(np.int32)], 1)
        parts.append(
            Sprite(
                _cut_out(rng, texture, mask),
                depth,
                way,
                pivot=(float(start[0]), float(start[1])),
                swing=float(rng.normal(0, 0.06 if limb == 0 else 0.4)),
                frequency=float(rng.uniform(0.02, 0.12)),
                phase=float(rng.uniform()),
            )
        )
    return parts


def traffic(rng: np.random.Generator, length: int, *, textures: list[Array]) -> list[Sprite]:
    """One vehicle of each texture, in one or two lanes that run across the picture or towards the camera.

    Rigid, sharp, and so fast that from frame to frame it moves by a large part of its length, so that the background
    shows in between. Each crosses the middle of the picture at a time of its own.
    """
    rows, columns = textures[0].shape[:2]
    angle = float(rng.normal(0, 0.25)) if rng.uniform() < 0.6 else float(rng.uniform(0.3, 1.2))
    direction = np.array([np.cos(angle), np.sin(angle)])
    pace = float(np.exp(rng.uniform(np.log(7), np.log(36)))) * columns / 848
    usual_length = float(rng.uniform(0.06, 0.22)) * columns
    lanes = [(1, rng.uniform(0.3, 0.5)), (-1 if rng.uniform() < 0.5 else 1, rng.uniform(0.5, 0.75))]
    growth = float(rng.uniform(0, 0.012)) if angle >= 0.3 else 0.0
    vehicles = []
    for texture in textures:
        heading, height = lanes[int(rng.integers(len(lanes)))]
        start = np.array([columns * rng.uniform(0.3, 0.7), rows * height])
        speed = heading * pace * float(rng.uniform(0.85, 1.15))
        way = (np.arange(length)[:, None] - length * rng.uniform(0.1, 0.9)) * speed * direction
        picture = _vehicle(rng, texture, at=start, size=usual_length * float(rng.uniform(0.8, 1.3)))
        pivot = (float(start[0]), float(start[1]))
        vehicles.append(Sprite(picture, 1.0, way, pivot=pivot, growth=heading * growth))
    return vehicles


def _vehicle(rng: np.random.Generator, texture: Array, *, at: Array, size: float) -> Array:
    """A vehicle of length `size` in one colour that mirrors a little of `texture`, with wheels, windows and lamps."""
    rows, columns = texture.shape[:2]
    height = size * float(rng.uniform(0.3, 0.55))
    mask = np.zeros((rows, columns), np.uint8)
    colour = rng.uniform(0.03, 0.9) * rng.uniform(0.8, 1.2, 3)
    picture = (0.25 * texture + 0.75 * colour * np.linspace(1.15, 0.85, rows)[:, None, None]).astype(np.float32)

    def corners(left: float, top: float, right: float, bottom: float, *, slope: float = 0.0) -> Array:
        box = [(left + slope, top), (right - slope, top), (right, bottom), (left, bottom)]
        return np.asarray(np.round(at + np.array(box) * (size, height)), np.int32)

    shapes = [corners(-0.5, -0.1, 0.5, 0.45), corners(-0.35, -0.55, 0.3, -0.05, slope=float(rng.uniform(0, 0.12)))]
    cv2.fillPoly(mask, shapes, 1)
    glass = float(rng.uniform(0.02, 0.25))
    for left in (-0.26, 0.0):
        cv2.fillPoly(picture, [corners(left, -0.45, left + 0.2, -0.12, slope=0.03)], (glass, glass, glass * 1.1))
    for left in (-0.3, 0.3):
        centre = tuple(int(v) for v in np.round(at + np.array([left * size, 0.42 * height])))
        for image, value in ((mask, 1), (picture, (0.03, 0.03, 0.03))):
            cv2.circle(image, centre, max(2, round(0.18 * height)), value, -1)
    for left, lamp in ((-0.49, (0.9, 0.1, 0.05)), (0.43, (1.0, 0.95, 0.8))):
        cv2.fillPoly(picture, [corners(left, 0.0, left + 0.06, 0.14)], lamp)
    return _cut_out(rng, picture, mask)


def _cut_out(rng: np.random.Generator, texture: Array, mask: Array) -> Array:
    """Premultiplied RGBA (h, w, 4), with an edge as soft as a lens makes it."""
    alpha = cv2.GaussianBlur(mask.astype(np.float32), (0, 0), float(rng.uniform(0.5, 1.2)))[..., None]
    return np.concatenate([texture * alpha, alpha], 2).astype(np.float32)
