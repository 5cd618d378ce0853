"""The report of a job: which frames to check first, how much was synthesised, and that nothing else was changed.

The file is written anew after each frame, so a job that ends early leaves a report of what it did. A shot that is
filled in several runs, one after the other or side by side on several machines, has one report: each run keeps the rows
that others have written, as far as they are of the same shot. `stored` has the file's format. The picture is drawn at
the end (`page`).

A report that cannot be written is a warning in the log: the job goes on.
"""

from __future__ import annotations

import contextlib
import logging
import time
from collections.abc import Callable, Container
from pathlib import Path
from typing import Protocol

from aan_engine.core.box import Box
from aan_engine.core.temporary_name import temporary_path
from aan_engine.core.types import Array, Mask
from aan_engine.provenance import Provenance
from aan_engine.reporting import contents, page
from aan_engine.reporting.folder_lock import folder_lock
from aan_engine.reporting.rows import WORST, ReportRow, UnderstoodInputs, summary, worst_of
from aan_engine.reporting.stored import StoredReport, read_report
from aan_engine.reporting.thumbnails import Thumbnails, thumbnails

log = logging.getLogger(__name__)


class ReportedPlate(Protocol):
    """What a report needs of a plate."""

    @property
    def path(self) -> Path: ...
    def region(self, box: Box, *, every: int = 1) -> Array: ...


class ReportedFrame(Protocol):
    """What a report needs of a filled frame; see `rendering.filled_frame.FilledFrame`."""

    @property
    def frame(self) -> int: ...
    @property
    def plate(self) -> ReportedPlate: ...
    @property
    def hidden(self) -> Mask: ...
    @property
    def unseen(self) -> float: ...
    @property
    def confidence(self) -> float: ...
    @property
    def trust(self) -> float | None: ...
    @property
    def is_key(self) -> bool: ...
    @property
    def residue(self) -> float: ...
    @property
    def grown(self) -> float: ...
    @property
    def provenance(self) -> Provenance | None: ...
    def region(self, box: Box, *, every: int = 1) -> Array: ...


class Report:
    """The report at `path`, a `.json`; its picture gets the same name with `.png`.

    Args:
        keep: the frame numbers whose rows are kept from what others have written there, about the same shot.
        inputs: what was understood of the job's inputs.
        clock: returns seconds since any point in time.
    """

    def __init__(
        self,
        path: Path,
        *,
        keep: Container[int] = (),
        inputs: UnderstoodInputs | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._path = path
        self._picture = path.with_suffix(".png")
        self._keep, self._inputs = keep, inputs
        self._clock, self._last = clock, clock()
        self._own: dict[int, ReportRow] = {}
        self._rows: tuple[ReportRow, ...] = ()
        self._provenance: Provenance | None = None
        self._thumbnails: dict[int, Thumbnails] = {}
        self._names: dict[int, str] = {}

    @property
    def rows(self) -> tuple[ReportRow, ...]:
        """All rows, by frame, as last written."""
        return self._rows

    def add(self, filled: ReportedFrame, *, changed: int) -> None:
        """Add the row of a frame that was just written, with `changed` bits changed outside its matte."""
        now = self._clock()
        made = filled.provenance
        row = ReportRow(
            frame=filled.frame,
            pixels=filled.hidden.size,
            hidden=int(filled.hidden.sum()),
            unseen=filled.unseen,
            confidence=filled.confidence,
            trust=filled.trust,
            changed_bits_outside_matte=changed,
            seconds=now - self._last,
            key=filled.is_key,
            residue=filled.residue,
            grown=filled.grown,
            settings=made.settings if made is not None else "",
        )
        self._last = now
        if not self._own:
            with contextlib.suppress(OSError):
                self._picture.unlink()  # of an earlier run
        self._provenance = made.dated() if made is not None else None
        self._own[row.frame] = row
        self._names[row.frame] = filled.plate.path.name
        self._write()
        self._keep_thumbnails(filled)

    def finish(self) -> None:
        """Draw the picture."""
        if not self._own:
            return
        self._write()
        told = contents.page_of(
            self._rows,
            summary(self._rows, inputs=self._inputs),
            names=self._names,
            thumbnails=self._thumbnails,
            provenance=self._provenance,
        )
        self._store(self._picture, page.png(told))

    def _keep_thumbnails(self, filled: ReportedFrame) -> None:
        """Keep the pictures of the worst frames so far, and no others."""
        worst = worst_of(self.rows)
        # Which of the first frames stand out shows only later, so some more than the worst are kept.
        doubtful = sorted(self._own.values(), key=lambda row: row.confidence)[:WORST]
        made_up = sorted(self._own.values(), key=lambda row: -row.unseen)[:WORST]
        wanted = {*worst, *(row.frame for row in (*doubtful, *made_up))}
        if filled.frame in wanted and filled.hidden.any():
            self._thumbnails[filled.frame] = thumbnails(filled.plate.region, filled.region, hidden=filled.hidden)
        self._thumbnails = {frame: kept for frame, kept in self._thumbnails.items() if frame in wanted}

    def _write(self) -> None:
        """Write the file, with the rows that others have written meanwhile."""
        with folder_lock(self._path):
            made = self._provenance
            own = StoredReport(
                rows=tuple(self._own.values()),
                provenance=made.as_dict() if made is not None else None,
                inputs=self._inputs,
            )
            whole = own.beside(read_report(self._path), keep=self._keep)
            self._rows = whole.rows
            self._store(self._path, whole.as_json())

    def _store(self, path: Path, data: bytes) -> None:
        temporary = temporary_path(path)
        try:
            try:
                temporary.write_bytes(data)
                temporary.replace(path)
            finally:
                temporary.unlink(missing_ok=True)
        except OSError as error:
            with contextlib.suppress(OSError):
                path.unlink()  # an older one could be mistaken for this job's
            log.warning("the report could not be written: %s (%s)", error.strerror or error, path)
