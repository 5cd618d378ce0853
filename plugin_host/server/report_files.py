"""Where a job's report lies, and the summary of it that travels in messages. Reads reports, writes none.

clean/clean.####.exr  ->  clean/clean.report.json, clean/clean.report.png
"""

from __future__ import annotations

import json
import math
from dataclasses import dataclass
from pathlib import Path

from ..sequence import parse


@dataclass(frozen=True)
class ReportSummary:
    """The part of a report that hosts receive: see `Finished` in the protocol."""

    unseen: float = 0.0
    worst: tuple[int, ...] = ()
    report: str = ""
    keys: tuple[int, ...] = ()
    residue: int = 0
    grow: float = 0.0
    inputs: str = ""
    warnings: tuple[str, ...] = ()


NO_REPORT = ReportSummary()
"""The summary of a job without a report."""


def report_path(pattern: str) -> Path:
    """The report of the job whose result has this pattern; its picture lies beside it, see `picture_path`."""
    taken = parse(pattern)
    name = taken.head if taken.width is not None else Path(taken.head).stem
    return Path(taken.folder) / f"{name.rstrip('._-') or 'fill'}.report.json"


def picture_path(report: Path) -> Path:
    """The picture of a report."""
    return report.with_suffix(".png")


def read_summary(report: Path) -> ReportSummary:
    """Read the summary of a report; `NO_REPORT` where there is no valid one. Older ones say nothing of a residue."""
    try:
        summary = json.loads(report.read_text("ascii"))["summary"]
        unseen, grow = float(summary["unseen"]), float(summary.get("grow", 0))
        worst, keys = (tuple(map(int, frames)) for frames in (summary["worst"], summary.get("keys", ())))
        residue, finite = int(summary.get("residue", 0)), math.isfinite(unseen) and math.isfinite(grow)
        inputs, warnings = str(summary.get("inputs", "")), tuple(map(str, summary.get("warnings", ())))
        told = (unseen, worst, str(report), keys, residue, grow, inputs, warnings)
        return ReportSummary(*told) if finite else NO_REPORT
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return NO_REPORT
