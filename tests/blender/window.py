"""The artist's part of the pictures, played inside of a Blender with a window; `pictures.py` starts it.

The demo's shot as a strip, its roto as a mask, the panel's own buttons. Where a picture is to be taken it leaves a file
`take NAME` in the folder that `AAN_STAGE` names, and waits until it is gone.
"""

import json
import os
import traceback
from pathlib import Path

import bpy

STAGE = Path(os.environ["AAN_STAGE"])
SHOT = Path(os.environ["AAN_SHOT"])
MODULE = "bl_ext.user_default.align_and_attend"
COUNT = 46


def strip_of_plates():
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 640, 360
    scene.view_settings.view_transform = "Standard"
    editor = scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    plates = sorted((SHOT / "shot").glob("plate.*.exr"))[:COUNT]
    strip = strips.new_image(name="drive", filepath=str(plates[0]), channel=1, frame_start=1)
    for plate in plates[1:]:
        strip.elements.append(plate.name)
    scene.frame_start, scene.frame_end = 1, COUNT
    editor.active_strip = strip
    return strip


def mask_of_roto(area):
    """The demo's keyed shape as a keyed mask."""
    told = json.loads((SHOT / "roto.json").read_text())
    mask = bpy.data.masks.new("sedan")
    spline = mask.layers.new(name="sedan").splines.new()
    spline.points.add(len(next(iter(told["keys"].values()))) - 1)
    spline.use_cyclic = True
    was, area.type = area.type, "IMAGE_EDITOR"
    area.spaces.active.mode, area.spaces.active.mask = "MASK", mask
    region = next(region for region in area.regions if region.type == "WINDOW")
    for number, points in told["keys"].items():
        bpy.context.scene.frame_set(int(number) - 1000)
        for point, (x, y) in zip(spline.points, points, strict=True):
            point.handle_type, point.select = "AUTO", True
            point.co = ((x + 0.5 - 320) / 640 + 0.5, (180 - y - 0.5) / 640 + 0.5)
        with bpy.context.temp_override(window=bpy.context.window_manager.windows[0], area=area, region=region):
            bpy.ops.mask.shape_key_insert()
    area.type = was
    return mask, told["grow"] + told["feather"]


def sequencer():
    """The window, with nothing but a sequencer and its sidebar in it."""
    window = bpy.context.window_manager.windows[0]
    area = max(window.screen.areas, key=lambda area: area.width * area.height)
    return window, area


def play():
    """The story; yields whenever Blender is to go on with its own work."""
    install()
    window, area = sequencer()
    strip = strip_of_plates()
    mask, grow = mask_of_roto(area)
    area.type = "SEQUENCE_EDITOR"
    area.spaces.active.view_type = "SEQUENCER_PREVIEW"
    area.spaces.active.show_region_ui = True
    area.spaces.active.timeline_overlay.show_strip_source = False
    with bpy.context.temp_override(window=window, area=area):
        bpy.ops.screen.screen_full_area()
    yield from waiting(10)
    _, area = sequencer()
    show_all(area, window)
    yield from waiting(5)
    for region in area.regions:
        if region.type == "UI" and hasattr(region, "active_panel_category"):
            region.active_panel_category = "Clean-up"
    bpy.context.scene.frame_set(20)
    strip.aan.mask, strip.aan.grow, strip.aan.folder = mask, grow, str(STAGE / "clean")
    strip.select = True
    timer = __import__("sys").modules[f"{MODULE}.timer"]
    while not timer.engine_monitor().ready:
        yield
    yield from picture("1-select", area)
    with bpy.context.temp_override(window=window, area=area):
        assert bpy.ops.aan.clean() == {"FINISHED"}
    job = timer.job_of(strip)
    while len(job.status.frames) < 24 and job.status.active:
        yield
    yield from picture("2-cleaning", area)
    while job.status.active:
        yield
    yield from picture("3-cleaned", area)
    (STAGE / "told").write_text(f"{job.status.phase.name}: {job.status.reason} {job.note}")


def install():
    done = bpy.ops.extensions.package_install_files(
        filepath=os.environ["AAN_ZIP"], repo="user_default", enable_on_install=True
    )
    assert done == {"FINISHED"}, done


def show_all(area, window):
    for region in area.regions:
        if region.type in ("WINDOW", "PREVIEW"):
            with bpy.context.temp_override(window=window, area=area, region=region):
                operator = bpy.ops.sequencer.view_all if region.type == "WINDOW" else bpy.ops.sequencer.view_all_preview
                if operator.poll():
                    operator()


def waiting(turns):
    for _ in range(turns):
        yield


def picture(name, area):
    area.tag_redraw()
    yield from waiting(10)
    order = STAGE / f"take {name}"
    order.touch()
    while order.exists():
        yield


story = play()


def step():
    """A timer's turn; whatever goes wrong ends the play."""
    try:
        next(story)
    except StopIteration:
        bpy.ops.wm.quit_blender()
        return None
    except Exception:
        (STAGE / "told").write_text(traceback.format_exc())
        bpy.ops.wm.quit_blender()
        return None
    return 0.1


bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(step, first_interval=2.0)
