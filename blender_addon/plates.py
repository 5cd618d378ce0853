"""The plates of a job: the strip's own files where they are what the strip shows, else frames that Blender renders.

An image strip gives its own files, a movie strip its movie file, unless the file asks to be shown turned and this
Blender does not turn it: the engine does. Trimmed, reversed and held frames are mapped one by one: `Plates.frames` has
the engine's frame number of each timeline frame. What Blender does to the picture afterwards (transform, crop, flips,
modifiers) is not handed to the engine: the result strip copies it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from . import compat, exr_header, orientation_tags, result_folder
from .errors import UnsupportedStrip
from .result_folder import ResultFolder

FIRST_NUMBER = 1001  # the first frame number where the files have none that can be used
MAX_TRIMMED_MOVIE = 2000  # frames: a longer trimmed movie is rendered, not handed over whole
_NUMBERED = re.compile(r"(?P<head>.*?)(?P<digits>\d+)(?P<tail>\.[^.\d][^.]*)", re.DOTALL)


@dataclass(frozen=True)
class Plates:
    """The plates of one strip.

    Args:
        pattern: the files' pattern; empty where the plates have to be rendered first.
        frames: the engine's frame number of each timeline frame that the strip shows, in the timeline's order.
        start: the timeline frame of the first of them.
        size: width and height of a plate.
        own_files: whether these are the strip's own files, so that the result copies its transform and the like.
        linear: whether they are EXR; else the engine converts them to scene-linear EXR.
        other_frames: frame numbers in the same files that the strip does not show, as in a trimmed movie.
        uncropped: whether the data window is the display window.
    """

    pattern: str
    frames: tuple[int, ...]
    start: int
    size: tuple[int, int]
    own_files: bool = True
    linear: bool = True
    other_frames: tuple[int, ...] = ()
    uncropped: bool = True


def from_strip(strip: Any, scene: bpy.types.Scene, folder: ResultFolder) -> Plates:
    """The plates of a strip. Links are made in `folder` where the files alone do not describe what the strip shows.

    Raises:
        UnsupportedStrip: when the strip has no picture, or its files are missing.
    """
    if strip.type in ("SOUND", "MASK", "COLOR", "TEXT", "ADJUSTMENT"):
        raise UnsupportedStrip(f"{strip.name} has no plates", hint="Choose an image or movie strip.")
    if getattr(strip, "use_multiview", False):
        raise UnsupportedStrip(f"{strip.name} holds two views", hint="Clean each eye as a strip of its own.")
    if not compat.is_retimed(strip) and not getattr(strip, "use_deinterlace", False):
        if strip.type == "IMAGE" and not _are_turned(strip):
            return _from_images(strip, folder)
        if strip.type == "MOVIE" and not strip.use_reverse_frames and _is_shown_as_tagged(strip):
            movie = _from_movie(strip)
            if movie is not None:
                return movie
    return _to_render(strip, scene)


def _are_turned(strip: Any) -> bool:
    """Whether any picture of an image strip asks to be shown turned: no Blender turns pictures."""
    directory = Path(bpy.path.abspath(strip.directory))
    names = [element.filename for element in strip.elements]
    if exr_header.read(directory / names[0]) is not None:
        return False
    return any(orientation_tags.read(directory / name) != orientation_tags.UPRIGHT for name in names)


def _is_shown_as_tagged(strip: Any) -> bool:
    """Whether this Blender shows a movie as its file asks: no Blender mirrors one."""
    found = orientation_tags.read(bpy.path.abspath(strip.filepath))
    if found == orientation_tags.UPRIGHT:
        return True
    return compat.TURNS_MOVIES and found not in orientation_tags.MIRRORED


def _from_images(strip: Any, folder: ResultFolder) -> Plates:
    first, last = compat.visible_range(strip)
    directory = Path(bpy.path.abspath(strip.directory))
    names = [strip.strip_elem_from_frame(frame).filename for frame in range(first, last + 1)]
    header, size = _header_and_size(strip, directory / names[0])
    linear, uncropped = header is not None, header is None or header.is_uncropped
    found = as_sequence(directory, names)
    if found is not None and found[0]:
        return Plates(found[0], found[1], first, size, linear=linear, uncropped=uncropped)
    frames = found[1] if found is not None else tuple(range(FIRST_NUMBER, FIRST_NUMBER + len(names)))
    pattern = folder.input_pattern(result_folder.PLATE_FILES, Path(names[0]).suffix)
    folder.link(pattern, {frame: str(directory / name) for frame, name in zip(frames, names, strict=True)})
    return Plates(pattern, frames, first, size, linear=linear, uncropped=uncropped)


def as_sequence(directory: Path, names: list[str]) -> tuple[str, tuple[int, ...]] | None:
    """The pattern and frame numbers of these files, if they are different files of one sequence; else None.

    The pattern is empty where it would match other files as well.
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
    more = {name for name in there - set(names) if _belongs_to(name, head, tail)}
    sound = padded and not more and not {"#", "%"} & set(head + tail)
    return (str(directory / f"{head}{'#' * width}{tail}") if sound else ""), numbers


def _belongs_to(name: str, head: str, tail: str) -> bool:
    return name.startswith(head) and name.endswith(tail) and name[len(head) : len(name) - len(tail)].isdigit()


def _header_and_size(strip: Any, path: Path) -> tuple[exr_header.ExrHeader | None, tuple[int, int]]:
    """The first file's EXR header, None for other formats, and the picture's size."""
    if not path.is_file():
        raise UnsupportedStrip(f"{path} is not there", hint="Relink the strip's files (Strip > Change Path).")
    header = exr_header.read(path)
    if header is not None:
        return header, header.size
    element = strip.elements[0]
    if element.orig_width:
        return None, (element.orig_width, element.orig_height)
    return None, _size_of(path)


def _size_of(path: Path) -> tuple[int, int]:
    """The size of a picture or movie that Blender has not loaded yet."""
    image = bpy.data.images.load(str(path))
    size: Any = image.size
    width, height = size
    bpy.data.images.remove(image)
    return width, height


def _from_movie(strip: Any) -> Plates | None:
    """A movie's own file; None where the strip shows so little of it that rendering is less work."""
    path = Path(bpy.path.abspath(strip.filepath))
    if not path.is_file():
        raise UnsupportedStrip(f"{path} is not there", hint="Relink the strip's file (Strip > Change Path).")
    first, last = compat.visible_range(strip)
    before, after = compat.content_trim(strip)
    content, start = compat.content_duration(strip), compat.content_start(strip)
    frames = tuple(frame - start + before + 1 for frame in range(first, last + 1))
    total = before + content + after
    if frames[0] < before + 1 or frames[-1] > before + content:
        return None  # the first or last frame is held
    other_frames = tuple(frame for frame in range(1, total + 1) if not frames[0] <= frame <= frames[-1])
    if other_frames and total > MAX_TRIMMED_MOVIE:
        return None
    element = strip.elements[0]
    size = (element.orig_width, element.orig_height) if element.orig_width else _size_of(path)
    return Plates(str(path), frames, first, size, linear=False, other_frames=other_frames)


def _to_render(strip: Any, scene: bpy.types.Scene) -> Plates:
    """Plates to be rendered: the strip alone, at the scene's resolution."""
    first, last = compat.visible_range(strip)
    frames = tuple(range(FIRST_NUMBER, FIRST_NUMBER + last - first + 1))
    return Plates("", frames, first, frame_size(scene), own_files=False)


def frame_size(scene: bpy.types.Scene) -> tuple[int, int]:
    """Width and height of the scene's frames at 100 %."""
    return scene.render.resolution_x, scene.render.resolution_y


def numbers_by_timeline(plates: Plates) -> dict[int, int]:
    """Timeline frame -> the engine's frame number."""
    return {plates.start + index: frame for index, frame in enumerate(plates.frames)}
