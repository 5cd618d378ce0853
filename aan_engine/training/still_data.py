"""The room of pictures: finds photos and clips in folders, holds some back, hands out frames as 8-bit stills.

It knows nothing of holes, pairs or networks. Training images are display-referred (sRGB, 8 bit): `to_log` takes them to
the working log range of the proxies, the one in which the network sees everything.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour import log_encoding
from aan_engine.errors import ShotError

Array = NDArray[Any]
Still = Array
PHOTOS = (".jpg", ".jpeg", ".png", ".webp", ".tif", ".tiff")
CLIPS = (".mp4", ".mov", ".avi", ".mkv", ".mpg", ".webm")
HELD_BACK = 8
LONGEST = 720


def files(folder: Path, kinds: tuple[str, ...], *, part: str = "train") -> list[Path]:
    """Every file of these kinds below the folder, in the order of their names.

    Cuts of one source (`name_00`, `name_01`) stay together; every eighth source is held back as "validation" (at
    least one; a single source serves both parts).

    Raises:
        ShotError: when the folder does not exist.
    """
    if not folder.is_dir():
        raise ShotError(
            "the training data are not there", hint="Name a folder of photos and clips with --data.", file=folder
        )
    found = sorted(p for p in folder.rglob("*") if p.suffix.lower() in kinds)
    sources = sorted({_source(p) for p in found})
    held = set(sources[HELD_BACK // 2 :: HELD_BACK] or sources[-1:])
    if len(sources) < 2:
        return found
    return [p for p in found if (_source(p) in held) == (part == "validation")]


def _source(file: Path) -> str:
    return re.sub(r"_\d+$", "", file.stem)


def read_photo(file: Path) -> Still:
    """One photo as (H, W, 3) RGB, at most 720 pixels on the shorter side."""
    read = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if read is None:
        raise ShotError("not a picture that OpenCV can read", hint="Take it out of the training folder.", file=file)
    return _bounded(read[..., ::-1])


def read_clip(file: Path, *, every: int = 1) -> Iterator[Still]:
    """Every n-th frame of a clip as (H, W, 3) RGB."""
    clip = cv2.VideoCapture(str(file))
    at = 0
    while clip.grab():
        if at % every == 0:
            fine, frame = clip.retrieve()
            if not fine:
                break
            yield _bounded(frame[..., ::-1])
        at += 1
    clip.release()


def stills(folder: Path, *, part: str = "train", every: int = 9) -> list[Still]:
    """All photos, and every n-th frame of all clips, held in memory as 8-bit RGB.

    Raises:
        ShotError: when there is no picture at all.
    """
    found = [read_photo(p) for p in files(folder, PHOTOS, part=part)]
    for clip in files(folder, CLIPS, part=part):
        found.extend(read_clip(clip, every=every))
    if not found:
        raise ShotError("no photo and no clip in the training folder", hint="Name a folder with --data.", file=folder)
    return found


def _bounded(image: Array) -> Still:
    scale = LONGEST / min(image.shape[:2])
    if scale < 1:
        height, width = round(image.shape[0] * scale), round(image.shape[1] * scale)
        return cv2.resize(np.ascontiguousarray(image), (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(image)


def _view(still: Still, rng: np.random.Generator, *, size: int, side: int) -> Array:
    top, left = int(rng.integers(still.shape[0] - size + 1)), int(rng.integers(still.shape[1] - size + 1))
    view = cv2.resize(still[top : top + size, left : left + size], (side, side), interpolation=cv2.INTER_AREA)
    view = view[:, ::-1] if rng.random() < 0.5 else view
    return to_log(view.astype(np.float32) / 255, np.float32(2.0 ** rng.normal(0, 0.3)))


def crop_of_frame(still: Still, rng: np.random.Generator, *, side: int) -> Array:
    """A random square window, perhaps mirrored: (side, side, 3) in the log range.

    It is cut out of the still shrunk to a frame of 200 to 400 rows: what a proxy of 240 rows shows.
    """
    shortest = min(still.shape[:2])
    rows = rng.uniform(200.0, min(400.0, max(shortest, 200.0)))
    return _view(still, rng, size=min(shortest, max(side, int(side * shortest / rows))), side=side)


def to_log(image: Array, gain: float | np.float32 | Array = 1.0) -> Array:
    """Display-referred (H, W, 3) in 0..1 -> the working log range, through a table of 4096 steps.

    Convention: sRGB transfer function (IEC 61966-2-1) to scene-linear, times `gain` (exposure, one or one a channel),
    then `light.encode`.
    """
    index = np.clip(image * 4095 + 0.5, 0, 4095).astype(np.uint16)
    table = log_encoding.to_log(_LINEAR[:, None] * np.broadcast_to(np.asarray(gain, np.float32), (3,)))
    return np.stack([table[:, c][index[..., c]] for c in range(3)], axis=-1)


def to_linear(image: Still) -> Array:
    """8-bit sRGB -> scene-linear float32 in 0..1. Convention: IEC 61966-2-1."""
    table = _LINEAR[np.round(np.arange(256) / 255 * 4095).astype(np.uint16)]
    return table[image]


def _linear_table() -> Array:
    value = np.arange(4096) / 4095
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _linear_table()
