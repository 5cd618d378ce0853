"""Clip folder: real clips to measure on, some with masks of what moves in them.

Two layouts are read: `CLIP/frames/*` with `CLIP/masks/*`, and that of DAVIS, `JPEGImages/480p/CLIP` with
`Annotations/480p/CLIP`. Frames are in the order of their names.

Convention: frames are display-referred sRGB, (H, W, 3) uint8 in R, G, B order; masks are (H, W) bool, True on what
moves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from aan_engine.colour.display import Picture
from aan_engine.core.types import Mask
from aan_engine.errors import ShotError

Half = NDArray[np.float16]

_PICTURES = (".jpg", ".jpeg", ".png", ".bmp", ".tif", ".tiff", ".webp")
_DAVIS = ("480p", "Full-Resolution", "1080p")


@dataclass(frozen=True)
class Clip:
    """One clip on disk: the files of its frames, and of its masks, in order; there may be fewer masks, or none."""

    name: str
    frames: tuple[Path, ...]
    masks: tuple[Path, ...]


@dataclass(frozen=True, eq=False)
class LoadedClip:
    """One clip in memory, at the size at which it is measured.

    Args:
        name: the clip's.
        frames: pictures of one shape.
        masks: of the same shape; there may be fewer than frames, or none.
    """

    name: str
    frames: list[Picture]
    masks: list[Mask]

    @property
    def shape(self) -> tuple[int, int]:
        """Height and width."""
        return self.frames[0].shape[0], self.frames[0].shape[1]

    @cached_property
    def plates(self) -> list[Half]:
        """The frames as plates: scene-linear half. Convention: IEC 61966-2-1 decoded, 1 = white."""
        code = np.arange(256, dtype=np.float32) / 255
        table = np.where(code <= 0.04045, code / 12.92, ((code + 0.055) / 1.055) ** 2.4).astype(np.float16)
        return [table[frame] for frame in self.frames]


def find(folder: Path) -> list[Clip]:
    """Every clip of a folder, in the order of their names.

    Raises:
        ShotError: the folder is not there, or holds no clip in either layout.
    """
    if not folder.is_dir():
        raise ShotError("the folder of clips is not there", hint="Name one with --data.", file=folder)
    found = _davis(folder) or _plain(folder)
    if not found:
        raise ShotError(
            "no clip in this folder",
            hint="Lay clips out as CLIP/frames/* and CLIP/masks/*, or as DAVIS does (JPEGImages/480p/CLIP).",
            file=folder,
        )
    return found


def choose(clips: Sequence[Clip], names: Sequence[str]) -> list[Clip]:
    """The clips of these names, in this order; all, where no name is given.

    Raises:
        ShotError: a name that no clip has.
    """
    if not names:
        return list(clips)
    known = {clip.name: clip for clip in clips}
    if strange := [name for name in names if name not in known]:
        raise ShotError(f"no clip called {', '.join(strange)}", hint=f"There are {', '.join(known)}.")
    return [known[name] for name in names]


def load(clip: Clip, *, frames: int, height: int) -> LoadedClip:
    """The first frames of a clip at `height` rows, the width rounded to 8 (480p becomes 424 x 240 or 432 x 240).

    Raises:
        ShotError: a file is no picture.
    """
    first = _read(clip.frames[0], cv2.IMREAD_COLOR)
    size = (round(first.shape[1] * height / first.shape[0] / 8) * 8, height)
    pictures = [
        cv2.resize(np.ascontiguousarray(_read(f, cv2.IMREAD_COLOR)[..., ::-1]), size, interpolation=cv2.INTER_AREA)
        for f in clip.frames[:frames]
    ]
    masks = [
        cv2.resize(_read(f, cv2.IMREAD_GRAYSCALE), size, interpolation=cv2.INTER_NEAREST) > 0
        for f in clip.masks[:frames]
    ]
    return LoadedClip(clip.name, pictures, masks)


def _read(file: Path, flags: int) -> Picture:
    read = cv2.imread(str(file), flags)
    if read is None:
        raise ShotError("not a picture that OpenCV can read", hint="Take it out of the folder of clips.", file=file)
    return np.asarray(read, np.uint8)


def _plain(folder: Path) -> list[Clip]:
    found = [Clip(f.name, _pictures(f / "frames"), _pictures(f / "masks")) for f in sorted(folder.iterdir())]
    return [clip for clip in found if clip.frames]


def _davis(folder: Path) -> list[Clip]:
    for size in _DAVIS:
        if (pictures := folder / "JPEGImages" / size).is_dir():
            masks = folder / "Annotations" / size
            found = [Clip(f.name, _pictures(f), _pictures(masks / f.name)) for f in sorted(pictures.iterdir())]
            return [clip for clip in found if clip.frames]
    return []


def _pictures(folder: Path) -> tuple[Path, ...]:
    if not folder.is_dir():
        return ()
    return tuple(sorted(file for file in folder.iterdir() if file.suffix.lower() in _PICTURES))
