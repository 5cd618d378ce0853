"""EXR files of several layers and parts, for tests of which of them is read."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.plates.exr_header import Attribute, Description, PartDescription

SHAPE = (24, 32)


def header(
    *parts: tuple[str, Iterable[str]], kind: str = "half", views: Mapping[str, str] | None = None, path: str = "p.exr"
) -> Description:
    """A header of parts, each (name, channels); `views` gives the view of a part by its name."""
    window = Box.whole(SHAPE)
    described = []
    for name, channels in parts:
        view = (views or {}).get(name)
        attributes = {"view": Attribute("string", view.encode(), at=0)} if view else {}
        typed = tuple((channel, kind) for channel in sorted(channels))
        described.append(PartDescription(name, "scanline", "zip", window, window, typed, None, (), attributes))
    return Description(Path(path), tuple(described))


def triple(layer: str = "", spelling: Iterable[str] = "RGB") -> list[str]:
    """The channels of a layer in one spelling."""
    return [f"{layer}.{last}" if layer else last for last in spelling]


def flat(value: float, kind: Any = np.float16) -> NDArray[Any]:
    return np.full(SHAPE, value, kind)


def roto(*, top: int = 6, left: int = 8, side: int = 8) -> NDArray[np.float16]:
    """A square of 1 in a black frame."""
    found = flat(0)
    found[top : top + side, left : left + side] = 1
    return found


def picture(layer: str = "", spelling: Iterable[str] = "RGB") -> dict[str, NDArray[np.float16]]:
    """Random colours in the channels of a layer."""
    rng = np.random.default_rng(3)
    return {name: rng.uniform(0.1, 0.9, SHAPE).astype(np.float16) for name in triple(layer, spelling)}


def write(path: Path, channels: Mapping[str, NDArray[Any]], **more: object) -> Path:
    """An EXR of one part."""
    OpenEXR.File({"compression": OpenEXR.ZIP_COMPRESSION, **more}, dict(channels)).write(str(path))
    return path


def write_parts(path: Path, *parts: tuple[str, Mapping[str, NDArray[Any]]]) -> Path:
    """An EXR of several parts, each (name, channels), in this order."""
    made = [OpenEXR.Part({"compression": OpenEXR.ZIP_COMPRESSION}, dict(channels), name) for name, channels in parts]
    OpenEXR.File(made).write(str(path))
    return path
