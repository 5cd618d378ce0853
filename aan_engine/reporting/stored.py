"""A report's file: what it says, how it is read, and how the reports of several runs of a shot become one.

    {"format": "align-and-attend report 1",
     "summary": {"frames", "unseen", "confidence", "worst", "changed_bits_outside_matte", "seconds",
                 "seconds_per_frame", "residue", "grown", "grow", "keys", "hidden", "inputs", "warnings"},
     "provenance": {"job", "shot", "settings", "engine", "weights", "device", "date"},
     "jobs": {SETTINGS: JOB, ...},
     "frames": [{"frame", "pixels", "hidden", "unseen", "confidence", "trust", "changed_bits_outside_matte",
                 "seconds", "key", "residue", "grown", "settings"}, ...]}

`rows` says what the figures mean. `trust`, 0 .. 1, is how reliable the alignment with the neighbouring frames is.
`seconds` count from the frame before; the first frame's include reading all plates. `key` says that what no frame shows
was made up on this frame and carried to others: painting the frames of `keys` by hand cures the rest. The first of them
has the most synthesised pixels. `provenance` is that of the last frame written, `jobs` has the job of each `settings`
that a row names.
"""

from __future__ import annotations

import json
from collections.abc import Container
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from aan_engine.core.temporary_name import temporary_path
from aan_engine.reporting.folder_lock import folder_lock
from aan_engine.reporting.rows import ReportRow, UnderstoodInputs, summary

FORMAT = "align-and-attend report 1"


@dataclass(frozen=True)
class InputsText:
    """What was understood of a job's inputs, as a report repeats it."""

    text: str = ""
    warnings: tuple[str, ...] = ()


@dataclass(frozen=True)
class StoredReport:
    """What a report's file says.

    Args:
        rows: in any order.
        provenance: `Provenance.as_dict` of the last frame written; None where it is not known.
        jobs: the job of each settings that a row may name, beside that of `provenance`.
        inputs: what was understood of the job's inputs; None where it is not known.
    """

    rows: tuple[ReportRow, ...] = ()
    provenance: dict[str, Any] | None = None
    jobs: dict[str, Any] = field(default_factory=dict)
    inputs: UnderstoodInputs | None = None

    @property
    def shot(self) -> str:
        """The digest of the shot that the rows are of; empty where it is not known."""
        return str((self.provenance or {}).get("shot", ""))

    def beside(self, earlier: StoredReport, *, keep: Container[int]) -> StoredReport:
        """This report with those rows of another one of the same shot that it has none for itself, by frame.

        Args:
            keep: the frame numbers whose rows are kept.
        """
        made = self.provenance or {}
        jobs = self.jobs | ({made["settings"]: made["job"]} if made else {})
        rows = {row.frame: row for row in self.rows}
        if earlier.shot == self.shot:
            jobs = earlier.jobs | jobs
            rows = {row.frame: row for row in earlier.rows if row.frame in keep} | rows
        return replace(self, rows=tuple(rows[frame] for frame in sorted(rows)), jobs=jobs)

    def as_json(self) -> bytes:
        """The file's content."""
        named = {row.settings for row in self.rows}
        document = {
            "format": FORMAT,
            "summary": asdict(summary(self.rows, inputs=self.inputs)),
            "provenance": self.provenance,
            "jobs": {settings: job for settings, job in self.jobs.items() if settings in named},
            "frames": [asdict(row) for row in self.rows],
        }
        return json.dumps(document, indent=1).encode("ascii")


def read_report(path: Path) -> StoredReport:
    """The report at `path`; an empty one where there is none, or it is damaged or of another format."""
    try:
        document = json.loads(path.read_text("ascii"))
        if document["format"] != FORMAT:
            return StoredReport()
        known, told = {field.name for field in fields(ReportRow)}, document["summary"]
        rows = tuple(ReportRow(**{k: v for k, v in row.items() if k in known}) for row in document["frames"])
        inputs = InputsText(str(told.get("inputs", "")), tuple(told.get("warnings", ())))
        return StoredReport(rows, document.get("provenance"), dict(document.get("jobs", {})), inputs)
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return StoredReport()


def read_rows(path: Path) -> tuple[ReportRow, ...]:
    """The rows of the report at `path`, see `read_report`."""
    return read_report(path).rows


def merge_into(target: Path, source: Path, *, keep: Container[int]) -> bool:
    """Write the report at `source` to `target`, with the rows of other runs of the same shot that stand there.

    Args:
        keep: the frame numbers whose rows are kept.

    Returns:
        False where there are no such rows: nothing was written then.

    Raises:
        OSError: it cannot be written.
    """
    with folder_lock(target):
        own = read_report(source)
        whole = own.beside(read_report(target), keep=keep)
        if len(whole.rows) == len(own.rows):
            return False
        temporary = temporary_path(target)
        try:
            temporary.write_bytes(whole.as_json())
            temporary.replace(target)
        finally:
            temporary.unlink(missing_ok=True)
    return True
