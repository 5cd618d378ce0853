"""A studio inside of a Blender without a window: plates on disk, strips, masks, and the add-on's pulse by hand."""

import os
import shutil
import sys
import tempfile
import time
import unittest
from pathlib import Path

import addon_utils
import bpy
import numpy as np
import OpenEXR

ADDON = os.environ["AAN_ADDON"]
SIZE = (64, 48)
WIDTH, HEIGHT = SIZE
HIDDEN = (slice(16, 32), slice(24, 40))  # rows from the top, columns
NEW_EFFECT = "length" if bpy.app.version >= (5, 0, 0) else "frame_end"

if ADDON not in bpy.context.preferences.addons:
    assert addon_utils.enable(ADDON, default_set=True) is not None, "the add-on could not be switched on"
part = {name: sys.modules[f"{ADDON}.{name}"] for name in ("heartbeat", "versions", "result", "record", "status")}
heartbeat, versions, result, record, status = part.values()
JobPhase = sys.modules[f"{ADDON}.plugin_host.job_status"].JobPhase
HostError = sys.modules[f"{ADDON}.plugin_host.errors"].HostError


def write_exr(path, *, data_window=None, **channels):
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    if data_window:
        header["dataWindow"] = tuple(np.array(corner, np.int32) for corner in data_window)
        header["displayWindow"] = (np.array((0, 0), np.int32), np.array((WIDTH - 1, HEIGHT - 1), np.int32))
    OpenEXR.File(header, channels).write(str(path))


def read_exr(path):
    """Channel by name, as it was stored."""
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return {name: channel.pixels.copy() for name, channel in file.channels().items()}


def wall(frame, size=SIZE):
    """A frame of a camera that pans over a wall with highlights and negatives."""
    y, x = np.mgrid[: size[1], : size[0]].astype(np.float32)
    x = x + 2 * frame
    colours = [np.sin(x / 5) * np.cos(y / 7), np.sin(x / 9 + y / 6), np.cos(x / 4)]
    picture = (np.stack(colours, axis=-1) + 0.9) * 2
    picture[4:6, 4:6] = 100.0
    return picture.astype(np.float16)


class InAStudio(unittest.TestCase):
    """A new file, saved in a folder of its own."""

    def setUp(self):
        self.root = Path(tempfile.mkdtemp(prefix="studio-")).resolve()
        self.addCleanup(shutil.rmtree, self.root, ignore_errors=True)
        bpy.ops.wm.read_factory_settings(use_empty=True)
        if ADDON not in bpy.context.preferences.addons:
            addon_utils.enable(ADDON, default_set=True)
        self.scene.render.resolution_x, self.scene.render.resolution_y = SIZE
        self.scene.sequence_editor_create()
        if hasattr(bpy.context, "workspace") and hasattr(bpy.context.workspace, "sequencer_scene"):
            bpy.context.workspace.sequencer_scene = self.scene
        bpy.ops.wm.save_as_mainfile(filepath=str(self.root / "shot.blend"))

    @property
    def scene(self):
        return bpy.context.scene

    @property
    def strips(self):
        return versions.strips(self.scene)

    def plates(self, count=4, *, first=1001, name="plate", size=SIZE):
        folder = self.root / name
        folder.mkdir()
        for index in range(count):
            write_exr(folder / f"{name}.{first + index}.exr", RGB=wall(index, size))
        return folder

    def image_strip(self, folder, *, channel=1, start=1, names=None):
        names = names or sorted(path.name for path in folder.iterdir())
        strip = self.strips.new_image(
            name=folder.name, filepath=str(folder / names[0]), channel=channel, frame_start=start
        )
        for name in names[1:]:
            strip.elements.append(name)
        self.scene.sequence_editor.active_strip = strip
        self.scene.frame_start, self.scene.frame_end = versions.visible(strip)
        return strip

    def mask(self, strip=None, *, keys=()):
        """A box over what is hidden; with `keys`, frames, it moves to the left by a pixel a frame between them."""
        mask = bpy.data.masks.new("box")
        spline = mask.layers.new(name="box").splines.new()
        spline.points.add(3)
        spline.use_cyclic = True
        self.shape(mask, 0)
        if keys:
            self.key(mask, keys)
        if strip is not None:
            strip.aan.mask = mask
        return mask

    def shape(self, mask, shift):
        rows, columns = HIDDEN
        left, right = columns.start - shift, columns.stop - shift
        corners = [(left, rows.start), (right, rows.start), (right, rows.stop), (left, rows.stop)]
        longest = max(SIZE)
        for point, (x, y) in zip(mask.layers[0].splines[0].points, corners):
            place = ((x - WIDTH / 2) / longest + 0.5, (HEIGHT / 2 - y) / longest + 0.5)
            point.co = point.handle_left = point.handle_right = place
            point.handle_type = "VECTOR"
            point.select = True

    def key(self, mask, frames):
        area = next(area for area in bpy.context.window.screen.areas)
        was, area.type = area.type, "IMAGE_EDITOR"
        area.spaces.active.mode = "MASK"
        area.spaces.active.mask = mask
        region = next(region for region in area.regions if region.type == "WINDOW")
        now = self.scene.frame_current
        for frame in frames:
            self.scene.frame_set(frame)
            self.shape(mask, frame - frames[0])
            with bpy.context.temp_override(window=bpy.context.window, area=area, region=region):
                assert bpy.ops.mask.shape_key_insert() == {"FINISHED"}
        self.scene.frame_set(now)
        area.type = was

    def clean(self, strip, **options):
        return heartbeat.clean(self.scene, strip, **options)

    def press(self, button):
        """Press a button of the panel on the active strip; returns the cleaning that came of it."""
        with bpy.context.temp_override(scene=self.scene):
            self.assertEqual(getattr(bpy.ops.aan, button)(), {"FINISHED"})
        return heartbeat.of(versions.active_strip(self.scene))

    def tick_until(self, seen, *, patience=20.0):
        end = time.monotonic() + patience
        while not seen():
            assert time.monotonic() < end, [(c.standing, c.note) for c in heartbeat.cleanings()]
            heartbeat.tick()
            time.sleep(0.01)

    def until_phase(self, cleaning, phase, *, patience=20.0):
        self.tick_until(lambda: cleaning.standing.phase is phase, patience=patience)

    def render(self, frames):
        """What the timeline shows, as EXR; returns each frame's channels."""
        bpy.context.view_layer.update()
        render = self.scene.render
        render.use_sequencer, render.use_compositing, render.resolution_percentage = True, False, 100
        settings = render.image_settings
        if hasattr(settings, "media_type"):
            settings.media_type = "IMAGE"
        settings.file_format, settings.color_mode, settings.color_depth = "OPEN_EXR", "RGBA", "16"
        settings.exr_codec = "ZIP"
        found = []
        for frame in frames:
            self.scene.frame_set(frame)
            render.filepath = str(self.root / f"rendered.{frame}.exr")
            bpy.ops.render.render(write_still=True, scene=self.scene.name)
            found.append(read_exr(render.filepath))
        return found
