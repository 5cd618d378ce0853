"""Synthetic holes for training, shaped as in clean-up work: wires, rigs, people, stains; static or moving.

Everything is a pure function of the random generator that is given.
"""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]
Mask = Array
KINDS = ("wires", "rig", "person", "stain")

INPAINTER_KINDS = (*KINDS, "strokes")
"""The kinds that the inpainter is trained on: strokes are brush strokes over 3 - 16 % of the frame."""

STATIC = ("stain", "strokes")
"""Kinds that do not move."""


def random_hole(rng: np.random.Generator, height: int, width: int, *, kind: str | None = None) -> Mask:
    """One hole: (height, width), 1 where hidden, from almost nothing to about 30 % of the frame."""
    mask: Mask = moving_hole(rng, 1, height=height, width=width, kind=kind)[0]
    return mask


def moving_hole(
    rng: np.random.Generator, frames: int, *, height: int, width: int, kind: str | None = None, pace: float = 1.0
) -> Array:
    """A hole over several frames: (frames, height, width), 1 where hidden.

    Static kinds stay where they are; the others drift, turn and grow a little from frame to frame, in proportion to
    `pace`.
    """
    kind = kind or str(rng.choice(KINDS))
    size = min(height, width)
    mask = _DRAW[kind](rng, height, width)
    static = kind in STATIC
    drift = np.zeros(2) if static else pace * rng.normal(0, 0.02, 2) * size
    degrees, growth = (0.0, 1.0) if static else (pace * rng.normal(0, 0.8), float(np.exp(pace * rng.normal(0, 0.006))))
    out = np.empty((frames, height, width), np.uint8)
    for t in range(frames):
        time = t - frames / 2
        matrix: Array = cv2.getRotationMatrix2D((width / 2, height / 2), degrees * time, growth**time)
        matrix[:, 2] += drift * time
        out[t] = cv2.warpAffine(mask, matrix, (width, height), flags=cv2.INTER_NEAREST)
    return out


def outline(rng: np.random.Generator, radius: float) -> Array:
    """A closed, smooth, irregular outline around the origin: (N, 2) points (x, y)."""
    angle = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    distance = np.ones_like(angle)
    for wave in range(1, 6):
        distance += 0.35 / wave * rng.normal() * np.cos(wave * angle + rng.uniform(0, 2 * np.pi))
    distance = radius * np.clip(distance, 0.25, 2.5)
    stretch = np.exp(rng.normal(0, 0.35))
    return np.stack([distance * np.cos(angle) * stretch, distance * np.sin(angle) / stretch], axis=1)


def blob(rng: np.random.Generator, height: int, width: int, *, share: float) -> Mask:
    """One irregular patch that covers about `share` of the frame."""
    canvas: Mask = np.zeros((height, width), np.uint8)
    centre = rng.uniform([0.1 * width, 0.1 * height], [0.9 * width, 0.9 * height])
    points = outline(rng, float(np.sqrt(share * height * width / np.pi))) + centre
    cv2.fillPoly(canvas, [points.round().astype(np.int32)], 1)
    return canvas


def _wires(rng: np.random.Generator, height: int, width: int) -> Mask:
    canvas: Mask = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 5))):
        a, b = rng.uniform(0, 1, (2, 2)) * [width, height]
        sag = (a + b) / 2 + rng.normal(0, 0.12, 2) * [width, height]
        s = np.linspace(-0.2, 1.2, 24)[:, None]
        points = (1 - s) ** 2 * a + 2 * s * (1 - s) * sag + s**2 * b
        thickness = max(1, int(min(height, width) * rng.uniform(0.006, 0.03)))
        cv2.polylines(canvas, [points.round().astype(np.int32)], False, 1, thickness)
    return canvas


def _rig(rng: np.random.Generator, height: int, width: int) -> Mask:
    canvas = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 4))):
        canvas |= blob(rng, height, width, share=rng.uniform(0.01, 0.09))
        if rng.random() < 0.5:
            a, b = (rng.uniform(0, 1, (2, 2)) * [width, height]).astype(int)
            cv2.line(canvas, a.tolist(), b.tolist(), 1, max(2, int(0.04 * min(height, width) * rng.random())))
    return canvas


def _person(rng: np.random.Generator, height: int, width: int) -> Mask:
    canvas: Mask = np.zeros((height, width), np.uint8)
    size = height * rng.uniform(0.3, 0.9)
    hip = np.array([rng.uniform(0.15, 0.85) * width, rng.uniform(0.45, 0.8) * height])
    lean = rng.normal(0, 0.06, 2) * size
    neck = hip + lean - [0, 0.32 * size]
    thickness = max(2, int(0.075 * size))

    def stroke(a: Any, b: Any, line_width: int) -> None:
        cv2.line(canvas, [int(v) for v in a], [int(v) for v in b], 1, max(1, line_width))

    stroke(hip, neck, int(0.17 * size))
    head = neck - [0, 0.1 * size] + rng.normal(0, 0.02, 2) * size
    cv2.ellipse(canvas, [int(v) for v in head], [int(0.06 * size), int(0.085 * size)], 0, 0, 360, 1, -1)
    for root, length in ((hip, 0.24), (hip, 0.24), (neck, 0.17), (neck, 0.17)):
        angle = rng.normal(np.pi / 2, 0.5)
        joint = root + length * size * np.array([np.cos(angle), np.sin(angle)])
        angle += rng.normal(0, 0.6)
        stroke(root, joint, thickness)
        stroke(joint, joint + length * size * np.array([np.cos(angle), np.sin(angle)]), int(0.8 * thickness))
    return canvas


def _stain(rng: np.random.Generator, height: int, width: int) -> Mask:
    canvas = np.zeros((height, width), np.uint8)
    for _ in range(int(rng.integers(1, 7))):
        canvas |= blob(rng, height, width, share=rng.uniform(0.002, 0.05))
    return canvas


def _strokes(rng: np.random.Generator, height: int, width: int) -> Mask:
    canvas: Mask = np.zeros((height, width), np.uint8)
    size, share = min(height, width), rng.uniform(0.03, 0.16)
    while canvas.mean() < share:
        at, angle = rng.uniform(0, 1, 2) * [width, height], rng.uniform(0, 2 * np.pi)
        for _ in range(int(rng.integers(3, 9))):
            angle += rng.normal(0, 0.8)
            to = at + size * rng.uniform(0.05, 0.2) * np.array([np.cos(angle), np.sin(angle)])
            thickness = max(1, int(size * rng.uniform(0.025, 0.1)))
            cv2.line(canvas, at.astype(int).tolist(), to.astype(int).tolist(), 1, thickness)
            at = to
    return canvas


_DRAW = {"wires": _wires, "rig": _rig, "person": _person, "stain": _stain, "strokes": _strokes}
