"""A strip being cleaned: what must be rendered first, then the job, and its frames on the timeline as they come.

It holds no strip and no scene from one tick to the next - the artist may delete, rename or move them, undo, or change
the scene - but looks for the strip by the name that only this add-on knows (`shot.name`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import bpy

from . import compat, job_spec, result
from .plugin_host.contact import Contact
from .plugin_host.errand import Errand, Tick
from .plugin_host.errors import HostError
from .plugin_host.standing import Phase, Standing
from .render_process import Developing
from .saved_state import Record, read


class Cleaning:
    """One strip's cleaning, driven by `tick()`. `title` is what the strip was called last."""

    def __init__(self, contact: Contact, uid: str, title: str, record: Record) -> None:
        self.uid, self.title, self.record = uid, title, record
        self.note = ""
        self.note_hint = ""
        self.abandoned = False
        self._errand = Errand(contact)
        self._developing: Developing | None = None
        self._broken: Standing | None = None
        self._faulty = False
        self._completed = record.preview
        self._remembered = False
        self._unshown: list[int] = []
        self._drawn: object = None

    def begin(self, wanted: job_spec.Shot) -> None:
        """Have the engine do it, or first a second Blender what must be rendered for it."""
        if wanted.order.works:
            self._developing = Developing(wanted.order, wanted.inputs)
        else:
            self._start()

    def go_on(self) -> None:
        """Find the job again, after the file was opened."""
        self._errand.reconnect(self.record.ticket)

    @property
    def standing(self) -> Standing:
        """How it stands, in the words of an errand."""
        if self._broken is not None:
            return self._broken
        if self._developing is not None:
            kind = "rendering mattes and plates"
            return Standing(Phase.SUBMITTING, stage=kind, step=self._developing.done, steps=self._developing.total)
        return self._errand.standing

    def cancel(self) -> None:
        """Stop it; a second time, at once."""
        if self._developing is not None:
            self._developing.stop()
            self._developing = None
            self._broken = Standing(Phase.CANCELLED, "cancelled before the engine was at it")
        self._errand.cancel()

    def close(self) -> None:
        """Let go of it; the job goes on, what was only being rendered does not."""
        if self._developing is not None:
            self._developing.stop()
            self._developing = None
        self._errand.close()

    def break_off(self, reason: str) -> None:
        """Stop for a fault of the add-on's own."""
        self.cancel()
        self._faulty = True
        self._broken = Standing(Phase.FAILED, reason, "This is a fault of the add-on's: Blender's console tells more.")

    def tick(self) -> bool:
        """Look once; whether there is anything new to draw. Never blocks."""
        if self._developing is not None:
            self._look_at_developing(self._developing)
        tick = self._errand.tick()
        if not self._faulty and (tick.frames or tick.changed or self._drawn is None):
            self._follow(tick)
        drawn = (self.standing, self.note, self.title)
        changed, self._drawn = drawn != self._drawn, drawn
        return changed

    def after_undo(self) -> None:
        """Bring back what undoing something else took along; but if it was the cleaning that was undone, stop it."""
        found = find(self.uid)
        kept = read(found[1].aan.record) if found is not None else None
        if found is None:
            self.look_after_strip()
        elif kept is None or kept.ticket.output != self.record.ticket.output:
            self._abandon(f"cleaning {self.title} was undone")
        else:
            found[1].aan.record = self.record.text()
            self._unshown = [*self.standing.frames]
            self._completed = self.record.preview
            self._drawn = None

    def look_after_strip(self) -> None:
        """Notice that the strip was renamed, or is no more; in that case stop."""
        found = find(self.uid)
        if found is not None:
            self.title = found[1].name
        elif not self.abandoned:
            self._abandon(f"{self.title} was deleted")

    def _abandon(self, note: str) -> None:
        self.abandoned, self.note = True, note
        self.note_hint = "The frames that were finished stay in the result's folder."
        if self.standing.active or self.standing.phase is Phase.LOST:
            self.cancel()

    # What follows from a look.

    def _start(self) -> None:
        self._errand.start(self.record.ticket.spec, self.record.ticket.output)

    def _look_at_developing(self, developing: Developing) -> None:
        try:
            if developing.poll():
                self._developing = None
                self._start()
        except HostError as error:
            self._developing = None
            self._broken = Standing(Phase.FAILED, error.reason, error.hint)

    def _follow(self, tick: Tick) -> None:
        """Bring the strip, its record and the result up to date."""
        found = find(self.uid)
        if found is None or self.abandoned:
            return
        scene, strip = found
        self._unshown += tick.frames
        self._keep(strip)
        try:
            self._show(scene, strip)
        except HostError as error:
            self.note, self.note_hint = error.reason, error.hint
        if self.standing.phase is Phase.FINISHED and not self._completed:
            self._completed = True
            self._complete(scene, strip)

    def _keep(self, strip: Any) -> None:
        """Write down what the file is to remember."""
        standing = self.standing
        record = replace(
            self.record,
            ticket=self._errand.ticket or self.record.ticket,
            phase=standing.phase.name,
            reason=standing.reason,
            unseen=standing.unseen,
            worst=standing.worst,
            report=standing.report,
        )
        if record != self.record:
            self.record = record
            strip.aan.record = record.text()

    def _show(self, scene: Any, strip: Any) -> None:
        if not self._unshown:
            return
        shown = result.of(scene, self.uid)
        if not self.record.placed:
            shown = result.place(scene, strip, self.record)
            self.record = replace(self.record, placed=True)
            strip.aan.record = self.record.text()
            remember(f"Result of {strip.name}")
        if shown is not None:
            result.show(shown, self.record, self._unshown)
        self._unshown = []

    def _complete(self, scene: Any, strip: Any) -> None:
        shown = result.of(scene, self.uid)
        if shown is None:
            return
        result.complete(shown, strip)
        if not self._remembered:
            self._remembered = True
            remember(f"Cleaned {strip.name}")
        if self.record.alpha:
            strip.mute = True
            self.note = f"{strip.name} is muted: its own alpha would shine through"


def remember(step: str) -> None:
    """Make what was done a step of Blender's undo, lest undoing something else takes it along."""
    windows = bpy.context.window_manager.windows
    with bpy.context.temp_override(window=windows[0] if len(windows) else None):
        if bpy.ops.ed.undo_push.poll():
            bpy.ops.ed.undo_push(message=step)


def find(uid: str) -> tuple[Any, Any] | None:
    """The scene and the strip of that name; of several copies the one that was there first."""
    found = [(scene, strip) for scene in bpy.data.scenes for strip in compat.every_strip(scene) if strip.aan.uid == uid]
    original = [pair for pair in found if pair[1].name == pair[1].aan.uid_of]
    return next(iter([*original, *found]), None)


def unfinished() -> Iterator[tuple[Any, Record]]:
    """The strips of this file whose cleaning was not over when it was saved."""
    for scene in bpy.data.scenes:
        for strip in compat.every_strip(scene):
            kept = read(strip.aan.record) if strip.aan.uid else None
            if kept is not None and not kept.is_over:
                yield strip, kept
