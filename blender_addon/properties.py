"""The properties stored with each strip: the controls, the choice of matte, and the saved state of its job.

The controls come from `plugin_host.controls`, with their names, labels and order. `write` is left out: `job_spec`
chooses it by what lies on the timeline.
"""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty

from . import compat
from .mattes import ignored_controls, sequence_pattern
from .plugin_host.controls import CONTROLS, Control, ControlValue

SHOWN_CONTROLS = tuple(control for control in CONTROLS if control.name != "write")
NOT_SET = -1

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
        texts["description"] += f" ({NOT_SET}: not set)"
        return IntProperty(min=NOT_SET, default=NOT_SET, **texts)
    if control.kind == "switch":
        return BoolProperty(default=bool(control.default), **texts)
    if control.kind == "files":
        return StringProperty(subtype="FILE_PATH", options=compat.RELATIVE_PATH, **texts)
    return StringProperty(**texts)


def shown_controls(strip: Any, scene: bpy.types.Scene) -> tuple[Control, ...]:
    """The controls that mean something for this strip and the matte that is chosen for it."""
    ignored = ignored_controls(strip.aan, scene) | (frozenset() if strip.type == "MOVIE" else {"plate_first"})
    return tuple(control for control in SHOWN_CONTROLS if control.name not in ignored)


def control_values(strip: Any, scene: bpy.types.Scene) -> dict[str, Any]:
    """The controls' values as `JobSpec` has them; of those that are not shown, the defaults."""
    found: dict[str, Any] = {control.name: control.default for control in SHOWN_CONTROLS}
    for control in shown_controls(strip, scene):
        value = getattr(strip.aan, control.name)
        if control.kind == "files":
            value = sequence_pattern(bpy.path.abspath(value)) if value else None
        elif control.kind == "text":
            value = value.strip() or None
        elif control.kind == "frame":
            value = None if value == NOT_SET else value
        elif control.kind == "number":
            value = _in_double_precision(value, control.default)
        found[control.name] = value
    return found


def _in_double_precision(value: float, default: ControlValue) -> float:
    """The number that was typed: Blender keeps single precision, about seven digits."""
    if isinstance(default, float) and f"{value:.6g}" == f"{default:.6g}":
        return default
    return float(f"{value:.6g}")


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
        name="Channel",
        description="The matte's channel or layer, or several, comma-separated. Empty: found, or the job asks",
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
