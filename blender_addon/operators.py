"""The panel's operators. Each checks its input, calls one function and reports errors in Blender's way."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import bpy
from bpy.props import IntProperty, StringProperty

from . import compat, timer
from .plugin_host import launch
from .plugin_host.errors import HostError

OperatorResult = set[Literal["RUNNING_MODAL", "CANCELLED", "FINISHED", "PASS_THROUGH", "INTERFACE"]]

# A mixin must not be an operator itself at run time: Blender would take it for one that is registered.
if TYPE_CHECKING:
    from bpy.types import Operator as _Operator
else:
    _Operator = object


class _StripOperator(_Operator):
    """Base of the operators that work on the timeline's active strip."""

    bl_options: Any = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        return compat.active_strip(compat.scene_of(context)) is not None

    def start(self, context: bpy.types.Context, **limits: int) -> OperatorResult:
        """Start the job. It goes on in the background."""
        scene = compat.scene_of(context)
        assert scene is not None  # see poll
        try:
            timer.start_job(scene, compat.active_strip(scene), **limits)
        except HostError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        timer.redraw_sequencers()
        return {"FINISHED"}


class AAN_OT_clean(_StripOperator, bpy.types.Operator):  # noqa: N801
    """Remove what the matte covers, in every frame of the strip"""

    bl_idname = "aan.clean"
    bl_label = "Clean"

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Start a job for the whole strip."""
        return self.start(context)


class AAN_OT_preview(_StripOperator, bpy.types.Operator):  # noqa: N801
    """Remove what the matte covers in the current frame only"""

    bl_idname = "aan.preview"
    bl_label = "Preview Frame"

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Start a job for the current frame."""
        return self.start(context, only=compat.scene_of(context).frame_current)


class AAN_OT_cancel(bpy.types.Operator):  # noqa: N801
    """Stop after the frame in work; pressed again, at once. What is finished stays"""

    bl_idname = "aan.cancel"
    bl_label = "Cancel"

    uid: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Cancel the job of the strip with this id, or of the active strip."""
        strip = compat.active_strip(compat.scene_of(context))
        wanted = self.uid or (strip.aan.uid if strip is not None else "")
        found = [job for job in timer.jobs() if job.uid == wanted]
        for job in found:
            job.cancel()
        timer.redraw_sequencers()
        return {"FINISHED"} if found else {"CANCELLED"}


class AAN_OT_start_engine(bpy.types.Operator):  # noqa: N801
    """Start the engine, or look for it again"""

    bl_idname = "aan.start_engine"
    bl_label = "Start Engine"

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Start the engine; the panel shows whether it worked."""
        timer.engine_monitor().start()
        timer.redraw_sequencers()
        return {"FINISHED"}


class AAN_OT_engine_log(bpy.types.Operator):  # noqa: N801
    """Open the engine's log as a text of this file"""

    bl_idname = "aan.engine_log"
    bl_label = "Engine's Log"

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Load the log file as a text, and say where it is."""
        try:
            path = launch.log_file()
            log = path.read_text("utf-8", errors="replace")
        except (OSError, HostError) as error:
            self.report({"WARNING"}, f"there is no log yet ({error})")
            return {"CANCELLED"}
        text = bpy.data.texts.get(path.name) or bpy.data.texts.new(path.name)
        text.from_string(log)
        self.report({"INFO"}, f"{path} is open in the Text Editor as {text.name}")
        return {"FINISHED"}


class AAN_OT_jump(bpy.types.Operator):  # noqa: N801
    """Go to this frame"""

    bl_idname = "aan.jump"
    bl_label = "Go to Frame"

    frame: IntProperty(options={"HIDDEN"})  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Move the playhead of the timeline that is shown."""
        scene = compat.scene_of(context)
        if scene is None:
            return {"CANCELLED"}
        scene.frame_set(self.frame)
        return {"FINISHED"}


class AAN_OT_report(bpy.types.Operator):  # noqa: N801
    """Open the page of the frames to look at first"""

    bl_idname = "aan.report"
    bl_label = "Open Report"

    path: StringProperty(options={"HIDDEN"})  # type: ignore[valid-type]

    def execute(self, context: bpy.types.Context) -> OperatorResult:
        """Open the picture that belongs to the report."""
        picture = Path(self.path).with_suffix(".png")
        if not picture.is_file():
            self.report({"WARNING"}, f"{picture} is not there any more")
            return {"CANCELLED"}
        bpy.ops.wm.path_open(filepath=str(picture))
        return {"FINISHED"}


CLASSES = (
    AAN_OT_clean,
    AAN_OT_preview,
    AAN_OT_cancel,
    AAN_OT_start_engine,
    AAN_OT_engine_log,
    AAN_OT_jump,
    AAN_OT_report,
)
