"""Scenes: synthetic shots for training, composed of clips and photos, with the faults of real plates.

A scene is a stack of layers before a moving camera: a playing clip, or a photo; nearer cut-outs of other photos
(parallax); figures that move by themselves, with limbs and motion blur; traffic. It is then recorded: exposure drift,
flicker, defocus, sharpening, grain, compression. Holes are laid over it afterwards, so the truth is always known.
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
from aan_engine.training.synthetic_foreground import Sprite, figure, static_object, traffic

HEIGHT, WIDTH = 240, 424
ROWS, COLUMNS = 2 * HEIGHT, 2 * WIDTH
"""Resolution at which scenes are composed and recorded before they are reduced, as plates are to proxies: a reduced
picture has finer detail than one drawn small, and its aliases do not quite follow the motion."""

SHUTTER = (-0.25, -0.08, 0.08, 0.25)
"""Moments, in frames, over which a frame with motion blur is averaged."""

UNCHANGED = 0.4
"""Share of the scenes from clips that nothing is added to."""

WITH_TRAFFIC, TRAFFIC_STATIC = 0.4, 0.7
"""Share of the composed scenes with traffic, and of those the share with a static camera."""

Array = NDArray[Any]


@dataclass(frozen=True, eq=False)
class Scene:
    """A synthetic shot.

    Args:
        frames: n times (HEIGHT, WIDTH, 3) 8-bit RGB.
        moving: (n, HEIGHT, WIDTH) bool, True on what moves by itself.
    """

    frames: list[Still]
    moving: NDArray[np.bool_]

    def write(self, folder: Path) -> None:
        """As a DAVIS-like clip: `frames/00000.png` and `masks/00000.png`, white on what moves by itself."""
        for name in ("frames", "masks"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        for t, (frame, mask) in enumerate(zip(self.frames, self.moving, strict=True)):
            cv2.imwrite(str(folder / "frames" / f"{t:05d}.png"), frame[..., ::-1])
            cv2.imwrite(str(folder / "masks" / f"{t:05d}.png"), mask.astype(np.uint8) * 255)


class SceneMaker:
    """Makes scenes from the training or the validation part of a folder of clips and photos."""

    def __init__(self, data: Path, *, part: str = "train") -> None:
        self._clips, self._photos = files(data, CLIPS, part=part), files(data, PHOTOS, part=part)

    def scene(self, rng: np.random.Generator, length: int) -> Scene:
        """A scene of at most `length` frames, a pure function of the generator."""
        base = self._base(rng, length)
        length = len(base)
        # Real motion is better than composed motion: many clips stay as they are.
        if base[0] is not base[-1] and rng.uniform() < UNCHANGED:
            return Scene(_recorded(rng, [_centre(frame) for frame in base]), np.zeros((length, HEIGHT, WIDTH), bool))
        with_traffic = rng.uniform() < WITH_TRAFFIC
        static = with_traffic and rng.uniform() < TRAFFIC_STATIC
        path = camera_paths.static(length) if static else self._path(rng, length, base)
        zoom = min(base[0].shape[0] / ROWS, base[0].shape[1] / COLUMNS)
        placed = _placed(rng, base[0], zoom * (float(rng.uniform(0.6, 0.9)) if np.ptp(path, 0).max() > 0 else 1.0))
        sprites = self._sprites(rng, length, with_traffic=with_traffic)
        moments = SHUTTER if rng.uniform() < 0.4 else (0.0,)
        frames, masks = [], []
        for t in range(length):
            mean, alpha = np.zeros((ROWS, COLUMNS, 3), np.float32), np.zeros((ROWS, COLUMNS), np.float32)
            for moment in moments:
                view = camera_paths.interpolated(path, t + moment)
                picture = _background(base[t], placed @ view)
                for sprite in sprites:
                    over = sprite.render(view, t + moment)
                    picture = picture * (1 - over[..., 3:]) + over[..., :3]
                    if sprite.way is not None:
                        alpha = np.maximum(alpha, over[..., 3])
                mean += picture / len(moments)
            frames.append(mean)
            masks.append(_reduced(alpha) > 0.02)
        return Scene(_recorded(rng, frames), np.stack(masks))

    def _base(self, rng: np.random.Generator, length: int) -> list[Still]:
        """The background: a part of a clip, or a photo for every frame."""
        if self._clips and (not self._photos or rng.uniform() < 0.65):
            clip = list(read_clip(self._clips[int(rng.integers(len(self._clips)))]))
            begin = int(rng.integers(max(1, len(clip) - length + 1)))
            return clip[begin : begin + length]
        return [self._photo(rng)] * length

    def _photo(self, rng: np.random.Generator) -> Still:
        if not self._photos:
            return next(read_clip(self._clips[int(rng.integers(len(self._clips)))]))
        return read_photo(self._photos[int(rng.integers(len(self._photos)))])

    def _path(self, rng: np.random.Generator, length: int, base: list[Still]) -> camera_paths.CameraPath:
        is_photo = base[0] is base[-1]
        draw = float(rng.uniform())
        if draw < (0.15 if is_photo else 0.4):
            return camera_paths.static(length)
        if draw < 0.5 and is_photo and self._clips:
            clip = list(read_clip(self._clips[int(rng.integers(len(self._clips)))]))[:length]
            path = camera_paths.recorded([cv2.resize(f, (COLUMNS, ROWS), interpolation=cv2.INTER_AREA) for f in clip])
            return np.concatenate([path, np.repeat(path[-1:], length - len(path), 0)])
        return camera_paths.random_path(rng, length, height=ROWS, width=COLUMNS)

    def _sprites(self, rng: np.random.Generator, length: int, *, with_traffic: bool) -> list[Sprite]:
        """Everything before the background, the nearest last."""
        static = [static_object(rng, self._texture(rng)) for _ in range(int(rng.choice([0, 0, 1, 2])))]
        if with_traffic:
            return static + traffic(rng, length, textures=[self._texture(rng) for _ in range(int(rng.integers(3, 8)))])
        figures = [figure(rng, length, texture=self._texture(rng)) for _ in range(int(rng.choice([0, 0, 1, 1, 2])))]
        return static + [part for parts in figures for part in parts]

    def _texture(self, rng: np.random.Generator) -> Array:
        """A part of a photo, or of a clip's frame, at the size of a view, 0 .. 1."""
        still = self._photo(rng)
        placed = _placed(rng, still, float(rng.uniform(0.5, 1.2)))
        return _background(still, placed) * np.float32(rng.uniform(0.5, 1.1))


def _placed(rng: np.random.Generator, still: Still, zoom: float) -> NDArray[np.float64]:
    """View pixel -> still pixel: a random window with `zoom` still pixels to a view pixel."""
    h, w = still.shape[:2]
    spare = max(0.0, w - zoom * COLUMNS), max(0.0, h - zoom * ROWS)
    left, top = rng.uniform(0.2, 0.8, 2) * spare
    return np.array([[zoom, 0, left], [0, zoom, top], [0, 0, 1.0]])


def _centre(still: Still) -> Array:
    """The still's largest centred part of the view's aspect, float32 in 0 .. 1."""
    h, w = still.shape[:2]
    zoom = min(h / HEIGHT, w / WIDTH)
    rows, columns = round(zoom * HEIGHT), round(zoom * WIDTH)
    top, left = (h - rows) // 2, (w - columns) // 2
    return still[top : top + rows, left : left + columns].astype(np.float32) / 255


def _reduced(picture: Array) -> Array:
    """At (HEIGHT, WIDTH, ...), by area, as a plate becomes a proxy."""
    return cv2.resize(picture, (WIDTH, HEIGHT), interpolation=cv2.INTER_AREA)


def _background(still: Still, matrix: NDArray[np.float64]) -> Array:
    """The still through `matrix`, float32 in 0 .. 1; blurred to the new sampling pitch first, against aliasing."""
    pitch = float(np.sqrt(abs(np.linalg.det(matrix[:2, :2]))))
    soft = cv2.GaussianBlur(still, (0, 0), 0.4 * pitch) if pitch > 1.2 else still
    flags = cv2.INTER_CUBIC | cv2.WARP_INVERSE_MAP
    warped = cv2.warpPerspective(soft, matrix, (COLUMNS, ROWS), flags=flags, borderMode=cv2.BORDER_REFLECT)
    return warped.astype(np.float32) / 255


def _recorded(rng: np.random.Generator, frames: list[Array]) -> list[Still]:
    """As a camera records it: exposure drift, flicker, defocus or sharpening, grain, 8 bits, JPEG; then reduced."""
    drift = float(rng.normal(0, 0.004)) if rng.uniform() < 0.3 else 0.0
    flicker = float(rng.uniform(0, 0.02)) if rng.uniform() < 0.2 else 0.0
    defocus = float(rng.uniform(0.4, 1.2)) if rng.uniform() < 0.25 else 0.0
    sharpening = float(rng.uniform(0.2, 1.0)) if not defocus and rng.uniform() < 0.5 else 0.0
    grain = float(rng.uniform(0.003, 0.03)) if rng.uniform() < 0.5 else 0.0
    quality = int(rng.integers(60, 96)) if rng.uniform() < 0.4 else 0
    recorded = []
    for t, frame in enumerate(frames):
        picture = cv2.GaussianBlur(frame, (0, 0), defocus) if defocus else frame
        if sharpening:
            picture = picture + sharpening * (picture - cv2.GaussianBlur(picture, (0, 0), 0.8))
        picture = picture * np.float32(np.exp(drift * t + flicker * rng.normal()))
        picture = picture + rng.standard_normal(picture.shape, dtype=np.float32) * np.float32(grain)
        eight_bit = (np.clip(picture, 0, 1) * 255).round().astype(np.uint8)
        if quality:
            encoded = cv2.imencode(".jpg", eight_bit[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
            decoded: Still = np.asarray(cv2.imdecode(encoded, cv2.IMREAD_COLOR))
            eight_bit = np.ascontiguousarray(decoded[..., ::-1])
        recorded.append(_reduced(eight_bit))
    return recorded
