"""A strip's job as saved in the .blend file, in the property `record`: how to reconnect, and the outcome."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .plugin_host import job_handle
from .plugin_host.codec import from_json, to_json
from .plugin_host.errors import ProtocolError
from .plugin_host.job_status import JobPhase


@dataclass(frozen=True)
class SavedState:
    """One job. The fields' names are those of the saved JSON and must not change.

    Args:
        ticket: the job, to reconnect to it.
        frames: the engine's frame number of each timeline frame that the strip showed, in the timeline's order.
        offset: from the start of the strip's content to the first of them.
        own: whether the plates are the strip's own files, so that the result copies its transform and the like.
        linear: whether the result has the strip's own colour space.
        alpha: whether the plates have an alpha channel.
        preview: whether it was for one frame only.
        placed: whether its result was put on the timeline; a result that the artist deleted does not come back.
        phase: the name of the last `JobPhase`.
        overlay: whether the result lies over its strip with alpha, and does not replace it.
        inputs, warnings: what the engine understood, and what seems wrong, as in `JobStatus`.
    """

    ticket: job_handle.JobHandle
    frames: tuple[int, ...]
    offset: int
    own: bool = True
    linear: bool = True
    alpha: bool = False
    preview: bool = False
    placed: bool = False
    phase: str = JobPhase.STARTING.name
    reason: str = ""
    unseen: float = 0.0
    worst: tuple[int, ...] = ()
    report: str = ""
    overlay: bool = False
    inputs: str = ""
    warnings: tuple[str, ...] = ()

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing to reconnect to."""
        return self.phase in {phase.name for phase in (JobPhase.FINISHED, JobPhase.CANCELLED, JobPhase.FAILED)}

    def to_text(self) -> str:
        """The JSON to be saved."""
        return json.dumps(to_json(self), separators=(",", ":"))


def parse(text: str) -> SavedState | None:
    """The state from saved text; None where there is none or it cannot be read, as from a newer version."""
    try:
        return from_json(SavedState, json.loads(text)) if text else None
    except (ValueError, ProtocolError):
        return None
