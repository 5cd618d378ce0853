"""Align & Attend as a Blender add-on: removes what a matte covers from a strip of the video sequencer.

It may import bpy, the standard library and its own copy of `plugin_host`, never the engine: that is another process.
Read in this order: `properties` and `panel` (what the artist sees), `operators`, `timer` (the only timer), `strip_job`
(one strip's job), `job_spec` with `plates` and `mattes` (from settings to a job), `render_inputs`, `result`.
"""

from __future__ import annotations

import bpy

from . import operators, panel, preferences, properties, timer

CLASSES = (preferences.AANPreferences, *operators.CLASSES, *panel.CLASSES)


def register() -> None:
    """Called by Blender when the add-on is enabled."""
    properties.register()
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    timer.start()


def unregister() -> None:
    """Called by Blender when the add-on is disabled or removed: no handler, timer, thread or socket is left."""
    timer.stop()
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
    properties.unregister()
