"""A strip with its settings as a job for the engine: the one place where the two are put together."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy

from . import compat, exr_header, mattes, plates, properties, result, result_folder
from .errors import StripUnsuited
from .plates import Plates
from .plugin_host.protocol import JobSpec
from .plugin_host.ticket import Ticket
from .render_process import Order
from .saved_state import Record

SPACES = {"sRGB": "sRGB - Texture"}
"""Blender's names of spaces that configs know by another one."""


@dataclass(frozen=True)
class Shot:
    """A job, and what must be rendered in `inputs` before it can begin."""

    record: Record
    order: Order
    inputs: Path


def of(scene: Any, strip: Any, *, only: int | None = None) -> Shot:
    """The job that a strip's settings describe; `only` limits it to one timeline frame.

    Raises:
        HostError: when it cannot be done, with the reason and what to do.
    """
    if all(strip != other for other in compat.strips(scene)):
        raise StripUnsuited(f"{strip.name} lies inside of a meta strip", hint="Clean the meta strip as a whole.")
    settings = strip.aan
    place, order = result_folder.make(bpy.path.abspath(settings.folder), strip.name), Order()
    found = plates.of(strip, scene, place)
    plate = found.pattern or _to_be_rendered(strip, scene, found, place, order)
    matte = mattes.of(settings, strip=strip, scene=scene, plates=found, place=place, order=order)
    result.make_stand_in(place.path, size=found.size)
    first, last = found.frames[0], found.frames[-1]
    if only is not None:
        if not 0 <= only - found.start < len(found.frames):
            raise StripUnsuited(f"{strip.name} does not show frame {only}", hint="Move the playhead onto the strip.")
        first = last = found.frames[only - found.start]
    spec = JobSpec(
        plate=plate,
        matte=matte.pattern,
        matte_channel=matte.channel,
        first=min(first, last),
        last=max(first, last),
        **_controls(settings, strip, found),
    )
    record = Record(
        Ticket(spec, place.output),
        found.frames,
        found.start - compat.content_start(strip),
        own=found.own,
        linear=found.linear,
        alpha=_has_alpha(found),
        preview=only is not None,
    )
    return Shot(record, order, place.path / "input")


def name(scene: Any, strip: Any) -> str:
    """What a strip is known by, whatever it is called: a copy of another strip gets a name of its own."""
    settings = strip.aan
    shared = any(other != strip and other.aan.uid == settings.uid for other in compat.every_strip(scene))
    if not settings.uid or (shared and settings.uid_of != strip.name):
        settings.uid, settings.uid_of, settings.record = uuid.uuid4().hex, strip.name, ""
    return str(settings.uid)


def _to_be_rendered(strip: Any, scene: Any, found: Plates, place: result_folder.Folder, order: Order) -> str:
    pattern = place.input(result_folder.PLATE)
    head = pattern.rpartition("####")[0]
    files = [(frame, f"{head}{number:04d}.exr") for frame, number in plates.by_timeline(found).items()]
    order.strip(scene, strip.name, opaque=False, files=files)
    return pattern


def _controls(settings: Any, strip: Any, found: Plates) -> dict[str, Any]:
    """The artist's controls, with what the strip itself says where they say nothing."""
    values = properties.values(settings)
    if not found.linear and values["colorspace"] is None:
        space = strip.colorspace_settings.name
        implied = strip.type == "IMAGE" and space == "sRGB"  # as the engine takes such pictures to be anyway
        values["colorspace"] = None if implied else SPACES.get(space, space)
    if found.beyond:  # nobody said what is to be removed there
        if values["reference_first"] is None:
            values["reference_first"] = found.frames[0]
        if values["reference_last"] is None:
            values["reference_last"] = found.frames[-1]
    return values


def _has_alpha(found: Plates) -> bool:
    if not found.own or not found.linear:
        return not found.own
    head, _, tail = found.pattern.rpartition("#" * found.pattern.count("#"))
    width = found.pattern.count("#")
    header = exr_header.read(f"{head}{found.frames[0]:0{width}d}{tail}")
    return header is not None and "A" in header.channels
