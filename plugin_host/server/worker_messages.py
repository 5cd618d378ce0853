"""What the broker tells its worker, and what the worker reports: values that cross their pipe, no more."""

from __future__ import annotations

from dataclasses import dataclass

from ..protocol import JobSpec
from .report_files import NO_REPORT, ReportSummary

# Orders, from the broker


@dataclass(frozen=True)
class RunJob:
    """Do this job. `key` is what the broker promised the host: if the files say otherwise by now, the job fails."""

    job: str
    spec: JobSpec
    output: str | None
    key: str


@dataclass(frozen=True)
class StopJob:
    """Stop this job after the frame in work."""

    job: str


@dataclass(frozen=True)
class KeepCached:
    """From here on these keys, of all jobs that are not over, are not to be dropped to make room."""

    keys: tuple[str, ...]


# Reports, to the broker


@dataclass(frozen=True)
class WorkerReady:
    """The engine is loaded; this is what decides its pixels: version, weights, libraries, kind of device."""

    identity: str


@dataclass(frozen=True)
class StepDone:
    """The engine is `done` of `total` steps into a stage."""

    job: str
    stage: str
    done: int
    total: int


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
    """The job was stopped as asked."""

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
    """The worker is about to end for this reason, and its job with it."""

    code: str
    reason: str
    hint: str


@dataclass(frozen=True)
class WorkerDied:
    """The worker's process is gone; `how` says it in words, the rest is for the job that it takes along."""

    exit_text: str
    code: str
    reason: str
    hint: str


JobEnd = JobCompleted | JobStopped | JobFailed
WorkerReport = WorkerReady | StepDone | FrameWritten | JobEnd | WorkerExiting | WorkerDied
