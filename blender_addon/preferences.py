"""The add-on's preferences: where the engine's Python is."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty

from . import compat
from .plugin_host import interpreter


class AANPreferences(bpy.types.AddonPreferences):
    """The path of the engine's Python."""

    bl_idname = __package__

    engine: StringProperty(  # type: ignore[valid-type]
        name="Engine's Python",
        description="The Python that has Align & Attend installed; empty for AAN_ENGINE or the usual places",
        subtype="FILE_PATH",
        options=compat.RELATIVE_PATH,
    )

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the setting, and how to install an engine."""
        self.layout.prop(self, "engine")
        column = self.layout.column(align=True)
        column.label(text="Without it: the environment variable AAN_ENGINE, then the usual places.")
        column.label(text="To install the engine, run this in the folder of Align & Attend:")
        column.label(text=interpreter.install_command())


def engine_setting() -> str:
    """The path chosen in the preferences; empty for the usual places."""
    preferences: Any = bpy.context.preferences  # the stubs allow None
    addon = preferences.addons.get(__package__)
    return str(addon.preferences.engine) if addon is not None and addon.preferences is not None else ""


def engine_python() -> str:
    """The path of the engine's Python, see `interpreter.find`."""
    return interpreter.find(bpy.path.abspath(engine_setting()))
