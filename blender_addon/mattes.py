"""What is to be removed: a Blender mask, a strip above, files on disk, or the plates' own alpha, as mattes.

A mask lies over the plate's own picture, as it is drawn in the Image or Movie Clip Editor, and moves with the
timeline. Files on disk are numbered as the plates' files; a single one holds for all frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from . import compat, render_inputs, result_folder
from .errors import MatteUnsuited
from .plates import Plates, by_timeline, sequence
from .plugin_host.sequence import parse
from .render_process import Order
from .result_folder import Folder

HIDE_ALL = "all.exr"


@dataclass(frozen=True)
class Matte:
    """A pattern, and the channel where it is not to be found out."""

    pattern: str
    channel: str | None = None


def of(settings: Any, *, strip: Any, scene: Any, plates: Plates, place: Folder, order: Order) -> Matte:
    """The matte that was chosen; what must be rendered for it goes into `order`.

    Raises:
        MatteUnsuited: when none was chosen, or it does not fit.
    """
    makers = {"MASK": _of_mask, "STRIP": _of_strip, "FILES": _of_files, "ALPHA": _of_alpha}
    matte = makers[settings.matte_kind](settings, strip, scene, plates, place, order)
    return Matte(matte.pattern, settings.matte_channel.strip() or matte.channel)


def _of_mask(settings: Any, strip: Any, scene: Any, plates: Plates, place: Folder, order: Order) -> Matte:
    if settings.mask is None:
        raise MatteUnsuited("no mask is chosen", hint="Draw one over the plate in the Image Editor, and choose it.")
    return _rasterised(settings.mask, by_timeline(plates), scene, plates, place, order)


def _rasterised(
    mask: Any, of_timeline: dict[int, int], scene: Any, plates: Plates, place: Folder, order: Order
) -> Matte:
    """A mask at these frames; one that keeps still is rendered here and now, as one picture."""
    if not plates.whole:
        raise MatteUnsuited(
            "the plates' data window is not their display window, and Blender places such pictures by the former",
            hint="Give the matte as files, rendered like the plates, or render the plates without crop and overscan.",
        )
    pattern = place.input(result_folder.MATTE)
    head = pattern.rpartition("####")[0]
    if render_inputs.shapes(mask, of_timeline) == 1:
        still = head.rstrip(".") + ".exr"
        render_inputs.develop_mask(mask, size=plates.size, files=[(next(iter(of_timeline)), still)])
        return Matte(still, render_inputs.CHANNEL)
    files = [(frame, f"{head}{number:04d}.exr") for frame, number in of_timeline.items()]
    order.mask(mask, size=plates.size, files=files)
    if plates.beyond:
        _hide_all(plates, pattern, place)
    return Matte(pattern, render_inputs.CHANNEL)


def _hide_all(plates: Plates, pattern: str, place: Folder) -> None:
    """Frames of a movie that the strip does not show are no sources: nobody said what is to be removed there."""
    white = str(Path(pattern).with_name(HIDE_ALL))
    mask = bpy.data.masks.new("all")
    mask.layers.new(name="all").invert = True
    try:
        render_inputs.develop_mask(mask, size=plates.size, files=[(1, white)])
    finally:
        bpy.data.masks.remove(mask)
    place.link(pattern, dict.fromkeys(plates.beyond, white))


def _of_strip(settings: Any, strip: Any, scene: Any, plates: Plates, place: Folder, order: Order) -> Matte:
    other = next((found for found in compat.strips(scene) if found.name == settings.matte_strip), None)
    if other is None or other == strip:
        raise MatteUnsuited("no strip is chosen as the matte", hint="Choose the strip that covers what is to go.")
    of_timeline = by_timeline(plates)
    first, last = compat.visible(other)
    if first > min(of_timeline) or last < max(of_timeline):
        raise MatteUnsuited(
            f"{other.name} covers frames {first} to {last}, the plates are {min(of_timeline)} to {max(of_timeline)}",
            hint="Extend it over the whole strip; black frames hide nothing.",
        )
    if other.type == "MASK":
        if other.mask is None:
            raise MatteUnsuited(f"{other.name} shows no mask", hint="Choose its mask.")
        shift = other.mask.frame_start - compat.content_start(other)
        moved = {frame + shift: number for frame, number in of_timeline.items()}
        return _rasterised(other.mask, moved, scene, plates, place, order)
    if other.type == "IMAGE" and not compat.is_retimed(other):
        return _linked(other, of_timeline, place)
    if plates.beyond:
        raise MatteUnsuited("a rendered matte cannot cover a trimmed movie", hint="Use a mask, or files on disk.")
    return _developed(other, of_timeline, scene, place, order)


def _linked(other: Any, of_timeline: dict[int, int], place: Folder) -> Matte:
    directory = Path(bpy.path.abspath(other.directory))
    names = {number: other.strip_elem_from_frame(frame).filename for frame, number in of_timeline.items()}
    files = {number: str(directory / name) for number, name in names.items()}
    if len(set(files.values())) == 1:
        return Matte(next(iter(files.values())))
    pattern = place.input(result_folder.MATTE, Path(next(iter(names.values()))).suffix)
    place.link(pattern, files)
    return Matte(pattern)


def _developed(other: Any, of_timeline: dict[int, int], scene: Any, place: Folder, order: Order) -> Matte:
    pattern = place.input(result_folder.MATTE)
    head = pattern.rpartition("####")[0]
    files = [(frame, f"{head}{number:04d}.exr") for frame, number in of_timeline.items()]
    order.strip(scene, other.name, opaque=True, files=files)
    return Matte(pattern, render_inputs.CHANNEL)


def _of_files(settings: Any, strip: Any, scene: Any, plates: Plates, place: Folder, order: Order) -> Matte:
    path = bpy.path.abspath(settings.matte_files)
    if not path:
        raise MatteUnsuited("no files are chosen as the matte", hint="Choose the first of them, or write a pattern.")
    return Matte(pattern_of(path))


def _of_alpha(settings: Any, strip: Any, scene: Any, plates: Plates, place: Folder, order: Order) -> Matte:
    if not plates.pattern or not plates.linear:
        raise MatteUnsuited("only EXR plates bring their own matte", hint="Choose a mask, or files on disk.")
    return Matte(plates.pattern, "A")


def pattern_of(path: str) -> str:
    """One file of a sequence, as a file browser gives it, as the pattern of the whole; a lone file as it is."""
    file = Path(path)
    if not file.is_file() or parse(path).width is not None:
        return path
    directory, alike = file.parent, _alike(file)
    found = sequence(directory, alike) if len(alike) > 1 else None
    return found[0] if found is not None and found[0] else path


def _alike(file: Path) -> list[str]:
    """The files beside this one that differ from it in their number only."""
    return sorted(other.name for other in file.parent.iterdir() if _unnumbered(other) == _unnumbered(file))


def _unnumbered(file: Path) -> tuple[str, str]:
    return file.stem.rstrip("0123456789"), file.suffix
