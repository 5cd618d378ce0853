"""Scenes: short shots made for training out of clips and photos, with what real plates bring along.

A scene is a stack of layers before a moving camera: a clip that goes on, or a photo; nearer pieces of other photos
(parallax); actors that move by themselves, with limbs and with motion blur; traffic. Then it is filmed: exposure
drift, flicker, defocus, grain, compression. What lies behind everything is known, because everything was put there.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.training import camera_paths
from aan_engine.training.still_data import CLIPS, PHOTOS, Still, files, read_clip, read_photo
from aan_engine.training.synthetic_foreground import Sprite, actor, prop, traffic

HEIGHT, WIDTH = 240, 424
ROWS, COLUMNS = 2 * HEIGHT, 2 * WIDTH
"""What scenes are drawn and filmed at, then shrunk from, as plates are to proxies: a shrunk picture has finer detail
than one drawn small, and its detail does not quite follow the motion."""

SHUTTER = (-0.25, -0.08, 0.08, 0.25)
"""Moments, in frames, over which a blurred frame is exposed."""

ALONE = 0.4
"""Share of the clips that nothing is added to."""

BUSY = 0.4
"""Share of the made shots with traffic in them, and of those the share before a camera that stands still."""
TRIPOD = 0.7

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
        for t, (frame, acted) in enumerate(zip(self.frames, self.actors, strict=True)):
            cv2.imwrite(str(folder / "frames" / f"{t:05d}.png"), frame[..., ::-1])
            cv2.imwrite(str(folder / "masks" / f"{t:05d}.png"), acted.astype(np.uint8) * 255)


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
        busy = rng.uniform() < BUSY
        standing = busy and rng.uniform() < TRIPOD
        path = camera_paths.standing(length) if standing else self._path(rng, length, base)
        zoom = min(base[0].shape[0] / ROWS, base[0].shape[1] / COLUMNS)
        placed = _placed(rng, base[0], zoom * (float(rng.uniform(0.6, 0.9)) if np.ptp(path, 0).max() > 0 else 1.0))
        pieces = self._pieces(rng, length, busy=busy)
        moments = SHUTTER if rng.uniform() < 0.4 else (0.0,)
        frames, alphas = [], []
        for t in range(length):
            exposed, covered = np.zeros((ROWS, COLUMNS, 3), np.float32), np.zeros((ROWS, COLUMNS), np.float32)
            for moment in moments:
                view = camera_paths.between(path, t + moment)
                picture = _background(base[t], placed @ view)
                for piece in pieces:
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

    def _path(self, rng: np.random.Generator, length: int, base: list[Still]) -> camera_paths.Path:
        still = base[0] is base[-1]
        how = float(rng.uniform())
        if how < (0.15 if still else 0.4):
            return camera_paths.standing(length)
        if how < 0.5 and still and self._clips:
            clip = list(read_clip(self._clips[int(rng.integers(len(self._clips)))]))[:length]
            path = camera_paths.recorded([cv2.resize(f, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA) for f in clip])
            return np.concatenate([path, np.repeat(path[-1:], length - len(path), 0)])
        return camera_paths.drawn(rng, length, height=ROWS, width=COLUMNS)

    def _pieces(self, rng: np.random.Generator, length: int, *, busy: bool) -> list[Sprite]:
        """What stands and moves before the background, the nearest last."""
        hole = [prop(rng, self._texture(rng)) for _ in range(int(rng.choice([0, 0, 1, 2])))]
        if busy:
            return hole + traffic(rng, length, textures=[self._texture(rng) for _ in range(int(rng.integers(3, 8)))])
        cast = [actor(rng, length, texture=self._texture(rng)) for _ in range(int(rng.choice([0, 0, 1, 1, 2])))]
        return hole + [part for parts in cast for part in parts]

    def _texture(self, rng: np.random.Generator) -> Array:
        """A piece of a photo (or of a clip's frame) at the view's size, 0..1."""
        still = self._photo(rng)
        placed = _placed(rng, still, float(rng.uniform(0.5, 1.2)))
        return _background(still, placed) * np.float32(rng.uniform(0.5, 1.1))


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
