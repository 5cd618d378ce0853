"""Renders what the engine needs and no file has: masks as mattes, and strips such as effects and meta strips.

It works in temporary scenes. More than one picture is rendered by a second Blender, which does not block the artist:

    blender --background --factory-startup --python render_inputs.py -- render_queue.json

The add-on is not installed there, so this file imports no other module of it. The queue is JSON: `blend`, a file with
the data-blocks, and `renders`, each a `mask` or a `strip` with its `files` as pairs of a frame and a path.
"""

from __future__ import annotations

import json
import os
import shutil
import sys
import traceback
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import bpy

FramePaths = Iterable[Sequence[Any]]
"""Pairs of a frame and a path."""

TEMPORARY_NAME = ".align_and_attend"
MATTE_CHANNEL = "R"  # greyscale EXR have other channel names and counts in each version


def render_mask(mask: bpy.types.Mask, *, size: Sequence[int], files: FramePaths) -> None:
    """Render a mask at these frames. Frames with the same shape get copies of one picture."""
    scene = _new_scene(size)
    tree = _add_mask_compositor(scene, mask)
    try:
        seen: dict[Any, str] = {}
        for frame, path in files:
            made = seen.setdefault(_shape_at(frame, mask, scene), path)
            if made == path:
                _render_frame(scene, frame, path)
            else:
                shutil.copyfile(made, path)
    finally:
        _remove_scene(scene, tree)


def count_shapes(mask: bpy.types.Mask, frames: Iterable[int]) -> int:
    """The number of different shapes that a mask has in these frames. The mask itself is not changed."""
    scene = bpy.data.scenes.new(TEMPORARY_NAME)
    try:
        found = set()
        for frame in frames:
            found.add(_shape_at(frame, mask, scene))
        return len(found)
    finally:
        bpy.data.scenes.remove(scene)


def render_strip(scene: bpy.types.Scene, name: str, *, opaque: bool, files: FramePaths) -> None:
    """Render one strip alone, as the timeline shows it. Mutes all others, so only use it in a copy of the scene."""
    strips = _strips(scene)
    for strip in strips:
        strip.mute = strip.name not in _strip_and_inputs(strips[name])
    strips[name].mute = False
    strips[name].blend_type = "REPLACE"
    scene.render.use_sequencer, scene.render.use_compositing = True, False
    scene.render.resolution_percentage = 100
    _set_exr_output(scene, "RGB" if opaque else "RGBA")
    for frame, path in files:
        _render_frame(scene, frame, path)


def _strip_and_inputs(strip: Any) -> set[str]:
    """The names of a strip and of the strips that an effect takes as inputs."""
    names = {strip.name}
    for part in ("input_1", "input_2"):
        other = getattr(strip, part, None)
        if other is not None:
            names |= _strip_and_inputs(other)
    return names


def _strips(scene: Any) -> Any:
    editor = scene.sequence_editor
    return editor.strips if hasattr(editor, "strips") else editor.sequences


def _new_scene(size: Sequence[int]) -> Any:
    scene = bpy.data.scenes.new(TEMPORARY_NAME)
    scene.render.resolution_x, scene.render.resolution_y = size
    scene.render.resolution_percentage = 100
    scene.render.use_sequencer, scene.render.use_compositing = False, True
    _set_exr_output(scene, "RGB")
    return scene


def _set_exr_output(scene: Any, mode: str) -> None:
    settings = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format = "OPEN_EXR"
    settings.color_mode, settings.color_depth = mode, "16"
    settings.exr_codec = "ZIP" if mode == "RGBA" else "RLE"  # for mattes RLE is as small, and faster


def _add_mask_compositor(scene: Any, mask: bpy.types.Mask) -> Any | None:
    """Have a scene's compositor output a mask only; returns the node tree if it outlives the scene."""
    if hasattr(scene, "compositing_node_group"):
        tree: Any = bpy.data.node_groups.new(TEMPORARY_NAME, "CompositorNodeTree")
        scene.compositing_node_group = tree
        tree.interface.new_socket(name="Image", in_out="OUTPUT", socket_type="NodeSocketColor")
        shown, outlives = tree.nodes.new("NodeGroupOutput"), tree
    else:
        scene.use_nodes = True
        tree, outlives = scene.node_tree, None
        tree.nodes.clear()
        shown = tree.nodes.new("CompositorNodeComposite")
    node = tree.nodes.new("CompositorNodeMask")
    node.mask = mask
    tree.links.new(node.outputs[0], shown.inputs[0])
    return outlives


def _remove_scene(scene: bpy.types.Scene, tree: Any | None) -> None:
    bpy.data.scenes.remove(scene)
    if tree is not None:
        bpy.data.node_groups.remove(tree)


def _shape_at(frame: int, mask: Any, scene: bpy.types.Scene) -> tuple[Any, ...]:
    """All values of a mask at a frame that may be animated.

    Only an evaluated copy of the mask is moved: no window shows this scene.
    """
    scene.frame_set(frame)
    mask = mask.evaluated_get(scene.view_layers[0].depsgraph)
    layers = []
    for layer in mask.layers:
        points = [
            (
                *point.co,
                *point.handle_left,
                *point.handle_right,
                point.weight,
                *(f.weight for f in point.feather_points),
            )
            for spline in layer.splines
            for point in spline.points
        ]
        layers.append((layer.alpha, layer.falloff, layer.blend, layer.invert, layer.hide_render, tuple(points)))
    return tuple(layers)


def _render_frame(scene: bpy.types.Scene, frame: int, path: str) -> None:
    """Render one frame as an animation: for a still, the compositor ignores the frame number."""
    scene.frame_start = scene.frame_end = frame
    scene.render.filepath = f"{path}.#####.exr"
    bpy.ops.render.render(animation=True, scene=scene.name)
    made = Path(scene.render.frame_path(frame=frame))
    if not made.is_file():
        raise RuntimeError(f"Blender wrote no {made}")
    made.replace(path)


def _load_data_blocks(blend: str, renders: list[dict[str, Any]]) -> tuple[Iterator[Any], Iterator[Any]]:
    """Load the masks and scenes of the renders from the blend file."""
    masks = [render["mask"] for render in renders if "mask" in render]
    scenes = [render["scene"] for render in renders if "scene" in render]
    libraries: Any = bpy.data.libraries
    with libraries.load(blend) as (_, loaded):
        loaded.masks, loaded.scenes = masks, scenes
    return iter(loaded.masks), iter(loaded.scenes)


def main(queue_file: str) -> int:
    """Render a queue; an error message is written beside it, as `render_queue.txt`."""
    try:
        queue = json.loads(Path(queue_file).read_text("utf-8"))
        masks, scenes = _load_data_blocks(queue["blend"], queue["renders"])
        for render in queue["renders"]:
            if "mask" in render:
                render_mask(next(masks), size=render["size"], files=render["files"])
            else:
                render_strip(next(scenes), render["strip"], opaque=render["opaque"], files=render["files"])
        return 0
    except Exception as error:
        traceback.print_exc()
        Path(queue_file).with_suffix(".txt").write_text(f"{type(error).__name__}: {error}", "utf-8")
        return 1


if __name__ == "__main__":
    status = main(sys.argv[-1])
    sys.stdout.flush()
    os._exit(status)  # some versions hang or crash at exit
