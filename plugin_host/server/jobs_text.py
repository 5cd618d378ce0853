"""The table that `aan jobs` prints, made from the jobs' states. Pure: it asks no engine and reads no clock."""

from __future__ import annotations

from collections.abc import Sequence

from ..job_status import QUEUED
from ..protocol import JobState

HEADER = ("job", "state", "frames", "done", "submitted", "ended", "plate -> result")


def as_table(jobs: Sequence[JobState], *, now: float) -> str:
    """A header and a row for each job, columns aligned; below a failed job its reason, below others what seems wrong.

    Args:
        now: Unix time in seconds, from which the times of the table count back.
    """
    rows = [HEADER, *(_row(job, now=now) for job in jobs)]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
    indent = " " * (widths[0] + 2)
    table = lines[:1]
    for job, line in zip(jobs, lines[1:], strict=True):
        table += [line, *(f"{indent}{note}" for note in _notes(job))]
    return "\n".join(table)


def ago(then: float, *, now: float) -> str:
    """How long ago a Unix time was, in hours and minutes: `0:05 ago`; `-` where it is unknown or to come."""
    if not then:
        return "-"
    hours, minutes = divmod(max(0, int(now - then)) // 60, 60)
    return f"{hours}:{minutes:02d} ago"


def _row(job: JobState, *, now: float) -> tuple[str, ...]:
    times = (ago(job.submitted, now=now), ago(job.ended, now=now))
    frames, share = f"{job.done}/{job.total}", f"{int(100 * job.share)} %"
    return (job.job, job.state, frames, share, *times, f"{job.plate} -> {job.output}")


def _notes(job: JobState) -> list[str]:
    notes = [f"queued behind {job.steps} job{'s' if job.steps > 1 else ''}"] if _waits(job) else []
    notes += [f"{job.reason}. {job.hint}" if job.hint else job.reason] if job.reason else []
    return notes + [f"warning: {warning}" for warning in job.warnings]


def _waits(job: JobState) -> bool:
    return job.state == QUEUED and job.stage == QUEUED and job.steps > 0
