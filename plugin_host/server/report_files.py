"""Where a job's report lies, and the summary of it that travels in messages. Reads reports, writes none.

clean/clean.####.exr  ->  clean/clean.report.json, clean/clean.report.png
"""

from __future__ import annotations

import json
import math
import os
from dataclasses import dataclass
from pathlib import Path

from ..sequence import parse

FORMAT = "align-and-attend report 1"
"""What a report says it is: `aan_engine.reporting.report.FORMAT`."""

_ENDING = ".report.json"
_MOST_BYTES = 255  # of a file name, on every common file system


@dataclass(frozen=True)
class ReportSummary:
    """The part of a report that hosts receive: see `Finished` in the protocol.

    `hidden` is the share of all pixels that is hidden, 0 .. 1, and `picture` the path of the report's picture, empty
    while there is none.
    """

    unseen: float = 0.0
    worst: tuple[int, ...] = ()
    report: str = ""
    keys: tuple[int, ...] = ()
    residue: int = 0
    grow: float = 0.0
    inputs: str = ""
    warnings: tuple[str, ...] = ()
    hidden: float = 0.0
    picture: str = ""


NO_REPORT = ReportSummary()
"""The summary of a job without a report."""


def report_path(pattern: str) -> Path:
    """The report of the job whose result has this pattern; its picture lies beside it, see `picture_path`.

    Of a name that leaves no room for the ending, the beginning is taken.
    """
    taken = parse(pattern)
    name = (taken.head if taken.width is not None else Path(taken.head).stem).rstrip("._-") or "fill"
    while len(os.fsencode(name + _ENDING)) > _MOST_BYTES:
        name = name[:-1]
    return Path(taken.folder) / (name + _ENDING)


def picture_path(report: Path) -> Path:
    """The picture of a report."""
    return report.with_suffix(".png")


def read_summary(report: Path) -> ReportSummary:
    """Read the summary of a report; `NO_REPORT` where there is no valid one. Older ones say nothing of a residue."""
    try:
        summary = json.loads(report.read_text("ascii"))["summary"]
        unseen, grow = float(summary["unseen"]), float(summary.get("grow", 0))
        worst, keys = (tuple(map(int, frames)) for frames in (summary["worst"], summary.get("keys", ())))
        residue, hidden = int(summary.get("residue", 0)), float(summary.get("hidden", 0))
        inputs, warnings = str(summary.get("inputs", "")), tuple(map(str, summary.get("warnings", ())))
        picture = str(picture_path(report)) if picture_path(report).exists() else ""
        if not all(map(math.isfinite, (unseen, grow, hidden))):
            return NO_REPORT
        return ReportSummary(
            unseen, worst, str(report), keys, residue, grow, inputs, warnings, hidden=hidden, picture=picture
        )
    except (OSError, ValueError, KeyError, TypeError, OverflowError):
        return NO_REPORT
