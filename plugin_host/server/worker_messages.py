"""The messages between the broker and its worker process, as they cross the pipe."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol import JobSpec
from .report_files import NO_REPORT, ReportSummary

# Commands of the broker


@dataclass(frozen=True)
class RunJob:
    """Run this job. `key` is the cache key at its acceptance: if the files give another one by now, the job fails."""

    job: str
    spec: JobSpec
    output: str | None
    key: str


@dataclass(frozen=True)
class StopJob:
    """Stop this job after the current frame."""

    job: str


@dataclass(frozen=True)
class KeepCached:
    """From now on, don't evict these keys: they belong to jobs that are not over."""

    keys: tuple[str, ...]


# Reports to the broker


@dataclass(frozen=True)
class WorkerReady:
    """The engine is loaded. `identity` is what decides its pixels: version, weights, libraries, kind of device."""

    identity: str


@dataclass(frozen=True)
class StepDone:
    """The engine has done `done` of `total` steps of a stage, and of the whole job this `share`, 0 .. 1."""

    job: str
    stage: str
    done: int
    total: int
    share: float = 0.0


@dataclass(frozen=True)
class InputsRead:
    """What the engine understood of the job's inputs, before it computes anything: see the protocol's `Progress`."""

    job: str
    inputs: str
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class FrameWritten:
    """A frame lies on disk under its final name."""

    job: str
    frame: int
    path: str


@dataclass(frozen=True)
class JobCompleted:
    """All frames of the job lie on disk, and so does its report, if it has one."""

    job: str
    summary: ReportSummary = NO_REPORT


@dataclass(frozen=True)
class JobStopped:
    """The job was stopped as requested."""

    job: str


@dataclass(frozen=True)
class JobFailed:
    """The job ended early. `code`, `reason` and `hint` as in the protocol's `Failed`."""

    job: str
    code: str
    reason: str
    hint: str


@dataclass(frozen=True)
class WorkerExiting:
    """The worker is about to exit for this reason, and its job fails."""

    code: str
    reason: str
    hint: str


@dataclass(frozen=True)
class WorkerDied:
    """The worker process has ended; `exit_text` says how. Code, reason and hint are for the job that it ran."""

    exit_text: str
    code: str
    reason: str
    hint: str


JobEnd = JobCompleted | JobStopped | JobFailed
WorkerReport = WorkerReady | InputsRead | StepDone | FrameWritten | JobEnd | WorkerExiting | WorkerDied
