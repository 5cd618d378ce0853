"""The properties stored with each strip: the controls, the choice of matte, and the saved state of its job.

The controls come from `plugin_host.controls`, with their names, labels and order. `write` is left out: `job_spec`
chooses it by what lies on the timeline.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from . import compat
from .mattes import sequence_pattern
from .plugin_host.controls import CONTROLS, Control

SHOWN_CONTROLS = tuple(control for control in CONTROLS if control.name != "write")
NO_LIMIT = -1

MATTE_KINDS = (
    ("MASK", "Mask", "A mask of this file, drawn over the plate in the Image or Movie Clip Editor"),
    ("STRIP", "Strip", "Another strip: a mask strip, or a black and white picture of what is to go"),
    ("FILES", "Files", "Files on disk, numbered as the plates' files; a single one holds for all frames"),
    ("ALPHA", "Alpha", "The plates' own alpha channel: what is opaque goes"),
)
DEFAULT_FOLDER = "//clean"


def _property(control: Control) -> Any:
    texts: dict[str, Any] = {"name": control.label, "description": control.help.rstrip(".")}
    if control.kind == "choice":
        items = [(choice, choice.capitalize(), "") for choice in control.choices]
        return EnumProperty(items=items, default=str(control.default), **texts)
    if control.kind == "number":
        step = 1 if control.high <= 1 else 10
        return FloatProperty(min=control.low, max=control.high, default=float(control.default or 0), step=step, **texts)
    if control.kind == "count":
        return IntProperty(min=int(control.low), max=int(control.high), default=int(control.default or 0), **texts)
    if control.kind == "frame":
        texts["description"] += f" ({NO_LIMIT}: no limit)"
        return IntProperty(min=NO_LIMIT, default=NO_LIMIT, **texts)
    if control.kind == "switch":
        return BoolProperty(default=bool(control.default), **texts)
    if control.kind == "files":
        return StringProperty(subtype="FILE_PATH", options=compat.RELATIVE_PATH, **texts)
    return StringProperty(**texts)


def control_values(settings: Any) -> dict[str, Any]:
    """The controls' values as `JobSpec` has them."""
    found = {}
    for control in SHOWN_CONTROLS:
        value = getattr(settings, control.name)
        if control.kind == "files":
            value = sequence_pattern(bpy.path.abspath(value)) if value else None
        elif control.kind == "text":
            value = value.strip() or None
        elif control.kind == "frame":
            value = None if value == NO_LIMIT else value
        elif control.kind == "number":
            value = round(value, 4)  # Blender keeps single precision
        found[control.name] = value
    return found


class AANStrip(bpy.types.PropertyGroup):
    """The add-on's properties of a strip."""


AANStrip.__annotations__ = {
    **{control.name: _property(control) for control in SHOWN_CONTROLS},
    "matte_kind": EnumProperty(name="Remove", description="What says which pixels are to go", items=MATTE_KINDS),
    "mask": PointerProperty(name="Mask", description="The mask over what is to go", type=bpy.types.Mask),
    "matte_strip": StringProperty(name="Strip", description="The strip that covers what is to go"),
    "matte_files": StringProperty(
        name="Files",
        description="The first file, or a pattern such as roto.####.exr",
        subtype="FILE_PATH",
        options=compat.RELATIVE_PATH,
    ),
    "matte_channel": StringProperty(
        name="Channel", description="The matte's channel; empty for A, else the only or the first one"
    ),
    "folder": StringProperty(
        name="Result",
        description="The folder for the cleaned frames",
        subtype="DIR_PATH",
        default=DEFAULT_FOLDER,
        options=compat.RELATIVE_PATH,
    ),
    "show_rare": BoolProperty(name="Rare controls", description="Show the controls that are seldom needed"),
    "uid": StringProperty(options={"HIDDEN"}),
    "uid_of": StringProperty(options={"HIDDEN"}),
    "result_of": StringProperty(options={"HIDDEN"}),
    "record": StringProperty(options={"HIDDEN"}),
}


def register() -> None:
    """Add the properties to the type of all strips."""
    bpy.utils.register_class(AANStrip)
    compat.STRIP_TYPE.aan = PointerProperty(type=AANStrip)


def unregister() -> None:
    """Remove the properties. Their values stay in the file, for when the add-on is enabled again."""
    del compat.STRIP_TYPE.aan
    bpy.utils.unregister_class(AANStrip)
