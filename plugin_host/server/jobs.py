"""Jobs and the transitions between their states. Pure: no socket, no clock, no process, no file.

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

MAX_ENDED_JOBS = 200  # limits memory, as an engine may run for months


class RunState(enum.Enum):
    """The state of a job."""

    QUEUED = "queued"
    """Accepted, and waiting for its turn."""

    RUNNING = "running"
    """Frames are being rendered, or delivered from the cache."""

    CANCELLING = "cancelling"
    """Cancelled by the artist; the current frame is still being finished."""

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
    (RunState.CANCELLING, Transition.FINISH): RunState.FINISHED,  # it was the last frame
    (
        RunState.CANCELLING,
        Transition.FAIL,
    ): RunState.CANCELLED,  # what goes wrong while stopping is nobody's concern any more
}
ENDED = frozenset({RunState.FINISHED, RunState.CANCELLED, RunState.FAILED})


class IllegalTransition(Exception):
    """A transition that the table does not allow: a bug in the engine, never a host's mistake."""


@dataclass
class Job:
    """One accepted job. `output` is the pattern of its result, `key` its cache key, `total` its number of frames.

    `submitted_at` and `ended_at` are Unix times in seconds, 0 where unknown or to come. `inputs` and `warnings` are
    what the engine understood of its files, `share` how much of it is done, 0 .. 1. `writes` are the full paths of the
    files that it writes beside the cache.
    """

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
    submitted_at: float = 0.0
    ended_at: float = 0.0
    inputs: str = ""
    warnings: tuple[str, ...] = ()
    share: float = 0.0
    writes: frozenset[str] = frozenset()

    @property
    def ended(self) -> bool:
        """Whether the job is over."""
        return self.state in ENDED

    @property
    def understood(self) -> tuple[str, tuple[str, ...]]:
        """What was understood of its inputs, and what seems wrong: by its report, else by the look before it began."""
        if self.summary.inputs:
            return self.summary.inputs, self.summary.warnings
        return self.inputs, self.warnings

    def apply(self, transition: Transition) -> RunState:
        """Apply a transition; returns the new state.

        Raises:
            IllegalTransition: when the table does not allow it in this state.
        """
        try:
            self.state = TRANSITIONS[self.state, transition]
        except KeyError:
            raise IllegalTransition(f"job {self.name} is {self.state.value}: it cannot {transition.value}") from None
        return self.state

    def to_job_state(self) -> JobState:
        """The job's state in the protocol's form."""
        stage, step, steps = self.stage
        code, reason, hint = self.failure
        inputs, warnings = self.understood
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
            keys=self.summary.keys,
            residue=self.summary.residue,
            grow=self.summary.grow,
            inputs=inputs,
            warnings=warnings,
            share=1.0 if self.state is RunState.FINISHED else self.share,
            submitted=self.submitted_at,
            ended=self.ended_at,
        )


class JobTable:
    """All jobs in order of arrival. Their names contain the `session`, so that a name is never used twice."""

    def __init__(self, session: str) -> None:
        self._session = session
        self._count = 0
        self._jobs: dict[str, Job] = {}

    def __iter__(self) -> Iterator[Job]:
        return iter(self._jobs.values())

    def get(self, name: str) -> Job | None:
        """The job of that name, if it is remembered."""
        return self._jobs.get(name)

    def writer_of(self, files: frozenset[str], *, key: str) -> Job | None:
        """The job that is not over and writes one of these files, unless it has this very key: the same pixels."""
        open_jobs = (job for job in self if not job.ended)
        return next((job for job in open_jobs if job.key != key and job.writes & files), None)

    def add(
        self,
        spec: JobSpec,
        *,
        output: str,
        key: str,
        total: int,
        now: float = 0.0,
        writes: frozenset[str] = frozenset(),
    ) -> Job:
        """Queue a job at this Unix time. Beyond `MAX_ENDED_JOBS`, the oldest ended jobs are forgotten."""
        self._count += 1
        name = f"{self._session[:6]}-{self._count}"
        job = Job(name, spec, output, key, total, submitted_at=now, writes=writes)
        self._jobs[job.name] = job
        ended = [old.name for old in self if old.ended]
        for name in ended[: max(0, len(ended) - MAX_ENDED_JOBS)]:
            del self._jobs[name]
        return job

    def next(self) -> Job | None:
        """The job that has waited longest."""
        return next((job for job in self if job.state is RunState.QUEUED), None)
