"""Turns a strip and its settings into a job for the engine. Combines plates, matte and controls."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from . import compat, exr_header, mattes, plates, properties, result, result_folder
from .errors import UnsupportedStrip
from .plates import Plates
from .plugin_host.job_handle import JobHandle
from .plugin_host.protocol import JobSpec
from .render_process import RenderQueue
from .result_folder import ResultFolder
from .saved_state import SavedState

OCIO_NAMES = {"sRGB": "sRGB - Texture"}
"""Blender's colour space names -> the names in OpenColorIO configurations, where they differ."""

OVERLAID = ("REPLACE", "ALPHA_OVER")
"""Blend types of a strip that an overlay may lie over."""


@dataclass(frozen=True)
class PreparedJob:
    """A job, and the renders in `render_folder` that have to be finished before it can be submitted."""

    state: SavedState
    renders: RenderQueue
    render_folder: Path


def prepare(scene: bpy.types.Scene, strip: Any, *, only: int | None = None) -> PreparedJob:
    """The job that a strip's settings describe; `only` limits it to one timeline frame.

    Raises:
        HostError: when it cannot be done, with the reason and a hint.
    """
    if all(strip != other for other in compat.strips(scene)):
        raise UnsupportedStrip(f"{strip.name} lies inside of a meta strip", hint="Clean the meta strip as a whole.")
    settings = strip.aan
    folder, queue = result_folder.create(bpy.path.abspath(settings.folder), strip.name), RenderQueue()
    found = plates.from_strip(strip, scene, folder)
    begins = properties.control_values(strip, scene)["plate_first"]
    if begins is not None and _is_movie(strip, found):
        found = plates.renumbered(found, begins)
    plate = found.pattern or _queue_plates(strip, scene, found, folder, queue)
    matte = mattes.from_settings(settings, strip=strip, scene=scene, plates=found, folder=folder, queue=queue)
    result.write_placeholder(folder.path, size=found.size)
    first, last = found.frames[0], found.frames[-1]
    if only is not None:
        if not 0 <= only - found.start < len(found.frames):
            raise UnsupportedStrip(f"{strip.name} does not show frame {only}", hint="Move the playhead onto the strip.")
        first = last = found.frames[only - found.start]
    spec = JobSpec(
        plate=plate,
        matte=matte.pattern,
        matte_channel=matte.channel,
        first=min(first, last),
        last=max(first, last),
        **_control_values(strip, scene, found),
    )
    state = SavedState(
        JobHandle(spec, folder.output),
        found.frames,
        found.start - compat.content_start(strip),
        own=found.own_files,
        linear=found.linear,
        alpha=_has_alpha(found),
        preview=only is not None,
        overlay=spec.write == "overlay",
    )
    return PreparedJob(state, queue, folder.path / "input")


def ensure_uid(scene: bpy.types.Scene, strip: Any) -> str:
    """The id under which the add-on knows a strip after renaming. A copy of a strip gets an id of its own."""
    settings = strip.aan
    shared = any(other != strip and other.aan.uid == settings.uid for other in compat.all_strips(scene))
    if not settings.uid or (shared and settings.uid_of != strip.name):
        settings.uid, settings.uid_of, settings.record = uuid.uuid4().hex, strip.name, ""
    return str(settings.uid)


def _queue_plates(strip: Any, scene: bpy.types.Scene, found: Plates, folder: ResultFolder, queue: RenderQueue) -> str:
    pattern = folder.input_pattern(result_folder.PLATE_FILES)
    head = pattern.rpartition("####")[0]
    files = [(frame, f"{head}{number:04d}.exr") for frame, number in plates.numbers_by_timeline(found).items()]
    queue.add_strip(scene, strip.name, opaque=False, files=files)
    return pattern


def _control_values(strip: Any, scene: bpy.types.Scene, found: Plates) -> dict[str, Any]:
    """The controls' values; empty ones are filled from the strip itself."""
    values = properties.control_values(strip, scene)
    if not _is_movie(strip, found):
        values["plate_first"] = None  # pictures have numbers of their own
    values["write"] = "overlay" if _takes_overlay(strip, found) else "full"
    if not found.linear and values["colorspace"] is None:
        space = strip.colorspace_settings.name
        implied = strip.type == "IMAGE" and space == "sRGB"  # the engine's own default for such files
        values["colorspace"] = None if implied else OCIO_NAMES.get(space, space)
    if found.other_frames:  # the matte says nothing about the other frames
        if values["reference_first"] is None:
            values["reference_first"] = found.frames[0]
        if values["reference_last"] is None:
            values["reference_last"] = found.frames[-1]
    return values


def _is_movie(strip: Any, found: Plates) -> bool:
    """Whether the plates are a movie's own file."""
    return strip.type == "MOVIE" and found.own_files


def _takes_overlay(strip: Any, found: Plates) -> bool:
    """Whether the result lies over the strip with alpha, so that the strip itself stays in sight around it.

    So it is with movies, whose decoded values Blender and the engine need not agree on to the last bit. What a modifier
    does to transparent pixels, or another blend type to a picture over its own, would show: whole frames instead.
    """
    plain = not any(not modifier.mute for modifier in strip.modifiers)
    return _is_movie(strip, found) and strip.blend_type in OVERLAID and plain


def _has_alpha(found: Plates) -> bool:
    if not found.own_files or not found.linear:
        return not found.own_files
    head, _, tail = found.pattern.rpartition("#" * found.pattern.count("#"))
    width = found.pattern.count("#")
    header = exr_header.read(f"{head}{found.frames[0]:0{width}d}{tail}")
    return header is not None and "A" in header.channels
