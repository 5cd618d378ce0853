"""A strip as plates for the engine: its own files wherever they are what the strip shows, else what must be rendered.

An image strip hands over its own files, a movie strip its file. Trims, offsets, reversed and held frames are mapped one
by one: `frames` says for each timeline frame which number the engine knows it by. What Blender does to a picture
afterwards (transform, crop, flips, modifiers) is no business of the engine's: the result strip takes it over.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from . import compat, exr_header, result_folder
from .errors import StripUnsuited
from .result_folder import Folder

FIRST = 1001  # the number of the first frame where files bring none that could be used
LONGEST_MOVIE = 2000  # frames of a trimmed movie that is handed over whole
_NUMBERED = re.compile(r"(?P<head>.*?)(?P<digits>\d+)(?P<tail>\.[^.\d][^.]*)", re.DOTALL)


@dataclass(frozen=True)
class Plates:
    """What the engine is given for a strip.

    Args:
        pattern: files as the engine reads them; empty where they must be rendered first.
        frames: the engine's number of each timeline frame that the strip shows, in the timeline's order.
        start: the timeline's frame of the first of them.
        size: width and height of a plate.
        own: whether these are the strip's own files, so that the result takes over its transform and the like.
        linear: whether they are EXR; else the engine makes scene-linear EXR of them.
        beyond: numbers of frames in the same files that the strip does not show, as of a trimmed movie.
        whole: whether the pixels that are there are the picture as framed.
    """

    pattern: str
    frames: tuple[int, ...]
    start: int
    size: tuple[int, int]
    own: bool = True
    linear: bool = True
    beyond: tuple[int, ...] = ()
    whole: bool = True


def of(strip: Any, scene: Any, place: Folder) -> Plates:
    """The plates of a strip; links are laid in `place` where its files alone do not say what it shows.

    Raises:
        StripUnsuited: when it has no picture, or its files are not there.
    """
    if strip.type in ("SOUND", "MASK", "COLOR", "TEXT", "ADJUSTMENT"):
        raise StripUnsuited(f"{strip.name} has no plates", hint="Choose an image or movie strip.")
    if getattr(strip, "use_multiview", False):
        raise StripUnsuited(f"{strip.name} holds two views", hint="Clean each eye as a strip of its own.")
    if not compat.is_retimed(strip) and not getattr(strip, "use_deinterlace", False):
        if strip.type == "IMAGE":
            return _of_images(strip, place)
        if strip.type == "MOVIE" and not strip.use_reverse_frames:
            movie = _of_movie(strip)
            if movie is not None:
                return movie
    return _rendered(strip, scene)


def _of_images(strip: Any, place: Folder) -> Plates:
    first, last = compat.visible(strip)
    directory = Path(bpy.path.abspath(strip.directory))
    names = [strip.strip_elem_from_frame(frame).filename for frame in range(first, last + 1)]
    header, size = _looked_at(strip, directory / names[0])
    linear, whole = header is not None, header is None or header.is_whole
    own = sequence(directory, names)
    if own is not None and own[0]:
        return Plates(own[0], own[1], first, size, linear=linear, whole=whole)
    frames = own[1] if own is not None else tuple(range(FIRST, FIRST + len(names)))
    pattern = place.input(result_folder.PLATE, Path(names[0]).suffix)
    place.link(pattern, {frame: str(directory / name) for frame, name in zip(frames, names, strict=True)})
    return Plates(pattern, frames, first, size, linear=linear, whole=whole)


def sequence(directory: Path, names: list[str]) -> tuple[str, tuple[int, ...]] | None:
    """The pattern and numbers of these files, if they are distinct files of one sequence; else None.

    The pattern is empty where it would not stand for just these files.
    """
    found = [match for match in map(_NUMBERED.fullmatch, names) if match is not None]
    heads = {(match["head"], match["tail"]) for match in found}
    numbers = tuple(int(match["digits"]) for match in found)
    if len(found) < len(names) or len(heads) != 1 or len(set(numbers)) != len(names):
        return None
    head, tail = heads.pop()
    width = min(len(match["digits"]) for match in found)
    padded = all(f"{number:0{width}d}" == match["digits"] for number, match in zip(numbers, found, strict=True))
    there = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    more = {name for name in there - set(names) if _is_of(name, head, tail)}
    sound = padded and not more and not {"#", "%"} & set(head + tail)
    return (str(directory / f"{head}{'#' * width}{tail}") if sound else ""), numbers


def _is_of(name: str, head: str, tail: str) -> bool:
    return name.startswith(head) and name.endswith(tail) and name[len(head) : len(name) - len(tail)].isdigit()


def _looked_at(strip: Any, path: Path) -> tuple[exr_header.Header | None, tuple[int, int]]:
    """What the first file says of itself: its header if it is EXR, and its size in any case."""
    if not path.is_file():
        raise StripUnsuited(f"{path} is not there", hint="Relink the strip's files (Strip > Change Path).")
    header = exr_header.read(path)
    if header is not None:
        return header, header.size
    element = strip.elements[0]
    if element.orig_width:
        return None, (element.orig_width, element.orig_height)
    return None, _measured(path)


def _measured(path: Path) -> tuple[int, int]:
    """The size of a picture or movie that Blender has not looked at yet."""
    image = bpy.data.images.load(str(path))
    width, height = image.size
    bpy.data.images.remove(image)
    return width, height


def _of_movie(strip: Any) -> Plates | None:
    """A movie as it is; None where so little of it is shown that rendering that is less work."""
    path = Path(bpy.path.abspath(strip.filepath))
    if not path.is_file():
        raise StripUnsuited(f"{path} is not there", hint="Relink the strip's file (Strip > Change Path).")
    first, last = compat.visible(strip)
    before, after = compat.cut_off(strip)
    content, start = compat.content_duration(strip), compat.content_start(strip)
    frames = tuple(frame - start + before + 1 for frame in range(first, last + 1))
    total = before + content + after
    if frames[0] < before + 1 or frames[-1] > before + content:
        return None  # held beyond its ends
    beyond = tuple(frame for frame in range(1, total + 1) if not frames[0] <= frame <= frames[-1])
    if beyond and total > LONGEST_MOVIE:
        return None
    element = strip.elements[0]
    size = (element.orig_width, element.orig_height) if element.orig_width else _measured(path)
    return Plates(str(path), frames, first, size, linear=False, beyond=beyond)


def _rendered(strip: Any, scene: Any) -> Plates:
    """As the timeline shows the strip by itself, at the scene's resolution."""
    first, last = compat.visible(strip)
    frames = tuple(range(FIRST, FIRST + last - first + 1))
    return Plates("", frames, first, frame_size(scene), own=False)


def frame_size(scene: Any) -> tuple[int, int]:
    """Width and height of the scene's frames at full resolution."""
    return scene.render.resolution_x, scene.render.resolution_y


def by_timeline(plates: Plates) -> dict[int, int]:
    """Timeline frame -> the engine's number."""
    return {plates.start + index: frame for index, frame in enumerate(plates.frames)}
