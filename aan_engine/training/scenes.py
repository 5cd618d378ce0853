"""Scenes: short shots made for training out of clips and photos, with what real plates bring along.

A scene is a stack of layers before a moving camera: a clip that goes on, or a photo; nearer pieces of other photos
(parallax); actors that move by themselves, with limbs and with motion blur. Then it is filmed: exposure drift, flicker,
defocus, grain, compression. What lies behind everything is known, because everything was put there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.training import paths
from aan_engine.training.holes import blob, outline
from aan_engine.training.stills import CLIPS, PHOTOS, Still, files, read_clip, read_photo

HEIGHT, WIDTH = 240, 424
ROWS, COLUMNS = 2 * HEIGHT, 2 * WIDTH
"""What scenes are drawn and filmed at, then shrunk from, as plates are to proxies: a shrunk picture has finer detail
than one drawn small, and its detail does not quite follow the motion."""

SHUTTER = (-0.25, -0.08, 0.08, 0.25)
"""Moments, in frames, over which a blurred frame is exposed."""

ALONE = 0.4
"""Share of the clips that nothing is added to."""

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Scene:
    """A made shot.

    Args:
        frames: n times (HEIGHT, WIDTH, 3) 8-bit RGB.
        actors: (n, HEIGHT, WIDTH) bool, where something stands that moves by itself.
    """

    frames: list[Still]
    actors: NDArray[np.bool_]

    def write(self, folder: Path) -> None:
        """As a DAVIS-like clip: `frames/00000.png` and `masks/00000.png`, the actors in white."""
        for name in ("frames", "masks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for t, (frame, actor) in enumerate(zip(self.frames, self.actors, strict=True)):
            cv2.imwrite(str(folder / "frames" / f"{t:05d}.png"), frame[..., ::-1])
            cv2.imwrite(str(folder / "masks" / f"{t:05d}.png"), actor.astype(np.uint8) * 255)


@dataclass(frozen=True, eq=False)
class _Piece:
    """Something cut out: premultiplied (h, w, 4) float32 in 0..1 over a canvas of the view's size.

    Args:
        depth: how many times as near as the background.
        walk: (n, 2) its own way, in view pixels; None for what only the camera moves.
        pivot, swing, pace, phase: it turns about a point, by radians, cycles a frame.
    """

    picture: Array
    depth: float
    walk: Array | None = None
    pivot: tuple[float, float] = (0.0, 0.0)
    swing: float = 0.0
    pace: float = 0.0
    phase: float = 0.0

    def seen(self, view: Array, time: float) -> Array:
        """Through the camera's `view` at a moment."""
        matrix = paths.nearer(view, self.depth)
        if self.walk is not None:
            n = len(self.walk)
            x, y = (np.interp(time, np.arange(n), self.walk[:, axis]) for axis in (0, 1))
            turn = self.swing * np.sin(2 * np.pi * (self.pace * time + self.phase))
            c, s, (px, py) = np.cos(turn), np.sin(turn), self.pivot
            own = np.array([[c, -s, px - c * px + s * py], [s, c, py - s * px - c * py], [0, 0, 1]])
            matrix = own @ np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1.0]]) @ matrix
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return cv2.warpPerspective(self.picture, matrix, (COLUMNS, ROWS), flags=flags)


class Stage:
    """Where scenes are made: a folder of clips and photos, one part of it."""

    def __init__(self, data: Path, *, part: str = "train") -> None:
        self._clips, self._photos = files(data, CLIPS, part=part), files(data, PHOTOS, part=part)

    def scene(self, rng: np.random.Generator, length: int) -> Scene:
        """A scene of at most `length` frames; everything about it follows from the generator."""
        base = self._base(rng, length)
        length = len(base)
        # Nothing moves as reality does: often enough a clip stays as it was filmed.
        if base[0] is not base[-1] and rng.uniform() < ALONE:
            return Scene(_filmed(rng, [_middle(frame) for frame in base]), np.zeros((length, HEIGHT, WIDTH), bool))
        path = self._path(rng, length, base)
        zoom = min(base[0].shape[0] / ROWS, base[0].shape[1] / COLUMNS)
        placed = _placed(rng, base[0], zoom * (float(rng.uniform(0.6, 0.9)) if np.ptp(path, 0).max() > 0 else 1.0))
        near = [self._prop(rng) for _ in range(int(rng.choice([0, 0, 1, 2])))]
        acting = [part for _ in range(int(rng.choice([0, 0, 1, 1, 2]))) for part in self._actor(rng, length)]
        moments = SHUTTER if rng.uniform() < 0.4 else (0.0,)
        frames, alphas = [], []
        for t in range(length):
            exposed, covered = np.zeros((ROWS, COLUMNS, 3), np.float32), np.zeros((ROWS, COLUMNS), np.float32)
            for moment in moments:
                view = paths.between(path, t + moment)
                picture = _background(base[t], placed @ view)
                for piece in near + acting:
                    over = piece.seen(view, t + moment)
                    picture = picture * (1 - over[..., 3:]) + over[..., :3]
                    if piece.walk is not None:
                        covered = np.maximum(covered, over[..., 3])
                exposed += picture / len(moments)
            frames.append(exposed)
            alphas.append(_shrunk(covered) > 0.02)
        return Scene(_filmed(rng, frames), np.stack(alphas))

    def _base(self, rng: np.random.Generator, length: int) -> list[Still]:
        if self._clips and (not self._photos or rng.uniform() < 0.65):
            clip = list(read_clip(self._clips[int(rng.integers(len(self._clips)))]))
            begin = int(rng.integers(max(1, len(clip) - length + 1)))
            return clip[begin : begin + length]
        return [self._photo(rng)] * length

    def _photo(self, rng: np.random.Generator) -> Still:
        if not self._photos:
            return next(read_clip(self._clips[int(rng.integers(len(self._clips)))]))
        return read_photo(self._photos[int(rng.integers(len(self._photos)))])

    def _path(self, rng: np.random.Generator, length: int, base: list[Still]) -> paths.Path:
        still = base[0] is base[-1]
        how = float(rng.uniform())
        if how < (0.15 if still else 0.4):
            return paths.standing(length)
        if how < 0.5 and still and self._clips:
            clip = list(read_clip(self._clips[int(rng.integers(len(self._clips)))]))[:length]
            path = paths.recorded([cv2.resize(f, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA) for f in clip])
            return np.concatenate([path, np.repeat(path[-1:], length - len(path), 0)])
        return paths.drawn(rng, length, height=ROWS, width=COLUMNS)

    def _texture(self, rng: np.random.Generator) -> Array:
        """A piece of a photo (or of a clip's frame) at the view's size, 0..1."""
        still = self._photo(rng)
        placed = _placed(rng, still, float(rng.uniform(0.5, 1.2)))
        return _background(still, placed) * np.float32(rng.uniform(0.5, 1.1))

    def _prop(self, rng: np.random.Generator) -> _Piece:
        """Something nearer than the background that stands still."""
        canvas = blob(rng, ROWS, COLUMNS, share=float(rng.uniform(0.01, 0.12)))
        return _Piece(_cut(rng, self._texture(rng), canvas), depth=float(rng.uniform(1.1, 2.0)))

    def _actor(self, rng: np.random.Generator, length: int) -> list[_Piece]:
        """A body and up to three limbs, on one way through the picture."""
        texture = self._texture(rng)
        size = float(rng.uniform(0.07, 0.28)) * ROWS
        start = rng.uniform([0.15 * COLUMNS, 0.25 * ROWS], [0.85 * COLUMNS, 0.85 * ROWS])
        time = np.arange(length)[:, None]
        speed = rng.normal(0, 1, 2) * float(rng.choice([0.6, 3.0, 8.0])) * (1, 0.3)
        bounce = rng.uniform(0, 0.15) * size * np.sin(2 * np.pi * (rng.uniform(0.03, 0.15) * time + rng.uniform()))
        walk = (time - length / 2) * speed + bounce * (0.2, 1)
        depth = float(rng.choice([0.0, 1.0, 1.3]))
        parts = []
        for limb in range(1 + int(rng.integers(0, 4))):
            canvas = np.zeros((ROWS, COLUMNS), np.uint8)
            reach = size * (1.0 if limb == 0 else float(rng.uniform(0.25, 0.5)))
            angle = rng.uniform(0, 2 * np.pi)
            middle = start + (0 if limb == 0 else 1.0) * size * np.array([np.cos(angle), np.sin(angle)])
            cv2.fillPoly(canvas, [(outline(rng, reach) + middle).round().astype(np.int32)], 1)
            parts.append(
                _Piece(
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


def _placed(rng: np.random.Generator, still: Still, zoom: float) -> NDArray[np.float64]:
    """View pixel -> still pixel: a window of `zoom` still pixels a view pixel, anywhere on the still."""
    h, w = still.shape[:2]
    slack = max(0.0, w - zoom * COLUMNS), max(0.0, h - zoom * ROWS)
    left, top = rng.uniform(0.2, 0.8, 2) * slack
    return np.array([[zoom, 0, left], [0, zoom, top], [0, 0, 1.0]])


def _middle(still: Still) -> Array:
    """The middle of the still at the view's shape, float32 in 0..1."""
    h, w = still.shape[:2]
    zoom = min(h / HEIGHT, w / WIDTH)
    high, wide = round(zoom * HEIGHT), round(zoom * WIDTH)
    top, left = (h - high) // 2, (w - wide) // 2
    return still[top : top + high, left : left + wide].astype(np.float32) / 255


def _shrunk(picture: Array) -> Array:
    """As a plate becomes a proxy: (HEIGHT, WIDTH, ...)."""
    return cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def _background(still: Still, matrix: NDArray[np.float64]) -> Array:
    """The still through `matrix`, float32 in 0..1; softened to the new pitch first, for aliases would crawl."""
    pitch = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    soft = cv2.GaussianBlur(still, (0, 0), 0.4 * pitch) if pitch > 1.2 else still
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    seen = cv2.warpPerspective(soft, matrix, (COLUMNS, ROWS), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return seen.astype(np.float32) / 255


def _cut(rng: np.random.Generator, texture: Array, canvas: Array) -> Array:
    """Premultiplied RGBA with an edge as soft as a lens makes it."""
    alpha = cv2.GaussianBlur(canvas.astype(np.float32), (0, 0), float(rng.uniform(0.5, 1.2)))[..., None]
    return np.concatenate([texture * alpha, alpha], 2).astype(np.float32)


def _filmed(rng: np.random.Generator, frames: list[Array]) -> list[Still]:
    """As a camera and its recorder give it: exposure drift, flicker, defocus or sharpening, grain, compression."""
    drift = float(rng.normal(0, 0.004)) if rng.uniform() < 0.3 else 0.0
    flicker = float(rng.uniform(0, 0.02)) if rng.uniform() < 0.2 else 0.0
    focus = float(rng.uniform(0.4, 1.2)) if rng.uniform() < 0.25 else 0.0
    edge = float(rng.uniform(0.2, 1.0)) if not focus and rng.uniform() < 0.5 else 0.0
    grain = float(rng.uniform(0.003, 0.03)) if rng.uniform() < 0.5 else 0.0
    quality = int(rng.integers(60, 96)) if rng.uniform() < 0.4 else 0
    shot = []
    for t, frame in enumerate(frames):
        picture = cv2.GaussianBlur(frame, (0, 0), focus) if focus else frame
        if edge:
            picture = picture + edge * (picture - cv2.GaussianBlur(picture, (0, 0), 0.8))
        picture = picture * np.float32(np.exp(drift * t + flicker * rng.normal()))
        picture = picture + rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(grain)
        eight = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
        if quality:
            packed = cv2.imencode(".jpg", eight[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            unpacked: Still = np.asarray(cv2.imdecode(packed, cv2.IMREAD_COLOR))
            eight = np.ascontiguousarray(unpacked[..., ::-1])
        shot.append(_shrunk(eight))
    return shot
