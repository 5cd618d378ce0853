"""Align & Attend in Blender's sequencer: select the strip, pick the mask, press Clean.

The engine computes in a process of its own; this add-on hands it files, and shows what comes. `heartbeat` is where it
lives, `cleaning` one strip's way, `shot` what is asked for; `plugin_host` is put beside it when the extension is built.
"""

from __future__ import annotations

import bpy

from . import operators, panel, preferences, properties, timer

CLASSES = (preferences.AANPreferences, *operators.CLASSES, *panel.CLASSES)


def register() -> None:
    """Called by Blender when the add-on is switched on."""
    properties.register()
    for kind in CLASSES:
        bpy.utils.register_class(kind)
    timer.start()


def unregister() -> None:
    """Called by Blender when it is switched off or removed: no handler, timer, thread or socket is left."""
    timer.stop()
    for kind in reversed(CLASSES):
        bpy.utils.unregister_class(kind)
    properties.unregister()
