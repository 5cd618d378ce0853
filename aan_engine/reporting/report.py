"""The report of a job: which frames to look at first, how much was made up, and the proof that nothing else changed.

Rows are gathered while frames are written, and stand on disk after each: a job that ends early leaves the report of
what it did, and one that goes on later takes the earlier rows over. The picture is drawn at the end (`report_sheet`).

    {"format": "align-and-attend report 1",
     "summary": {"frames", "unseen", "confidence", "worst", "changed_bits_outside_matte", "seconds",
                 "seconds_per_frame"},
     "frames": [{"frame", "pixels", "hidden", "unseen", "confidence", "trust", "changed_bits_outside_matte",
                 "seconds"}, ...]}

Shares run from 0 to 1, those of the summary over all hidden pixels. A frame's seconds count from the frame before; the
first one's include looking at all plates.

A report is never worth a frame: one that cannot be written is said in the log, and the job goes on.
"""

from __future__ import annotations

import contextlib
import json
import logging
import secrets
import time
from collections.abc import Callable, Collection
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask
from aan_engine.reporting import page
from aan_engine.reporting.page import Curve, Page, Thumbnails

FORMAT = "align-and-attend report 1"
WORST = 5
"""Frames that are named as the worst, at most."""

log = logging.getLogger(__name__)


class HasPath(Protocol):
    """What a report looks at of a plate."""

    @property
    def path(self) -> Path: ...


class ReportedFrame(Protocol):
    """What a report looks at of a filled frame; see `pipeline.Filled`."""

    @property
    def frame(self) -> int: ...
    @property
    def plate(self) -> HasPath: ...
    @property
    def hidden(self) -> Mask: ...
    @property
    def unseen(self) -> float: ...
    @property
    def confidence(self) -> float: ...
    @property
    def trust(self) -> float | None: ...
    def region(self, box: Box, *, every: int = 1) -> Array: ...


@dataclass(frozen=True)
class ReportRow:
    """One frame.

    Args:
        pixels, hidden: how many the frame has, and how many of them the matte hides.
        unseen, confidence, trust: as in `pipeline.Filled`.
        changed_bits_outside_matte: as counted in the file that was written.
        seconds: since the frame before.
    """

    frame: int
    pixels: int
    hidden: int
    unseen: float
    confidence: float
    trust: float | None
    changed_bits_outside_matte: int
    seconds: float


@dataclass(frozen=True)
class Summary:
    """The job in one line; `unseen` and `confidence` are means over all hidden pixels."""

    frames: int
    unseen: float
    confidence: float
    worst: tuple[int, ...]
    changed_bits_outside_matte: int
    seconds: float
    seconds_per_frame: float


class Report:
    """The report at `path`, a `.json`; its picture gets the same name with `.png`.

    Args:
        keep: frames whose rows are taken over from the report that is there.
        clock: seconds, of any beginning.
    """

    def __init__(self, path: Path, *, keep: Collection[int] = (), clock: Callable[[], float] = time.monotonic) -> None:
        self._path = path
        self._picture = path.with_suffix(".png")
        self._clock, self._last = clock, clock()
        self._rows = {row.frame: row for row in read_rows(path) if row.frame in keep}
        self._thumbnails: dict[int, Thumbnails] = {}
        self._names: list[str] = []

    @property
    def rows(self) -> tuple[ReportRow, ...]:
        """All rows, by frame."""
        return tuple(self._rows[frame] for frame in sorted(self._rows))

    def add(self, filled: ReportedFrame, *, changed: int) -> None:
        """Note a frame that was just written; `changed` bits were found changed outside its matte."""
        now = self._clock()
        row = ReportRow(
            frame=filled.frame,
            pixels=filled.hidden.size,
            hidden=int(filled.hidden.sum()),
            unseen=filled.unseen,
            confidence=filled.confidence,
            trust=filled.trust,
            changed_bits_outside_matte=changed,
            seconds=now - self._last,
        )
        self._last = now
        if not self._names:
            with contextlib.suppress(OSError):
                self._picture.unlink()  # of an earlier run
        self._rows[row.frame] = row
        self._names.append(filled.plate.path.name)
        self._keep_thumbnails(filled)
        self._write()

    def finish(self) -> None:
        """Draw the picture."""
        rows = self.rows
        if not rows:
            return
        self._store(self._picture, page.png(self._page(rows, summary(rows))))

    def _keep_thumbnails(self, filled: ReportedFrame) -> None:
        """Pictures of the worst frames so far; memory holds no others."""
        worst = worst_of(self.rows)
        if filled.frame in worst:
            self._thumbnails[filled.frame] = page.thumbnails(filled.region, filled.hidden)
        self._thumbnails = {frame: seen for frame, seen in self._thumbnails.items() if frame in worst}

    def _write(self) -> None:
        rows = self.rows
        told = {"format": FORMAT, "summary": asdict(summary(rows)), "frames": [asdict(row) for row in rows]}
        self._store(self._path, json.dumps(told, indent=1).encode("ascii"))

    def _store(self, path: Path, data: bytes) -> None:
        temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
        try:
            try:
                temporary.write_bytes(data)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()  # an older one must not pass for this job's
            log.warning("the report could not be written: %s (%s)", error.strerror or error, path)

    def _page(self, rows: tuple[ReportRow, ...], found: Summary) -> Page:
        frames = [row.frame for row in rows]
        slowest = max(row.seconds for row in rows)
        return Page(
            title=" - ".join(dict.fromkeys((self._names[0], self._names[-1]))) if self._names else "",
            figures=(
                (f"{len(rows)}", "frames written and verified"),
                (f"{found.changed_bits_outside_matte}", "bits changed outside the matte"),
                (f"{100 * found.unseen:.1f} %", "of the hidden pixels made up"),
                (f"{found.confidence:.2f}", "mean confidence"),
                (f"{found.seconds_per_frame:.2f} s", "a frame"),
            ),
            frames=frames,
            curves=(
                Curve("confidence", [row.confidence for row in rows], 1.0),
                Curve("unseen", [row.unseen for row in rows], 1.0),
                Curve("alignment", [row.trust for row in rows], 1.0),
                Curve("seconds", [row.seconds for row in rows], slowest or 1.0, f"{slowest:.1f}"),
            ),
            worst=[
                (f"frame {row.frame}", f"confidence {row.confidence:.2f}, made up {100 * row.unseen:.0f} %")
                for row in map(self._rows.__getitem__, found.worst)
            ],
            marks=list(found.worst),
            thumbnails=[self._thumbnails.get(frame) for frame in found.worst],
        )


def summary(rows: Collection[ReportRow]) -> Summary:
    """The rows in one line."""
    hidden = sum(row.hidden for row in rows)
    seconds = sum(row.seconds for row in rows)
    return Summary(
        frames=len(rows),
        unseen=sum(row.unseen * row.hidden for row in rows) / hidden if hidden else 0.0,
        confidence=sum(row.confidence * row.hidden for row in rows) / hidden if hidden else 1.0,
        worst=worst_of(rows),
        changed_bits_outside_matte=sum(row.changed_bits_outside_matte for row in rows),
        seconds=seconds,
        seconds_per_frame=seconds / max(len(rows), 1),
    )


def worst_of(rows: Collection[ReportRow]) -> tuple[int, ...]:
    """Frames to look at first: of those that hide something the least confident, then the most made up."""
    order = sorted((row for row in rows if row.hidden), key=lambda row: (row.confidence, -row.unseen, row.frame))
    return tuple(row.frame for row in order[:WORST])


def read_rows(path: Path) -> tuple[ReportRow, ...]:
    """The rows of the report at `path`; none where there is no sound one."""
    try:
        told = json.loads(path.read_text("ascii"))
        return tuple(ReportRow(**row) for row in told["frames"]) if told["format"] == FORMAT else ()
    except (OSError, ValueError, KeyError, TypeError):
        return ()
