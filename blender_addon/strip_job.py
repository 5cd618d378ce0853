"""One strip's job: first the renders that it needs, then the engine's job, and its frames on the timeline.

Between two ticks it holds no reference to a strip or scene, as the artist may delete, rename or move them, undo, or
change the scene. It finds the strip by its id, see `job_spec.ensure_uid`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import bpy

from . import compat, job_spec, result
from .plugin_host.engine_monitor import EngineMonitor
from .plugin_host.errors import HostError
from .plugin_host.host_job import HostJob, JobUpdate
from .plugin_host.job_status import JobPhase, JobStatus
from .render_process import RenderProcess
from .saved_state import SavedState, parse


class StripJob:
    """A job, driven by `tick()`. `title` is the strip's last known name."""

    def __init__(self, monitor: EngineMonitor, uid: str, title: str, state: SavedState) -> None:
        self.uid, self.title, self.state = uid, title, state
        self.note = ""
        self.note_hint = ""
        self.abandoned = False
        self._host_job = HostJob(monitor)
        self._render_process: RenderProcess | None = None
        self._own_status: JobStatus | None = None
        self._crashed = False
        self._completed = state.preview
        self._undo_pushed = False
        self._new_frames: list[int] = []
        self._last_drawn: object = None

    def start(self, prepared: job_spec.PreparedJob) -> None:
        """Submit the job, or first start a second Blender that renders its inputs."""
        if prepared.renders.renders:
            self._render_process = RenderProcess(prepared.renders, prepared.render_folder)
        else:
            self._submit()

    def reconnect(self) -> None:
        """Find the job again, after the file was opened."""
        self._host_job.reconnect(self.state.ticket)

    @property
    def status(self) -> JobStatus:
        """The status to be shown, of the render or of the engine's job."""
        if self._own_status is not None:
            return self._own_status
        if self._render_process is not None:
            process, stage = self._render_process, "rendering mattes and plates"
            return JobStatus(JobPhase.SUBMITTING, stage=stage, step=process.done, steps=process.total)
        return self._host_job.status

    def cancel(self) -> None:
        """Cancel after the frame in progress; a second call cancels at once."""
        if self._render_process is not None:
            self._render_process.stop()
            self._render_process = None
            self._own_status = JobStatus(JobPhase.CANCELLED, "cancelled before the engine was at it")
        self._host_job.cancel()

    def close(self) -> None:
        """Stop watching. The engine's job goes on; a render does not."""
        if self._render_process is not None:
            self._render_process.stop()
            self._render_process = None
        self._host_job.close()

    def fail(self, reason: str) -> None:
        """End the job because of a bug of the add-on."""
        self.cancel()
        self._crashed = True
        self._own_status = JobStatus(JobPhase.FAILED, reason, "This is a bug of the add-on: see Blender's console.")

    def tick(self) -> bool:
        """Poll once; returns whether anything has to be redrawn. Never blocks."""
        if self._render_process is not None:
            self._poll_render(self._render_process)
        update = self._host_job.tick()
        if not self._crashed and (update.frames or update.changed or self._last_drawn is None):
            self._update_strip(update)
        drawn = (self.status, self.note, self.title)
        changed, self._last_drawn = drawn != self._last_drawn, drawn
        return changed

    def after_undo(self) -> None:
        """Write the state again after an undo of something else, or cancel if the job itself was undone."""
        found = find_strip(self.uid)
        state = parse(found[1].aan.record) if found is not None else None
        if found is None:
            self.check_strip()
        elif state is None or state.ticket.output != self.state.ticket.output:
            self._abandon(f"cleaning {self.title} was undone")
        else:
            found[1].aan.record = self.state.to_text()
            self._new_frames = [*self.status.frames]
            self._completed = self.state.preview
            self._last_drawn = None

    def check_strip(self) -> None:
        """Notice that the strip was renamed, or deleted; a deleted strip's job is cancelled."""
        found = find_strip(self.uid)
        if found is not None:
            self.title = found[1].name
        elif not self.abandoned:
            self._abandon(f"{self.title} was deleted")

    def _abandon(self, note: str) -> None:
        self.abandoned, self.note = True, note
        self.note_hint = "The frames that were finished stay in the result's folder."
        if self.status.active or self.status.phase is JobPhase.LOST:
            self.cancel()

    # Steps of a tick.

    def _submit(self) -> None:
        self._host_job.start(self.state.ticket.spec, self.state.ticket.output)

    def _poll_render(self, process: RenderProcess) -> None:
        try:
            if process.poll():
                self._render_process = None
                self._submit()
        except HostError as error:
            self._render_process = None
            self._own_status = JobStatus(JobPhase.FAILED, error.reason, error.hint)

    def _update_strip(self, update: JobUpdate) -> None:
        """Save the job's state with the strip, and update the result strip."""
        found = find_strip(self.uid)
        if found is None or self.abandoned:
            return
        scene, strip = found
        self._new_frames += update.frames
        self._save_state(strip)
        try:
            self._show_new_frames(scene, strip)
        except HostError as error:
            self.note, self.note_hint = error.reason, error.hint
        if self.status.phase is JobPhase.FINISHED and not self._completed:
            self._completed = True
            self._finish_result(scene, strip)

    def _save_state(self, strip: Any) -> None:
        """Save the state in the strip's property `record`, where it changed."""
        status = self.status
        state = replace(
            self.state,
            ticket=self._host_job.handle or self.state.ticket,
            phase=status.phase.name,
            reason=status.reason,
            unseen=status.unseen,
            worst=status.worst,
            report=status.report,
            inputs=status.inputs,
            warnings=status.shown_warnings,
        )
        if state != self.state:
            self.state = state
            strip.aan.record = state.to_text()

    def _show_new_frames(self, scene: bpy.types.Scene, strip: Any) -> None:
        if not self._new_frames:
            return
        shown = result.strip_of(scene, self.uid)
        if not self.state.placed:
            shown = result.place_strip(scene, strip, self.state)
            self.state = replace(self.state, placed=True)
            strip.aan.record = self.state.to_text()
            push_undo(f"Result of {strip.name}")
        if shown is not None:
            result.show_frames(shown, self.state, self._new_frames)
        self._new_frames = []

    def _finish_result(self, scene: bpy.types.Scene, strip: Any) -> None:
        shown = result.strip_of(scene, self.uid)
        if shown is None:
            return
        result.restore_blend_type(shown, strip, self.state)
        if not self._undo_pushed:
            self._undo_pushed = True
            push_undo(f"Cleaned {strip.name}")
        if self.state.alpha:
            strip.mute = True
            self.note = f"{strip.name} is muted: its own alpha would shine through"


def push_undo(step: str) -> None:
    """Make an undo step of what was done, so that undoing something else does not remove it as well."""
    windows = compat.windows()
    with bpy.context.temp_override(window=windows[0] if len(windows) else None):
        if bpy.ops.ed.undo_push.poll():  # type: ignore[call-arg]
            bpy.ops.ed.undo_push(message=step)


def find_strip(uid: str) -> tuple[Any, Any] | None:
    """The scene and strip with this id; where a strip was copied, the original."""
    found = [(scene, strip) for scene in bpy.data.scenes for strip in compat.all_strips(scene) if strip.aan.uid == uid]
    original = [pair for pair in found if pair[1].name == pair[1].aan.uid_of]
    return next(iter([*original, *found]), None)


def unfinished_strips() -> Iterator[tuple[Any, SavedState]]:
    """The strips of this file whose job had not ended when the file was saved."""
    for scene in bpy.data.scenes:
        for strip in compat.all_strips(scene):
            state = parse(strip.aan.record) if strip.aan.uid else None
            if state is not None and not state.has_ended:
                yield strip, state
