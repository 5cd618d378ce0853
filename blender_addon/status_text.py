"""The panel's texts, made from the engine's and the job's state. Needs no window."""

from __future__ import annotations

from dataclasses import dataclass, replace

from .plugin_host.engine_monitor import EngineState, Presence
from .plugin_host.job_status import QUEUED, JobPhase, JobStatus
from .saved_state import SavedState

MAX_CHARACTERS = 46  # characters that fit into a sidebar of the default width

STAGES = {
    "look": "looking at the shot",
    "align": "aligning pairs of frames",
    "key": "making up what no frame shows",
    "decide": "deciding where from",
    "fill": "filling",
}


@dataclass(frozen=True)
class StatusLine:
    """One line of the panel; `icon` is the name of a Blender icon."""

    text: str
    icon: str = "NONE"


def engine_lines(engine: EngineState) -> list[StatusLine]:
    """The engine's state, and why it is not ready."""
    if engine.presence is Presence.READY:
        return [StatusLine(f"Engine {engine.release} is ready".replace("  ", " "), "CHECKMARK")]
    icon = "TIME" if engine.presence in (Presence.STARTING, Presence.UNKNOWN) else "ERROR"
    head = {Presence.ASLEEP: "Engine is installed, not running"}.get(engine.presence, f"Engine {engine.presence.value}")
    if engine.presence is Presence.ASLEEP:
        return [StatusLine(head, "PAUSE")]
    return [StatusLine(head, icon), *_wrap(engine.reason), *_wrap(engine.hint)]


def job_lines(status: JobStatus, *, note: str = "", note_hint: str = "") -> list[StatusLine]:
    """A job's state, with its reason and hint."""
    icons = {JobPhase.FINISHED: "CHECKMARK", JobPhase.FAILED: "ERROR", JobPhase.LOST: "ERROR", JobPhase.ABSENT: "ERROR"}
    icon = icons.get(status.phase, "TIME" if status.active else "INFO")
    lines = [StatusLine(status.phase.value.capitalize(), icon)]
    if status.phase is JobPhase.FINISHED:
        lines += [_synthesised(status.unseen)] if status.total else []
    lines += _understood(status.inputs, status.shown_warnings)
    for text in (status.reason, status.hint, note, note_hint):
        lines += _wrap(text)
    return lines


def saved_lines(state: SavedState) -> list[StatusLine]:
    """A job of an earlier session of Blender."""
    phase = JobPhase[state.phase] if state.phase in JobPhase.__members__ else JobPhase.LOST
    lines = [StatusLine(f"{phase.value.capitalize()}, in an earlier session", "INFO"), *_wrap(state.reason)]
    lines += [_synthesised(state.unseen)] if phase is JobPhase.FINISHED else []
    return lines + _understood(state.inputs, state.warnings)


def _understood(inputs: str, warnings: tuple[str, ...]) -> list[StatusLine]:
    """What the engine understood of plates and matte, and what seems wrong with them."""
    lines = _wrap(inputs)
    for warning in warnings:
        first, *rest = _wrap(f"Warning: {warning}")
        lines += [replace(first, icon="ERROR"), *rest]
    return lines


def progress_bar(status: JobStatus) -> tuple[float, str] | None:
    """The share that is done, 0 .. 1, and the bar's text; None where there is no bar."""
    if not status.active:
        return None
    stage = STAGES.get(status.stage, status.stage)
    if status.done or status.stage == "fill":
        share = status.done / status.total if status.total else 0.0
        text = f"{status.done} of {status.total} frames"
        return share, text if status.seconds_left is None else f"{text}, {time_left(status.seconds_left)}"
    if status.stage == QUEUED:
        return 0.0, f"behind {status.steps} {'job' if status.steps == 1 else 'jobs'}" if status.steps else "waiting"
    share = status.step / status.steps if status.steps else 0.0
    return share, f"{stage} {status.step}/{status.steps}" if status.steps else status.phase.value


def time_left(seconds: int) -> str:
    """As `0:35 left`, `1:20:00 left`."""
    minutes, rest = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{rest:02d} left" if hours else f"{minutes}:{rest:02d} left"


def worst_frames(worst: tuple[int, ...], state: SavedState, start: int) -> list[int]:
    """The frames to look at first, as timeline frames; `start` is where the strip's content begins."""
    index_of = {frame: index for index, frame in enumerate(state.frames)}
    return [start + state.offset + index_of[frame] for frame in worst if frame in index_of]


def _synthesised(unseen: float) -> StatusLine:
    return StatusLine(f"{unseen:.1%} of it no frame showed: synthesised")


def _wrap(text: str) -> list[StatusLine]:
    """A sentence in as many lines as needed; a path is never broken."""
    lines: list[str] = []
    for word in text.split():
        if lines and len(lines[-1]) + len(word) < MAX_CHARACTERS:
            lines[-1] += f" {word}"
        else:
            lines.append(word)
    return [StatusLine(line) for line in lines]
