"""A Blender without a window that does what it is told, line by line: the add-on's buttons, pressed from outside.

Each line is a JSON list, a word of `Driven` and its arguments; each answer is a line of JSON after `ANSWER`, since
Blender itself says this and that.
"""

import json
import os
import sys
import traceback
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), os.environ["AAN_ADDON_PATH"]]

import bpy  # noqa: E402, I001 - it is what makes `addon_utils` known
import addon_utils  # noqa: E402

ADDON = os.environ["AAN_ADDON"]
ANSWER = "--answer: "

addon_utils.enable(ADDON, default_set=True)
heartbeat, result, status, versions = (
    sys.modules[f"{ADDON}.{name}"] for name in ("heartbeat", "result", "status", "versions")
)
engine_monitor, engine_socket = (
    sys.modules[f"{ADDON}.plugin_host.{name}"] for name in ("engine_monitor", "engine_socket")
)
# who watches a test misses an engine sooner
engine_socket.PING_AFTER, engine_socket.PING_TIMEOUT, engine_monitor.LOOKUP_INTERVAL = 0.2, 0.6, 0.1


class Driven:
    """One session. The shot is the strip `plate`, its matte files on disk."""

    def new(self, folder, first, last):
        bpy.ops.wm.read_factory_settings(use_empty=True)
        addon_utils.enable(ADDON, default_set=True)
        scene = bpy.context.scene
        scene.sequence_editor_create()
        self._face(scene)
        strip = versions.strips(scene).new_image(
            name="plate", filepath=f"{folder}/plate.{first}.exr", channel=1, frame_start=first
        )
        for frame in range(first + 1, last + 1):
            strip.elements.append(f"plate.{frame}.exr")
        strip.aan.matte_kind, strip.aan.matte_files = "FILES", f"{folder}/matte.####.exr"
        scene.sequence_editor.active_strip = strip
        bpy.ops.wm.save_as_mainfile(filepath=f"{folder}/shot.blend")

    def open(self, folder):
        bpy.ops.wm.open_mainfile(filepath=f"{folder}/shot.blend")
        self._face(bpy.context.scene)

    def press(self, button):
        with bpy.context.temp_override(scene=bpy.context.scene):
            getattr(bpy.ops.aan, button)()

    def save(self):
        bpy.ops.wm.save_mainfile()

    def look(self):
        heartbeat.tick()
        strip = versions.strips(bpy.context.scene)["plate"]
        cleaning, made = heartbeat.of(strip), result.of(bpy.context.scene, strip.aan.uid)
        names = [element.filename for element in made.elements] if made is not None else []
        lines = status.of_cleaning(cleaning.standing, note=cleaning.note) if cleaning is not None else []
        return {
            "phase": cleaning.standing.phase.name if cleaning is not None else "IDLE",
            "words": " ".join(line.text for line in lines),
            "folder": bpy.path.abspath(made.directory) if made is not None else "",
            "names": [name for name in names if name != result.STAND_IN],
        }

    def _face(self, scene):
        if hasattr(bpy.context.workspace, "sequencer_scene"):
            bpy.context.workspace.sequencer_scene = scene


def main():
    driven = Driven()
    for line in sys.stdin:
        word, *arguments = json.loads(line)
        if word == "leave":
            break
        try:
            answer = {"is": getattr(driven, word)(*arguments)}
        except Exception:
            answer = {"fault": traceback.format_exc()}
        print(f"\n{ANSWER}{json.dumps(answer)}", flush=True)
    sys.stdout.flush()
    os._exit(0)  # before a Blender that is asked to end can hang


main()
