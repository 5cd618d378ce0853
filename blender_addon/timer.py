"""The add-on's pulse: one timer that looks after the engine and every cleaning, and redraws only what changed.

Everything that lives from one tick to the next hangs here: the contact with the engine, and the cleanings by the names
of their strips. `start()` and `stop()` are the add-on's registration; after `stop()` nothing of it is left.
"""

from __future__ import annotations

import time
import traceback
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import job_spec, preferences
from .plugin_host.contact import Contact
from .plugin_host.errors import HostError
from .strip_job import Cleaning, unfinished

BUSY, IDLE = 0.1, 0.5  # seconds between two looks
STRIPS = 1.0  # seconds between two looks for deleted and renamed strips

_contact: Contact | None = None
_cleanings: dict[str, Cleaning] = {}
_strips_looked_at = 0.0
_chosen = ""


def contact() -> Contact:
    """This Blender's contact with the engine."""
    global _contact
    if _contact is None:
        _contact = Contact(name=f"Blender {bpy.app.version_string}", python=preferences.python)
    return _contact


def cleanings() -> list[Cleaning]:
    """All that were begun or found again since the file was opened, the oldest first."""
    return list(_cleanings.values())


def of(strip: Any) -> Cleaning | None:
    """The cleaning of a strip."""
    found = _cleanings.get(strip.aan.uid)
    return None if found is None or found.abandoned else found


def clean(scene: Any, strip: Any, *, only: int | None = None) -> Cleaning:
    """Begin to clean a strip, or one timeline frame of it.

    Raises:
        HostError: when it cannot be done, with the reason and what to do.
    """
    running = of(strip)
    if running is not None and running.standing.active:
        raise HostError(f"{strip.name} is being cleaned already", hint="Cancel it first.")
    uid = job_spec.name(scene, strip)
    wanted = job_spec.of(scene, strip, only=only)
    cleaning = Cleaning(contact(), uid, strip.name, wanted.record)
    if running is not None:
        running.close()
    cleaning.begin(wanted)
    strip.aan.record = wanted.record.text()  # so that undoing what comes next does not undo this
    _cleanings[uid] = cleaning
    return cleaning


def tick() -> float:
    """One look; returns the seconds until the next one."""
    global _strips_looked_at
    _look_at_settings()
    changed = contact().tick()
    now = time.monotonic()
    if now - _strips_looked_at > STRIPS:
        _strips_looked_at = now
        for cleaning in cleanings():
            cleaning.look_after_strip()
    for cleaning in cleanings():
        changed = _beat(cleaning) or changed
    if changed:
        redraw()
    return BUSY if any(cleaning.standing.active for cleaning in cleanings()) else IDLE


def _beat(cleaning: Cleaning) -> bool:
    """A fault of ours ends the cleaning that it befell, not the timer and with it all others."""
    try:
        return cleaning.tick()
    except Exception as error:
        traceback.print_exc()
        cleaning.break_off(f"{type(error).__name__}: {error}")
        return True


def _look_at_settings() -> None:
    """Another engine was chosen: what was said of the former one holds no more."""
    global _chosen
    if preferences.chosen() != _chosen:
        _chosen = preferences.chosen()
        contact().look_again()


def redraw() -> None:
    """Draw the sequencers anew, and nothing else."""
    for window in bpy.context.window_manager.windows:
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


def start() -> None:
    """Begin to beat."""
    for handlers, handler in _handlers():
        handlers.append(handler)
    bpy.app.timers.register(tick, first_interval=BUSY, persistent=True)


def stop() -> None:
    """Stop, and leave nothing behind. Jobs go on with the engine."""
    global _contact
    for handlers, handler in _handlers():
        if handler in handlers:
            handlers.remove(handler)
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    _let_go()
    if _contact is not None:
        _contact.close()
        _contact = None


def _handlers() -> list[tuple[list[Any], Any]]:
    told = bpy.app.handlers
    return [
        (told.load_pre, _leave_file),
        (told.load_post, _enter_file),
        (told.undo_post, _after_undo),
        (told.redo_post, _after_undo),
    ]


def _let_go() -> None:
    for cleaning in cleanings():
        cleaning.close()
    _cleanings.clear()


@persistent
def _leave_file(*_: Any) -> None:
    """Another file is about to be opened: jobs go on, and are found again when this one is opened."""
    _let_go()


@persistent
def _enter_file(*_: Any) -> None:
    """Find the jobs again that were not over when this file was saved."""
    for strip, kept in unfinished():
        cleaning = Cleaning(contact(), strip.aan.uid, strip.name, kept)
        _cleanings[strip.aan.uid] = cleaning
        cleaning.go_on()


@persistent
def _after_undo(*_: Any) -> None:
    """What the artist undid is undone; frames that came meanwhile are not."""
    for cleaning in cleanings():
        cleaning.after_undo()
