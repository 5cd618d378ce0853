"""The status of a job as a host shows it: one frozen value for panels, and how the engine's messages change it.

Pure: it knows no connection, no clock and no GUI toolkit. The frames are counted by `host_job`.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, replace
from typing import Dict, Optional, Tuple

from .client_events import EngineMessage
from .controls import BY_NAME
from .protocol import Cancelled, Failed, Finished, FrameReady, JobState, Progress
from .sequence import frame_path


class JobPhase(enum.Enum):
    """The phase of a job, in words for the artist."""

    IDLE = "nothing to do"
    STARTING = "starting the engine"
    SUBMITTING = "handing over the job"
    QUEUED = "waiting for its turn"
    RUNNING = "in work"
    CANCELLING = "stopping after this frame"
    FINISHED = "finished"
    CANCELLED = "cancelled"
    FAILED = "failed"
    LOST = "interrupted"
    ABSENT = "no engine"


ACTIVE_PHASES = frozenset(
    {JobPhase.STARTING, JobPhase.SUBMITTING, JobPhase.QUEUED, JobPhase.RUNNING, JobPhase.CANCELLING}
)
"""The phases in which there is something to cancel and nothing to start."""


@dataclass(frozen=True)
class JobStatus:
    """Everything that a panel shows of a job.

    `reason` and `hint` describe what ended the job or holds it up. `stage` with `step` of `steps` is the engine's
    progress. `frames` of `total` lie on disk, at `path(frame)`. `seconds_left` is None while there is no estimate.
    `unseen` (0 .. 1), `worst` (the worst first), `report` (a JSON file, its picture beside it), `keys` (the frames
    that are worth painting by hand), `residue` and `grow` are known once the job is finished: see `Finished`.
    `release` is the engine's version. `inputs` is what the engine understood of plates and matte, and `warnings` what
    seems wrong with them, each a sentence.
    """

    phase: JobPhase = JobPhase.IDLE
    reason: str = ""
    hint: str = ""
    job: str = ""
    output: str = ""
    stage: str = ""
    step: int = 0
    steps: int = 0
    frames: Tuple[int, ...] = ()
    total: int = 0
    seconds_left: Optional[int] = None
    unseen: float = 0.0
    worst: Tuple[int, ...] = ()
    report: str = ""
    keys: Tuple[int, ...] = ()
    release: str = ""
    inputs: str = ""
    warnings: Tuple[str, ...] = ()
    residue: int = 0
    grow: float = 0.0

    @property
    def shown_warnings(self) -> Tuple[str, ...]:
        """The warnings, and for a matte that turned out too tight one that names the control which takes it in."""
        if not self.residue:
            return self.warnings
        pixels = "1 pixel" if self.residue == 1 else f"{self.residue} pixels"
        tight = f"the object seems to reach {pixels} beyond the matte: {BY_NAME['grow'].label} {self.grow:g}"
        return (*self.warnings, tight)

    @property
    def active(self) -> bool:
        """Whether the job is under way."""
        return self.phase in ACTIVE_PHASES

    @property
    def done(self) -> int:
        """How many frames lie on disk."""
        return len(self.frames)

    def path(self, frame: int) -> str:
        """The path of a frame, whether it exists yet or not."""
        return frame_path(self.output, frame)

    def with_phase(self, phase: JobPhase, reason: str = "", hint: str = "", **more: object) -> JobStatus:
        """The same job in this phase; the earlier reason and hint are dropped."""
        return replace(self, phase=phase, reason=reason, hint=hint, **more)  # type: ignore[arg-type]

    def with_state(self, state: JobState) -> JobStatus:
        """The status after the engine has sent the job's state."""
        phase = _PHASES.get(state.state, JobPhase.RUNNING)
        return self.with_phase(phase, state.reason, state.hint, **_fields_of(state))

    def with_event(self, event: EngineMessage) -> JobStatus:
        """The status after this event of the job."""
        if isinstance(event, Progress):
            phase = self.phase if event.stage == QUEUED else self._working
            told = replace(self, inputs=event.inputs, warnings=event.warnings)
            return told.with_phase(phase, stage=event.stage, step=event.done, steps=event.total)
        if isinstance(event, FrameReady):
            return self.with_phase(self._working)
        if isinstance(event, Finished):
            return self.with_phase(JobPhase.FINISHED, **{name: getattr(event, name) for name in _OF_A_REPORT})
        if isinstance(event, Cancelled):
            return self.with_phase(JobPhase.CANCELLED, "stopped; what is finished stays")
        if isinstance(event, Failed):
            return self.with_phase(JobPhase.FAILED, event.reason, event.hint)
        return self

    @property
    def _working(self) -> JobPhase:
        return JobPhase.CANCELLING if self.phase is JobPhase.CANCELLING else JobPhase.RUNNING


QUEUED = "queued"
"""The stage of a job that waits: its `steps` are the jobs that come first."""

_OF_A_REPORT = ("unseen", "worst", "report", "keys", "inputs", "warnings", "residue", "grow")
_PHASES = {phase.name.lower(): phase for phase in JobPhase}


def _fields_of(state: JobState) -> Dict[str, object]:
    """The fields that a job's state sets, besides its phase."""
    fields = ("job", "output", "stage", "step", "steps", "total", *_OF_A_REPORT)
    return {name: getattr(state, name) for name in fields}
