"""What the panel says, as lines of text: told from the engine's state and a cleaning's, without a window."""

from __future__ import annotations

from dataclasses import dataclass

from .plugin_host.contact import EngineState, Presence
from .plugin_host.standing import Phase, Standing
from .saved_state import Record

WIDEST = 46  # characters that a sidebar shows without being pulled wider

STAGES = {"look": "looking at the shot", "decide": "deciding where from", "fill": "filling"}


@dataclass(frozen=True)
class Line:
    """One line of the panel; `icon` is one of Blender's."""

    text: str
    icon: str = "NONE"


def of_engine(engine: EngineState) -> list[Line]:
    """The engine, and why it is not ready."""
    if engine.presence is Presence.READY:
        return [Line(f"Engine {engine.release} is ready".replace("  ", " "), "CHECKMARK")]
    icon = "TIME" if engine.presence in (Presence.STARTING, Presence.UNKNOWN) else "ERROR"
    head = {Presence.ASLEEP: "Engine is installed, not running"}.get(engine.presence, f"Engine {engine.presence.value}")
    if engine.presence is Presence.ASLEEP:
        return [Line(head, "PAUSE")]
    return [Line(head, icon), *_wrapped(engine.reason), *_wrapped(engine.hint)]


def of_cleaning(standing: Standing, *, note: str = "", note_hint: str = "") -> list[Line]:
    """How a cleaning stands, with its reason and what to do."""
    icons = {Phase.FINISHED: "CHECKMARK", Phase.FAILED: "ERROR", Phase.LOST: "ERROR", Phase.ABSENT: "ERROR"}
    lines = [Line(standing.phase.value.capitalize(), icons.get(standing.phase, "TIME" if standing.active else "INFO"))]
    if standing.phase is Phase.FINISHED:
        lines += [_made_up(standing.unseen)] if standing.total else []
    for text in (standing.reason, standing.hint, note, note_hint):
        lines += _wrapped(text)
    return lines


def of_record(record: Record) -> list[Line]:
    """A cleaning of an earlier session of Blender."""
    phase = Phase[record.phase] if record.phase in Phase.__members__ else Phase.LOST
    lines = [Line(f"{phase.value.capitalize()}, in an earlier session", "INFO"), *_wrapped(record.reason)]
    return lines + ([_made_up(record.unseen)] if phase is Phase.FINISHED else [])


def progress(standing: Standing) -> tuple[float, str] | None:
    """How much is done, 0 .. 1, and the words on the bar; None where there is no bar to show."""
    if not standing.active:
        return None
    stage = STAGES.get(standing.stage, standing.stage)
    if standing.done or standing.stage == "fill":
        share = standing.done / standing.total if standing.total else 0.0
        words = f"{standing.done} of {standing.total} frames"
        return share, words if standing.seconds_left is None else f"{words}, {time_left(standing.seconds_left)}"
    share = standing.step / standing.steps if standing.steps else 0.0
    return share, f"{stage} {standing.step}/{standing.steps}" if standing.steps else standing.phase.value


def time_left(seconds: int) -> str:
    """As `0:35 left`, `1:20:00 left`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} left" if hours else f"{minutes}:{rest:02d} left"


def worst_frames(worst: tuple[int, ...], record: Record, start: int) -> list[int]:
    """The frames to look at first, as the timeline numbers them; `start` is where the strip's content begins."""
    index_of = {frame: index for index, frame in enumerate(record.frames)}
    return [start + record.offset + index_of[frame] for frame in worst if frame in index_of]


def _made_up(unseen: float) -> Line:
    return Line(f"{unseen:.1%} of it no frame showed: made up")


def _wrapped(text: str) -> list[Line]:
    """A sentence in as many lines as it needs; a path is never broken."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < WIDEST:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [Line(line) for line in lines]
