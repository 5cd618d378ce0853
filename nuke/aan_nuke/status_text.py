"""What the node says of the work and of the engine, in one line each. Knows no node."""

from __future__ import annotations

from .host.contact import EngineState, Presence
from .host.standing import Phase, Standing

STAGES = {"look": "looking at the shot", "decide": "deciding where from", "fill": "filling"}


def of_work(standing: Standing, *, waiting: int = 0) -> str:
    """How a job stands; `waiting` more come after it."""
    parts = [standing.phase.value.capitalize()]
    if standing.total and standing.phase is not Phase.FINISHED:
        parts.append(f"{standing.done} of {standing.total} frames")
    if standing.phase is Phase.RUNNING and standing.stage and not standing.done:
        parts.append(f"{STAGES.get(standing.stage, standing.stage)} {standing.step} of {standing.steps}")
    if standing.seconds_left is not None:
        parts.append(f"about {duration(standing.seconds_left)} left")
    if waiting and standing.active:
        parts.append(f"{waiting} more to come")
    return sentence(", ".join(parts), standing.reason, standing.hint)


def of_engine(engine: EngineState) -> str:
    """Whether there is an engine, and why not."""
    if engine.presence is Presence.READY:
        return f"ready {engine.release}".strip()
    return sentence(engine.presence.value, engine.reason, engine.hint)


def share(of_work: Standing) -> int:
    """How much is done, in percent."""
    if of_work.done or of_work.stage == "fill":
        return int(100 * of_work.done / of_work.total) if of_work.total else 0
    return 0


def duration(seconds: int) -> str:
    """`45 s`, `4 min`, `2 h 5 min`."""
    if seconds < 90:
        return f"{seconds} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 90 else f"{minutes // 60} h {minutes % 60} min"


def sentence(head: str, reason: str, hint: str) -> str:
    """A head, a reason and a hint as one line of text."""
    said = f"{head}: {reason}" if reason and reason != head else head
    return f"{said}. {hint}" if hint else said
