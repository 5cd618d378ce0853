"""Still data: photos and clips in folders, split into training and validation, read as 8-bit stills.

Training pictures are display-referred (sRGB, 8 bit); `to_log` brings them into the log range of the proxies, in which
the networks get all pictures.
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
"""One source in so many is held back for validation."""

LARGEST_SIDE = 720
"""Rows or columns, whichever are fewer, that a still has at most."""


def files(folder: Path, kinds: tuple[str, ...], *, part: str = "train") -> list[Path]:
    """Every file with these suffixes below the folder, in the order of their names.

    Cuts of one source (`name_00`, `name_01`) stay together; every eighth source, at least one, is held back as
    "validation". A single source serves both parts.

    Raises:
        ShotError: the folder does not exist.
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
    """One photo as (H, W, 3) RGB, at most 720 pixels on the shorter side.

    Raises:
        ShotError: OpenCV cannot read it.
    """
    read = cv2.imread(str(file), cv2.IMREAD_COLOR)
    if read is None:
        raise ShotError("not a picture that OpenCV can read", hint="Take it out of the training folder.", file=file)
    return _bounded(read[..., ::-1])


def read_clip(file: Path, *, every: int = 1) -> Iterator[Still]:
    """Every n-th frame of a clip as (H, W, 3) RGB."""
    clip = cv2.VideoCapture(str(file))
    number = 0
    while clip.grab():
        if number % every == 0:
            decoded, frame = clip.retrieve()
            if not decoded:
                break
            yield _bounded(frame[..., ::-1])
        number += 1
    clip.release()


def stills(folder: Path, *, part: str = "train", every: int = 9) -> list[Still]:
    """All photos, and every n-th frame of all clips, held in memory as 8-bit RGB.

    Raises:
        ShotError: there is no picture at all.
    """
    found = [read_photo(p) for p in files(folder, PHOTOS, part=part)]
    for clip in files(folder, CLIPS, part=part):
        found.extend(read_clip(clip, every=every))
    if not found:
        raise ShotError("no photo and no clip in the training folder", hint="Name a folder with --data.", file=folder)
    return found


def _bounded(image: Array) -> Still:
    scale = LARGEST_SIDE / min(image.shape[:2])
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
    """A random square crop, perhaps mirrored, at a random exposure: (side, side, 3) in the log range.

    Cut out of the still shrunk to 200 - 400 rows, the scale at which proxies of 240 rows show things.
    """
    shortest = min(still.shape[:2])
    rows = rng.uniform(200.0, min(400.0, max(shortest, 200.0)))
    return _view(still, rng, size=min(shortest, max(side, int(side * shortest / rows))), side=side)


def to_log(image: Array, gain: float | np.float32 | Array = 1.0) -> Array:
    """Display-referred (H, W, 3) in 0 .. 1 -> the log range, through a table of 4096 steps.

    Convention: sRGB transfer function (IEC 61966-2-1) to scene-linear, times `gain` (exposure, one or one a channel),
    then `log_encoding.to_log`.
    """
    index = np.clip(image * 4095 + 0.5, 0, 4095).astype(np.uint16)
    table = log_encoding.to_log(_LINEAR[:, None] * np.broadcast_to(np.asarray(gain, np.float32), (3,)))
    return np.stack([table[:, c][index[..., c]] for c in range(3)], axis=-1)


def to_linear(image: Still) -> Array:
    """8-bit sRGB -> scene-linear float32 in 0 .. 1. Convention: IEC 61966-2-1."""
    table = _LINEAR[np.round(np.arange(256) / 255 * 4095).astype(np.uint16)]
    return table[image]


def _linear_table() -> Array:
    value = np.arange(4096) / 4095
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


_LINEAR = _linear_table()
