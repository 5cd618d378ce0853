"""The node's texts about its job and the engine, one line each. Imports no Nuke."""

from __future__ import annotations

from typing import List

from .host.engine_monitor import EngineState, Presence
from .host.job_status import QUEUED, JobPhase, JobStatus

STAGES = {
    "look": "looking at the shot",
    "align": "aligning pairs of frames",
    "key": "making up what no frame shows",
    "decide": "deciding where from",
    "fill": "filling",
}


def job_text(status: JobStatus, *, waiting: int = 0) -> str:
    """A job's state, with what seems wrong, and at the end what was understood; `waiting` is how many jobs follow."""
    text = with_reason(progress_text(status, waiting=waiting), status.reason, status.hint)
    understood = _understood(status)
    return "; ".join([text.rstrip("."), *understood]) if understood else text


def progress_text(status: JobStatus, *, waiting: int = 0) -> str:
    """How far a job is."""
    parts = [status.phase.value.capitalize()]
    if status.total and status.phase is not JobPhase.FINISHED:
        parts.append(f"{status.done} of {status.total} frames")
    if status.phase is JobPhase.QUEUED and status.stage == QUEUED and status.steps:
        parts.append(f"behind {status.steps} {'job' if status.steps == 1 else 'jobs'}")
    if status.phase is JobPhase.RUNNING and status.stage and not status.done:
        parts.append(f"{STAGES.get(status.stage, status.stage)} {status.step} of {status.steps}")
    if status.seconds_left is not None:
        parts.append(f"about {duration(status.seconds_left)} left")
    if waiting and status.active:
        parts.append(f"{waiting} more to come")
    return ", ".join(parts)


def _understood(status: JobStatus) -> List[str]:
    inputs = [status.inputs] if status.inputs and not status.active else []
    return [*inputs, *(f"warning: {warning}" for warning in status.shown_warnings)]


def engine_text(engine: EngineState) -> str:
    """The engine's state, and why it is not ready."""
    if engine.presence is Presence.READY:
        return f"ready {engine.release}".strip()
    return with_reason(engine.presence.value, engine.reason, engine.hint)


def percent_done(status: JobStatus) -> int:
    """The share that is done, in percent."""
    if status.done or status.stage == "fill":
        return int(100 * status.done / status.total) if status.total else 0
    return 0


def duration(seconds: int) -> str:
    """`45 s`, `4 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def with_reason(head: str, reason: str, hint: str) -> str:
    """A heading, a reason and a hint in one line."""
    text = f"{head}: {reason}" if reason and reason != head else head
    return f"{text}. {hint}" if hint else text
