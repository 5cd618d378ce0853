"""The result strip: an image strip above its source, whose frames appear as they are written.

It replaces the add-on's earlier result for the same strip, and nothing else. Frames that are not written yet show what
lies below, by a transparent placeholder file. They must not be missing files: Blender up to 5.0 leaves the size of
elements that a script appends uninitialised, and makes its own placeholder for a missing file that large.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy

from . import compat
from .errors import CannotPlaceResult
from .saved_state import SavedState

PLACEHOLDER = "waiting.exr"
HIGHEST_CHANNEL = 128
COLOR_TAG = "COLOR_05"
LINEAR = "Linear Rec.709"
BLEND_PROPERTIES = ("blend_type", "blend_alpha")
IMAGE_PROPERTIES = (
    "color_multiply",
    "color_saturation",
    "multiply_alpha",
    "use_flip_x",
    "use_flip_y",
    "use_float",
    "alpha_mode",
)
TRANSFORM_PROPERTIES = ("offset_x", "offset_y", "scale_x", "scale_y", "rotation", "filter", "origin")
CROP_PROPERTIES = ("min_x", "max_x", "min_y", "max_y")


def strip_of(scene: bpy.types.Scene, uid: str) -> Any | None:
    """The result strip of the source strip with this id."""
    return next((strip for strip in compat.all_strips(scene) if uid and strip.aan.result_of == uid), None)


def write_placeholder(folder: Path, *, size: tuple[int, int]) -> None:
    """Write the transparent picture that is shown for unfinished frames, in the result's size."""
    image = bpy.data.images.new(PLACEHOLDER, *size, alpha=True, float_buffer=True)
    try:
        image.generated_color = (0.0, 0.0, 0.0, 0.0)  # type: ignore[assignment]
        image.file_format = "OPEN_EXR"
        image.filepath_raw = str(folder / PLACEHOLDER)
        image.save()
    finally:
        bpy.data.images.remove(image)


def place_strip(scene: bpy.types.Scene, source: Any, state: SavedState) -> Any:
    """Put the result strip above its source, in place of an earlier one; all frames are placeholders.

    Raises:
        CannotPlaceResult: when every channel above is taken.
    """
    start = compat.content_start(source) + state.offset
    earlier = strip_of(scene, source.aan.uid)
    channel = _free_channel(scene, source.channel, start, len(state.frames), except_for=earlier)
    if earlier is not None:
        compat.strips(scene).remove(earlier)
    placeholder = Path(state.ticket.output).with_name(PLACEHOLDER)
    strip = compat.strips(scene).new_image(
        name=f"{source.name} clean", filepath=str(placeholder), channel=channel, frame_start=start
    )
    for _ in state.frames[1:]:
        strip.elements.append(PLACEHOLDER)
    if bpy.data.filepath:
        strip.directory = _relative(strip.directory)
    strip.aan.result_of = source.aan.uid
    strip.color_tag = COLOR_TAG
    _copy_settings(source, strip, state)
    if strip.blend_type == "REPLACE":
        strip.blend_type = "ALPHA_OVER"  # else the placeholder would replace what lies below; see `restore_blend_type`
    _connect_in_sequencer(scene, source, strip)
    return strip


def show_frames(strip: Any, state: SavedState, frames: Iterable[int]) -> None:
    """Replace the placeholders of these frames by the written files."""
    index_of = {frame: index for index, frame in enumerate(state.frames)}
    for frame in frames:
        index = index_of.get(frame)
        if index is not None and index < len(strip.elements):
            strip.elements[index].filename = Path(_frame_file(state.ticket.output, frame)).name


def restore_blend_type(strip: Any, source: Any, state: SavedState) -> None:
    """Once every frame is written, give the result its source's blend type; an overlay lies over its source."""
    strip.blend_type = "ALPHA_OVER" if state.overlay else source.blend_type


def _connect_in_sequencer(scene: bpy.types.Scene, source: Any, strip: Any) -> None:
    """Connect source and result, so that they move together. Needs a sequencer of Blender 4.3 or later."""
    if "connect" not in dir(bpy.ops.sequencer):
        return
    for window in compat.windows():
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                region = next(region for region in area.regions if region.type == "WINDOW")
                with bpy.context.temp_override(window=window, area=area, region=region):
                    if compat.scene_of(bpy.context) == scene and bpy.ops.sequencer.connect.poll():  # type: ignore[call-arg]
                        _connect_strips(scene, {source.name, strip.name})
                        return


def _connect_strips(scene: bpy.types.Scene, names: set[str]) -> None:
    """Connect these strips. The operator works on the selection, so the artist's is restored afterwards."""
    before = {strip.name: strip.select for strip in compat.all_strips(scene)}
    for strip in compat.all_strips(scene):
        strip.select = strip.name in names
    bpy.ops.sequencer.connect()
    for strip in compat.all_strips(scene):
        strip.select = before[strip.name]


def _frame_file(pattern: str, frame: int) -> str:
    head, _, tail = pattern.rpartition("####")
    return f"{head}{frame:04d}{tail}"


def _relative(directory: str) -> str:
    try:
        return bpy.path.relpath(directory)
    except ValueError:  # on another drive
        return directory


def _free_channel(scene: bpy.types.Scene, below: int, start: int, length: int, *, except_for: Any | None) -> int:
    taken = set()
    for strip in compat.strips(scene):
        first, last = compat.visible_range(strip)
        if strip != except_for and first < start + length and last >= start:
            taken.add(strip.channel)
    for channel in range(below + 1, HIGHEST_CHANNEL + 1):
        if channel not in taken:
            return channel
    raise CannotPlaceResult(
        "no channel above the strip is free", hint="Move a strip out of the way, and place it again."
    )


def _copy_settings(source: Any, strip: Any, state: SavedState) -> None:
    """Copy blending, transform, crop, colour space and modifiers from the source to the result."""
    _copy_properties(source, strip, BLEND_PROPERTIES)
    if not state.own:
        return  # the rendered plates contain them already
    _copy_properties(source, strip, IMAGE_PROPERTIES)
    _copy_properties(source.transform, strip.transform, TRANSFORM_PROPERTIES)
    _copy_properties(source.crop, strip.crop, CROP_PROPERTIES)
    space = source.colorspace_settings.name if state.linear else LINEAR
    strip.colorspace_settings.name = space
    for modifier in source.modifiers:
        _copy_struct(modifier, strip.modifiers.new(modifier.name, modifier.type))


def _copy_properties(source: Any, target: Any, names: Iterable[str]) -> None:
    for name in names:
        if hasattr(source, name) and hasattr(target, name):
            setattr(target, name, getattr(source, name))


def _copy_struct(source: Any, target: Any) -> None:
    """Copy every writable value of a modifier, recursively."""
    for prop in source.bl_rna.properties:
        name = prop.identifier
        if name in ("rna_type", "name", "type"):
            continue
        if prop.type == "POINTER" and getattr(source, name) is not None and prop.is_readonly:
            _copy_struct(getattr(source, name), getattr(target, name))
        elif prop.type == "COLLECTION" and name == "curves":
            _copy_curves(source.curves, target)
        elif not prop.is_readonly:
            setattr(target, name, getattr(source, name))


def _copy_curves(curves: list[Any], target: Any) -> None:
    for curve, copied in zip(curves, target.curves, strict=False):
        while len(copied.points) < len(curve.points):
            copied.points.new(0.5, 0.5)
        for point, other in zip(curve.points, copied.points, strict=False):
            other.location, other.handle_type = point.location, point.handle_type
    target.update()
