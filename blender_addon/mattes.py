"""The matte of a job: rendered from a Blender mask or another strip, read from files, or the plates' alpha channel.

A mask is placed in the plate's own pixels, as drawn in the Image or Movie Clip Editor, and is animated in timeline
frames. Files on disk have the plates' frame numbers; a single file is used for all frames.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from . import compat, render_inputs, result_folder
from .errors import UnusableMatte
from .plates import Plates, as_sequence, numbers_by_timeline
from .plugin_host.sequence import has_siblings, parse
from .render_process import RenderQueue
from .result_folder import ResultFolder

WHITE_FILE = "all.exr"

LEVELS = frozenset({"matte_invert", "matte_low", "matte_high"})
NUMBERING = frozenset({"matte_missing", "matte_offset"})


@dataclass(frozen=True)
class Matte:
    """A file pattern, the channel where the engine cannot find it by itself, and whether the add-on renders it."""

    pattern: str
    channel: str | None = None
    rendered: bool = False


def ignored_controls(settings: Any, scene: bpy.types.Scene) -> frozenset[str]:
    """The controls of mattes on disk, `matte_channel` among them, that mean nothing for the chosen matte.

    Only files bring frame numbers of their own. A mask has no channels, and Blender's own controls invert it.
    """
    if settings.matte_kind == "FILES":
        return frozenset()
    other = _chosen_strip(settings, scene) if settings.matte_kind == "STRIP" else None
    is_mask = settings.matte_kind == "MASK" or (other is not None and other.type == "MASK")
    return NUMBERING | LEVELS | {"matte_channel"} if is_mask else NUMBERING


def from_settings(
    settings: Any, *, strip: Any, scene: bpy.types.Scene, plates: Plates, folder: ResultFolder, queue: RenderQueue
) -> Matte:
    """The matte chosen in the settings; renders that it needs are added to `queue`.

    Raises:
        UnusableMatte: when none is chosen, or it does not fit the plates.
    """
    makers = {"MASK": _from_mask, "STRIP": _from_strip, "FILES": _from_files, "ALPHA": _from_alpha}
    matte = makers[settings.matte_kind](settings, strip, scene, plates, folder, queue)
    if matte.rendered:
        return matte
    return Matte(matte.pattern, settings.matte_channel.strip() or matte.channel)


def _chosen_strip(settings: Any, scene: bpy.types.Scene) -> Any | None:
    return next((found for found in compat.strips(scene) if found.name == settings.matte_strip), None)


def _from_mask(
    settings: Any, strip: Any, scene: bpy.types.Scene, plates: Plates, folder: ResultFolder, queue: RenderQueue
) -> Matte:
    if settings.mask is None:
        raise UnusableMatte("no mask is chosen", hint="Draw one over the plate in the Image Editor, and choose it.")
    return _render_mask(settings.mask, numbers_by_timeline(plates), plates, folder, queue)


def _render_mask(
    mask: bpy.types.Mask, of_timeline: dict[int, int], plates: Plates, folder: ResultFolder, queue: RenderQueue
) -> Matte:
    """A mask at these frames. One that does not move is rendered at once, as a single picture."""
    if not plates.uncropped:
        raise UnusableMatte(
            "the plates' data window is not their display window, and Blender places such pictures by the former",
            hint="Give the matte as files, rendered like the plates, or render the plates without crop and overscan.",
        )
    pattern = folder.input_pattern(result_folder.MATTE_FILES)
    head = pattern.rpartition("####")[0]
    if render_inputs.count_shapes(mask, of_timeline) == 1:
        still = head.rstrip(".") + ".exr"
        render_inputs.render_mask(mask, size=plates.size, files=[(next(iter(of_timeline)), still)])
        return Matte(still, render_inputs.MATTE_CHANNEL, rendered=True)
    files = [(frame, f"{head}{number:04d}.exr") for frame, number in of_timeline.items()]
    queue.add_mask(mask, size=plates.size, files=files)
    if plates.other_frames:
        _cover_other_frames(plates, pattern, folder)
    return Matte(pattern, render_inputs.MATTE_CHANNEL, rendered=True)


def _cover_other_frames(plates: Plates, pattern: str, folder: ResultFolder) -> None:
    """Link white mattes for the frames of a movie that the strip does not show.

    Nobody said what has to be removed there, so the engine must not take pixels from them.
    """
    white = str(Path(pattern).with_name(WHITE_FILE))
    mask = bpy.data.masks.new("all")
    mask.layers.new(name="all").invert = True
    try:
        render_inputs.render_mask(mask, size=plates.size, files=[(1, white)])
    finally:
        bpy.data.masks.remove(mask)
    folder.link(pattern, dict.fromkeys(plates.other_frames, white))


def _from_strip(
    settings: Any, strip: Any, scene: bpy.types.Scene, plates: Plates, folder: ResultFolder, queue: RenderQueue
) -> Matte:
    other = _chosen_strip(settings, scene)
    if other is None or other == strip:
        raise UnusableMatte("no strip is chosen as the matte", hint="Choose the strip that covers what is to go.")
    of_timeline = numbers_by_timeline(plates)
    first, last = compat.visible_range(other)
    if first > min(of_timeline) or last < max(of_timeline):
        raise UnusableMatte(
            f"{other.name} covers frames {first} to {last}, the plates are {min(of_timeline)} to {max(of_timeline)}",
            hint="Extend it over the whole strip; black frames hide nothing.",
        )
    if other.type == "MASK":
        if other.mask is None:
            raise UnusableMatte(f"{other.name} shows no mask", hint="Choose its mask.")
        shift = other.mask.frame_start - compat.content_start(other)
        moved = {frame + shift: number for frame, number in of_timeline.items()}
        return _render_mask(other.mask, moved, plates, folder, queue)
    if other.type == "IMAGE" and not compat.is_retimed(other):
        return _link_image_strip(other, of_timeline, folder)
    if plates.other_frames:
        raise UnusableMatte("a rendered matte cannot cover a trimmed movie", hint="Use a mask, or files on disk.")
    return _queue_strip(other, of_timeline, scene, folder, queue)


def _link_image_strip(other: Any, of_timeline: dict[int, int], folder: ResultFolder) -> Matte:
    directory = Path(bpy.path.abspath(other.directory))
    names = {number: other.strip_elem_from_frame(frame).filename for frame, number in of_timeline.items()}
    files = {number: str(directory / name) for number, name in names.items()}
    still = next(iter(files.values()))
    # The engine takes one file of a sequence for the whole sequence.
    if len(set(files.values())) == 1 and not (Path(still).is_file() and has_siblings(still)):
        return Matte(still)
    pattern = folder.input_pattern(result_folder.MATTE_FILES, Path(next(iter(names.values()))).suffix)
    folder.link(pattern, files)
    return Matte(pattern)


def _queue_strip(
    other: Any, of_timeline: dict[int, int], scene: bpy.types.Scene, folder: ResultFolder, queue: RenderQueue
) -> Matte:
    pattern = folder.input_pattern(result_folder.MATTE_FILES)
    head = pattern.rpartition("####")[0]
    files = [(frame, f"{head}{number:04d}.exr") for frame, number in of_timeline.items()]
    queue.add_strip(scene, other.name, opaque=True, files=files)
    return Matte(pattern, render_inputs.MATTE_CHANNEL, rendered=True)


def _from_files(
    settings: Any, strip: Any, scene: bpy.types.Scene, plates: Plates, folder: ResultFolder, queue: RenderQueue
) -> Matte:
    path = bpy.path.abspath(settings.matte_files)
    if not path:
        raise UnusableMatte("no files are chosen as the matte", hint="Choose the first of them, or write a pattern.")
    return Matte(sequence_pattern(path))


def _from_alpha(
    settings: Any, strip: Any, scene: bpy.types.Scene, plates: Plates, folder: ResultFolder, queue: RenderQueue
) -> Matte:
    if not plates.pattern or not plates.linear:
        raise UnusableMatte("only EXR plates bring their own matte", hint="Choose a mask, or files on disk.")
    return Matte(plates.pattern, "A")


def sequence_pattern(path: str) -> str:
    """The pattern of the sequence that a file belongs to; the path itself for a single file."""
    file = Path(path)
    if not file.is_file() or parse(path).width is not None:
        return path
    directory, alike = file.parent, _same_sequence(file)
    found = as_sequence(directory, alike) if len(alike) > 1 else None
    return found[0] if found is not None and found[0] else path


def _same_sequence(file: Path) -> list[str]:
    """The files in the same folder whose names differ in the frame number only."""
    return sorted(other.name for other in file.parent.iterdir() if _without_number(other) == _without_number(file))


def _without_number(file: Path) -> tuple[str, str]:
    return file.stem.rstrip("0123456789"), file.suffix
