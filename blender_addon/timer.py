"""The add-on's only timer: polls the engine and every job, and redraws the sequencers when something changed.

All state that lives longer than one tick is here: the connection to the engine, and the jobs by the ids of their
strips. `start()` and `stop()` are called by the add-on's registration; after `stop()` nothing is left.
"""

from __future__ import annotations

import time
import traceback
from typing import Any

import bpy
from bpy.app.handlers import persistent

from . import compat, job_spec, preferences
from .plugin_host.engine_monitor import EngineMonitor
from .plugin_host.errors import HostError
from .strip_job import StripJob, unfinished_strips

BUSY_INTERVAL, IDLE_INTERVAL = 0.1, 0.5  # seconds between two ticks
STRIP_CHECK_INTERVAL = 1.0  # seconds between two checks for deleted and renamed strips

_monitor: EngineMonitor | None = None
_jobs: dict[str, StripJob] = {}
_strips_checked_at = 0.0
_engine_setting = ""


def engine_monitor() -> EngineMonitor:
    """This Blender's connection to the engine."""
    global _monitor
    if _monitor is None:
        _monitor = EngineMonitor(name=f"Blender {bpy.app.version_string}", python=preferences.engine_python)
    return _monitor


def jobs() -> list[StripJob]:
    """All jobs that were started or reconnected since the file was opened, the oldest first."""
    return list(_jobs.values())


def job_of(strip: Any) -> StripJob | None:
    """The job of a strip."""
    found = _jobs.get(strip.aan.uid)
    return None if found is None or found.abandoned else found


def start_job(scene: bpy.types.Scene, strip: Any, *, only: int | None = None) -> StripJob:
    """Start a job for a strip, or for one timeline frame of it.

    Raises:
        HostError: when it cannot be done, with the reason and a hint.
    """
    running = job_of(strip)
    if running is not None and running.status.active:
        raise HostError(f"{strip.name} is being cleaned already", hint="Cancel it first.")
    uid = job_spec.ensure_uid(scene, strip)
    prepared = job_spec.prepare(scene, strip, only=only)
    job = StripJob(engine_monitor(), uid, strip.name, prepared.state)
    if running is not None:
        running.close()
    job.start(prepared)
    strip.aan.record = prepared.state.to_text()  # before the undo step, so that undoing a later one keeps it
    _jobs[uid] = job
    return job


def tick() -> float:
    """Poll once; returns the seconds until the next call."""
    global _strips_checked_at
    _check_engine_setting()
    changed = engine_monitor().tick()
    now = time.monotonic()
    if now - _strips_checked_at > STRIP_CHECK_INTERVAL:
        _strips_checked_at = now
        for job in jobs():
            job.check_strip()
    for job in jobs():
        changed = _tick_job(job) or changed
    if changed:
        redraw_sequencers()
    return BUSY_INTERVAL if any(job.status.active for job in jobs()) else IDLE_INTERVAL


def _tick_job(job: StripJob) -> bool:
    """Poll one job. An exception ends this job, not the timer and with it all other jobs."""
    try:
        return job.tick()
    except Exception as error:
        traceback.print_exc()
        job.fail(f"{type(error).__name__}: {error}")
        return True


def _check_engine_setting() -> None:
    """Look for the engine again when the preferences name another one."""
    global _engine_setting
    if preferences.engine_setting() != _engine_setting:
        _engine_setting = preferences.engine_setting()
        engine_monitor().look_again()


def redraw_sequencers() -> None:
    """Redraw all sequencer areas, and nothing else."""
    for window in compat.windows():
        for area in window.screen.areas:
            if area.type == "SEQUENCE_EDITOR":
                area.tag_redraw()


def start() -> None:
    """Register the handlers and the timer."""
    for handlers, handler in _handlers():
        handlers.append(handler)
    bpy.app.timers.register(tick, first_interval=BUSY_INTERVAL, persistent=True)


def stop() -> None:
    """Unregister the handlers and the timer, and close the connection. The engine's jobs go on."""
    global _monitor
    for handlers, handler in _handlers():
        if handler in handlers:
            handlers.remove(handler)
    if bpy.app.timers.is_registered(tick):
        bpy.app.timers.unregister(tick)
    _close_jobs()
    if _monitor is not None:
        _monitor.close()
        _monitor = None


def _handlers() -> list[tuple[list[Any], Any]]:
    handlers = bpy.app.handlers
    return [
        (handlers.load_pre, _on_load_pre),
        (handlers.load_post, _on_load_post),
        (handlers.undo_post, _on_undo),
        (handlers.redo_post, _on_undo),
    ]


def _close_jobs() -> None:
    for job in jobs():
        job.close()
    _jobs.clear()


@persistent
def _on_load_pre(*_: Any) -> None:
    """Another file is about to be opened: jobs go on, and are reconnected when this one is opened again."""
    _close_jobs()


@persistent
def _on_load_post(*_: Any) -> None:
    """Reconnect to the jobs that had not ended when this file was saved."""
    for strip, state in unfinished_strips():
        job = StripJob(engine_monitor(), strip.aan.uid, strip.name, state)
        _jobs[strip.aan.uid] = job
        job.reconnect()


@persistent
def _on_undo(*_: Any) -> None:
    """Undo changes what the artist did, not the frames that were written meanwhile."""
    for job in jobs():
        job.after_undo()
