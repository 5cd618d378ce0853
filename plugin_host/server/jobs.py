"""Jobs and the moves between their states. Pure: no socket, no clock, no process, no file.

QUEUED ---start---> RUNNING ---finish---> FINISHED
   |                 |   |
   |               cancel fail
 cancel              |   +--------------> FAILED
   |                 v
   |             CANCELLING ---stop-----> CANCELLED
   +--------------------------------------^
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from ..protocol import JobSpec, JobState
from .report_files import NO_REPORT, ReportSummary

MAX_ENDED_JOBS = 200  # ended jobs, so that an engine may run for months


class RunState(enum.Enum):
    """Where a job stands."""

    QUEUED = "queued"
    """Accepted, and waiting for its turn."""

    RUNNING = "running"
    """Frames are being made, or handed out from the cache."""

    CANCELLING = "cancelling"
    """The artist said stop; the frame in work is still being finished."""

    FINISHED = "finished"
    """All frames lie on disk."""

    CANCELLED = "cancelled"
    """Stopped by the artist; the frames that were finished stay."""

    FAILED = "failed"
    """Stopped by an error; the frames that were finished stay, unless what they were made from changed."""


class Transition(enum.Enum):
    """What can happen to a job."""

    START = "start"
    CANCEL = "cancel"
    STOP = "stop"
    FINISH = "finish"
    FAIL = "fail"


TRANSITIONS: dict[tuple[RunState, Transition], RunState] = {
    (RunState.QUEUED, Transition.START): RunState.RUNNING,
    (RunState.QUEUED, Transition.CANCEL): RunState.CANCELLED,
    (RunState.QUEUED, Transition.FAIL): RunState.FAILED,
    (RunState.RUNNING, Transition.CANCEL): RunState.CANCELLING,
    (RunState.RUNNING, Transition.FINISH): RunState.FINISHED,
    (RunState.RUNNING, Transition.FAIL): RunState.FAILED,
    (RunState.CANCELLING, Transition.CANCEL): RunState.CANCELLING,
    (RunState.CANCELLING, Transition.STOP): RunState.CANCELLED,
    (RunState.CANCELLING, Transition.FINISH): RunState.FINISHED,  # the last frame was in work when the artist said stop
    (
        RunState.CANCELLING,
        Transition.FAIL,
    ): RunState.CANCELLED,  # what goes wrong while stopping is nobody's concern any more
}
ENDED = frozenset({RunState.FINISHED, RunState.CANCELLED, RunState.FAILED})


class IllegalTransition(Exception):
    """A move that the table does not know: a fault in the engine, never in what a host asked for."""


@dataclass
class Job:
    """One accepted job. `output` is the pattern of its result, `key` its place in the cache, `total` its frames."""

    name: str
    spec: JobSpec
    output: str
    key: str
    total: int
    state: RunState = RunState.QUEUED
    frames: set[int] = field(default_factory=set)
    stage: tuple[str, int, int] = ("", 0, 0)
    failure: tuple[str, str, str] = ("", "", "")
    summary: ReportSummary = NO_REPORT

    @property
    def ended(self) -> bool:
        """Whether nothing more will happen to it."""
        return self.state in ENDED

    def apply(self, transition: Transition) -> RunState:
        """Make a move.

        Raises:
            IllegalMove: when the table does not know it from here.
        """
        try:
            self.state = TRANSITIONS[self.state, transition]
        except KeyError:
            raise IllegalTransition(f"job {self.name} is {self.state.value}: it cannot {transition.value}") from None
        return self.state

    def to_job_state(self) -> JobState:
        """The job as a host sees it."""
        stage, step, steps = self.stage
        code, reason, hint = self.failure
        return JobState(
            job=self.name,
            state=self.state.value,
            plate=self.spec.plate,
            output=self.output,
            done=len(self.frames),
            total=self.total,
            stage=stage,
            step=step,
            steps=steps,
            code=code,
            reason=reason,
            hint=hint,
            unseen=self.summary.unseen,
            worst=self.summary.worst,
            report=self.summary.report,
        )


class JobTable:
    """All jobs in the order in which they came. `session` goes into their names: a name means one job, for ever."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._count = 0
        self._jobs: dict[str, Job] = {}

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def get(self, name: str) -> Job | None:
        """The job of that name, if it is remembered."""
        return self._jobs.get(name)

    def add(self, spec: JobSpec, *, output: str, key: str, total: int) -> Job:
        """Queue a job; the oldest of very many ended ones is forgotten."""
        self._count += 1
        job = Job(f"{self._session[:6]}-{self._count}", spec, output, key, total)
        self._jobs[job.name] = job
        ended = [old.name for old in self if old.ended]
        for name in ended[: max(0, len(ended) - MAX_ENDED_JOBS)]:
            del self._jobs[name]
        return job

    def next(self) -> Job | None:
        """The job that has waited longest."""
        return next((job for job in self if job.state is RunState.QUEUED), None)
