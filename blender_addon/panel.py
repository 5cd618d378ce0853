"""The panels in the sequencer's sidebar. They draw what other modules return, and contain no logic of their own."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import bpy

from . import compat, status_text, timer
from .mattes import ignored_controls
from .plugin_host.engine_monitor import Presence
from .plugin_host.job_status import JobStatus
from .properties import shown_controls
from .saved_state import SavedState, parse
from .status_text import StatusLine
from .strip_job import StripJob

MATTE_FIELDS = {"MASK": "mask", "FILES": "matte_files"}


# A mixin must not be a panel itself at run time: Blender would take it for one that is registered.
if TYPE_CHECKING:
    from bpy.types import Panel as _Panel
else:
    _Panel = object


class _SidebarPanel(_Panel):
    bl_space_type = "SEQUENCE_EDITOR"
    bl_region_type = "UI"
    bl_category = "Clean-up"

    if TYPE_CHECKING:
        layout: bpy.types.UILayout


class AAN_PT_engine(_SidebarPanel, bpy.types.Panel):  # noqa: N801
    """The engine's state, and jobs of strips other than the active one."""

    bl_label = "Align & Attend"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the engine's state with its reason, and the button that starts it."""
        engine = timer.engine_monitor().state
        _draw_lines(self.layout, status_text.engine_lines(engine))
        if engine.presence not in (Presence.READY, Presence.STARTING, Presence.UNKNOWN):
            row = self.layout.row(align=True)
            row.operator("aan.start_engine", icon="PLAY")
            if engine.presence in (Presence.FAILED, Presence.LOST):
                row.operator("aan.engine_log", text="", icon="TEXT")
        strip = compat.active_strip(compat.scene_of(context))
        for job in timer.jobs():
            elsewhere = strip is None or job.uid != strip.aan.uid
            if elsewhere and (job.status.active or job.abandoned):
                _draw_other_job(self.layout, job)


class AAN_PT_strip(_SidebarPanel, bpy.types.Panel):  # noqa: N801
    """The active strip: its matte, controls, buttons and job."""

    bl_label = "Clean Strip"
    bl_parent_id = "AAN_PT_engine"

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the matte, the controls, the buttons and the job's state."""
        scene = compat.scene_of(context)
        strip = compat.active_strip(scene)
        if scene is None or strip is None:
            self.layout.label(text="Select the strip to be cleaned.", icon="INFO")
            return
        if strip.aan.result_of:
            self.layout.label(text="This is a result: select its source.", icon="INFO")
            return
        column = self.layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.label(text=strip.name, icon="SEQUENCE")
        _draw_matte(column, scene, strip.aan)
        _draw_controls(column, scene, strip, rare=False)
        column.prop(strip.aan, "folder")
        _draw_buttons(self.layout, strip)
        _draw_status(self.layout, strip)


class AAN_PT_rare(_SidebarPanel, bpy.types.Panel):  # noqa: N801
    """Controls that are seldom needed, closed by default."""

    bl_label = "Rare Controls"
    bl_parent_id = "AAN_PT_engine"
    bl_options = {"DEFAULT_CLOSED"}

    @classmethod
    def poll(cls, context: bpy.types.Context) -> bool:
        """Only where a strip is active that can be cleaned."""
        strip = compat.active_strip(compat.scene_of(context))
        return strip is not None and not strip.aan.result_of

    def draw(self, context: bpy.types.Context) -> None:
        """Draw the controls that `AAN_PT_strip` leaves out."""
        self.layout.use_property_split = True
        self.layout.use_property_decorate = False
        scene = compat.scene_of(context)
        strip = compat.active_strip(scene)
        assert scene is not None  # see poll
        if "matte_channel" not in ignored_controls(strip.aan, scene):
            self.layout.prop(strip.aan, "matte_channel")
        _draw_controls(self.layout, scene, strip, rare=True)


def _draw_lines(layout: bpy.types.UILayout, lines: Iterable[StatusLine]) -> None:
    column = layout.column(align=True)
    for line in lines:
        column.label(text=line.text, icon=line.icon)  # type: ignore[arg-type]


def _draw_other_job(layout: bpy.types.UILayout, job: StripJob) -> None:
    """A job whose strip is not the active one, or was deleted."""
    box = layout.box()
    row = box.row()
    row.label(text=job.title, icon="SEQUENCE")
    if job.status.active:
        row.operator("aan.cancel", text="", icon="X").uid = job.uid
    _draw_progress(box, job.status)
    if job.abandoned:
        lines = status_text.job_lines(job.status, note=job.note, note_hint=job.note_hint)
        _draw_lines(box, lines)


def _draw_matte(layout: bpy.types.UILayout, scene: bpy.types.Scene, settings: Any) -> None:
    layout.prop(settings, "matte_kind")
    if settings.matte_kind == "STRIP":
        editor = scene.sequence_editor
        layout.prop_search(settings, "matte_strip", editor, "strips" if hasattr(editor, "strips") else "sequences")
    elif settings.matte_kind in MATTE_FIELDS:
        layout.prop(settings, MATTE_FIELDS[settings.matte_kind])


def _draw_controls(layout: bpy.types.UILayout, scene: bpy.types.Scene, strip: Any, *, rare: bool) -> None:
    for control in shown_controls(strip, scene):
        if control.rare is rare:
            layout.prop(strip.aan, control.name)


def _draw_buttons(layout: bpy.types.UILayout, strip: Any) -> None:
    job = timer.job_of(strip)
    row = layout.row(align=True)
    row.scale_y = 1.4
    if job is not None and job.status.active:
        row.operator("aan.cancel", icon="CANCEL").uid = ""
    else:
        row.operator("aan.preview", icon="RESTRICT_RENDER_OFF")
        row.operator("aan.clean", icon="BRUSH_DATA")


def _draw_progress(layout: bpy.types.UILayout, status: JobStatus) -> None:
    bar = status_text.progress_bar(status)
    if bar is not None:
        layout.progress(factor=bar[0], text=bar[1])


def _draw_status(layout: bpy.types.UILayout, strip: Any) -> None:
    job, state = timer.job_of(strip), parse(strip.aan.record)
    if job is not None:
        status = job.status
        _draw_progress(layout, status)
        _draw_lines(layout, status_text.job_lines(status, note=job.note, note_hint=job.note_hint))
        _draw_outcome(layout, strip, job.state, status.worst, status.report)
    elif state is not None:
        _draw_lines(layout, status_text.saved_lines(state))
        _draw_outcome(layout, strip, state, state.worst, state.report)


def _draw_outcome(
    layout: bpy.types.UILayout, strip: Any, state: SavedState, worst: tuple[int, ...], report: str
) -> None:
    """Buttons that go to the frames to look at first, and one that opens the report."""
    frames = status_text.worst_frames(worst, state, compat.content_start(strip))
    if frames:
        layout.label(text="Look at first:")
        flow = layout.grid_flow(columns=4, align=True)
        for frame in frames[:8]:
            flow.operator("aan.jump", text=str(frame)).frame = frame
    elif report and not worst:
        layout.label(text="No frame stands out.")
    if report:
        layout.operator("aan.report", icon="IMAGE_DATA").path = report


CLASSES = (AAN_PT_engine, AAN_PT_strip, AAN_PT_rare)
