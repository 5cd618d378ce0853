"""What the file remembers of a strip's cleaning, as one text: how to find the job again, and what came of it."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .plugin_host import job_handle
from .plugin_host.codec import from_json, to_json
from .plugin_host.errors import ProtocolError
from .plugin_host.job_status import JobPhase


@dataclass(frozen=True)
class Record:
    """One cleaning.

    Args:
        ticket: the job, to be asked for again.
        frames: the engine's number of each timeline frame that the strip showed, in the timeline's order.
        offset: from the start of the strip's content to the first of them.
        own: whether the plates are the strip's own files, so that the result takes over its transform and the like.
        linear: whether the result is in the strip's own colour space.
        alpha: whether the plates have an alpha of their own.
        preview: whether it was for one frame only.
        placed: whether its result was put on the timeline; what the artist took away does not come back.
        phase: the name of the `JobPhase` in which it was left.
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

    @property
    def is_over(self) -> bool:
        """Whether there is nothing to go on with."""
        return self.phase in {phase.name for phase in (JobPhase.FINISHED, JobPhase.CANCELLED, JobPhase.FAILED)}

    def text(self) -> str:
        """As text to be stored."""
        return json.dumps(to_json(self), separators=(",", ":"))


def read(text: str) -> Record | None:
    """The record in a text; None where there is none that can be read, as of a newer version."""
    try:
        return from_json(Record, json.loads(text)) if text else None
    except (ValueError, ProtocolError):
        return None
