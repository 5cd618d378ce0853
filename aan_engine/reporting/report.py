"""The report of a job: which frames to check first, how much was synthesised, and that nothing else was changed.

The file is written anew after each frame, so a job that ends early leaves a report of what it did; a job that continues
it keeps the earlier rows. The picture is drawn at the end (`page`).

    {"format": "align-and-attend report 1",
     "summary": {"frames", "unseen", "confidence", "worst", "changed_bits_outside_matte", "seconds",
                 "seconds_per_frame", "residue", "grown", "grow", "keys"},
     "frames": [{"frame", "pixels", "hidden", "unseen", "confidence", "trust", "changed_bits_outside_matte",
                 "seconds", "key", "residue", "grown"}, ...]}

`unseen` is the share of hidden pixels that were synthesised, `confidence` their mean confidence, both 0 .. 1; the
summary's are over the hidden pixels of all frames. `trust`, 0 .. 1, is how reliable the alignment with the neighbouring
frames is. `seconds` count from the frame before; the first frame's include reading all plates. `key` says that what no
frame shows was made up on this frame and carried to others: painting the frames of `keys` by hand cures the rest. The
first of them has the most synthesised pixels.

`residue` is by how many pixels the object seems to reach beyond the matte, 0 for none or where nothing is known;
`grown` by how many the matte was grown, as asked for or automatically. The summary's `grow` is what to ask for instead,
0 where no more is needed.

A report that cannot be written is a warning in the log: the job goes on.
"""

from __future__ import annotations

import contextlib
import json
import logging
import math
import secrets
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from aan_engine.core.box import Box
from aan_engine.core.types import Array, Mask
from aan_engine.reporting import page
from aan_engine.reporting.page import Curve, Page, Thumbnails

FORMAT = "align-and-attend report 1"
WORST = 5
"""Largest number of frames that are named as the worst."""

RESIDUE_SHARE = 1 / 3
"""Share of the frames with a hole that must have a residue before the job is said to have one. Of 24 training shots
with right mattes, four frames each, one frame seemed to have one; with tight mattes nearly all had."""

RESIDUE_QUANTILE = 0.8
"""Quantile of these frames' residues that is the job's: most frames must be clean after growing, but a single one that
is mistaken must not eat into the plate everywhere. Not measured separately."""

KEYS = 3
"""Largest number of key frames that are named: whom to hand to a painter first."""

log = logging.getLogger(__name__)


class HasPath(Protocol):
    """What a report needs of a plate."""

    @property
    def path(self) -> Path: ...


class ReportedFrame(Protocol):
    """What a report needs of a filled frame; see `rendering.filled_frame.FilledFrame`."""

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
    @property
    def is_key(self) -> bool: ...
    @property
    def residue(self) -> float: ...
    @property
    def grown(self) -> float: ...
    def region(self, box: Box, *, every: int = 1) -> Array: ...


@dataclass(frozen=True)
class ReportRow:
    """The row of one frame.

    Args:
        frame: its number on the timeline.
        pixels, hidden: the number of its pixels, and of those that the matte hides.
        unseen, confidence, trust, residue, grown: see `rendering.filled_frame.FilledFrame`.
        changed_bits_outside_matte: as counted in the file as written.
        seconds: since the frame before.
        key: see `rendering.filled_frame.FilledFrame.is_key`.
    """

    frame: int
    pixels: int
    hidden: int
    unseen: float
    confidence: float
    trust: float | None
    changed_bits_outside_matte: int
    seconds: float
    key: bool = False
    residue: float = 0.0
    grown: float = 0.0


@dataclass(frozen=True)
class Summary:
    """The figures of a whole job; `unseen` and `confidence` are means over the hidden pixels of all frames.

    `keys` are the key frames, see `keys_of`.
    `residue`, `grown` and `grow` are pixels, see above.
    """

    frames: int
    unseen: float
    confidence: float
    worst: tuple[int, ...]
    changed_bits_outside_matte: int
    seconds: float
    seconds_per_frame: float
    residue: int
    grown: float
    grow: float
    keys: tuple[int, ...] = ()


class Report:
    """The report at `path`, a `.json`; its picture gets the same name with `.png`.

    Args:
        keep: frame numbers whose rows are kept from the report that exists there.
        clock: returns seconds since any point in time.
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
        """Add the row of a frame that was just written, with `changed` bits changed outside its matte."""
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
            key=filled.is_key,
            residue=filled.residue,
            grown=filled.grown,
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
        """Keep the pictures of the worst frames so far, and no others."""
        worst = worst_of(self.rows)
        if filled.frame in worst:
            self._thumbnails[filled.frame] = page.thumbnails(filled.region, filled.hidden)
        self._thumbnails = {frame: kept for frame, kept in self._thumbnails.items() if frame in worst}

    def _write(self) -> None:
        rows = self.rows
        document = {"format": FORMAT, "summary": asdict(summary(rows)), "frames": [asdict(row) for row in rows]}
        self._store(self._path, json.dumps(document, indent=1).encode("ascii"))

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
                path.unlink()  # an older one could be mistaken for this job's
            log.warning("the report could not be written: %s (%s)", error.strerror or error, path)

    def _page(self, rows: tuple[ReportRow, ...], job: Summary) -> Page:
        frames = [row.frame for row in rows]
        slowest = max(row.seconds for row in rows)
        tight = (f"{job.residue} px", f"beyond the matte: grow by {job.grow:g}")
        return Page(
            title=" - ".join(dict.fromkeys((self._names[0], self._names[-1]))) if self._names else "",
            figures=(
                (f"{len(rows)}", "frames written and verified"),
                (f"{job.changed_bits_outside_matte}", "bits changed outside the matte"),
                (f"{100 * job.unseen:.1f} %", "of the hidden pixels synthesised"),
                (f"{job.confidence:.2f}", "mean confidence"),
                (f"{job.seconds_per_frame:.2f} s", "a frame"),
                *((tight,) if job.residue else ()),
            ),
            frames=frames,
            curves=(
                Curve("confidence", [row.confidence for row in rows], 1.0),
                Curve("unseen", [row.unseen for row in rows], 1.0),
                Curve("alignment", [row.trust for row in rows], 1.0),
                Curve("seconds", [row.seconds for row in rows], slowest or 1.0, f"{slowest:.1f}"),
            ),
            worst=[
                (f"frame {row.frame}", f"confidence {row.confidence:.2f}, synthesised {100 * row.unseen:.0f} %")
                for row in map(self._rows.__getitem__, job.worst)
            ],
            marks=list(job.worst),
            thumbnails=[self._thumbnails.get(frame) for frame in job.worst],
            note=_note(job.keys),
        )


def summary(rows: Collection[ReportRow]) -> Summary:
    """The figures over all rows."""
    hidden = sum(row.hidden for row in rows)
    seconds = sum(row.seconds for row in rows)
    residue = overall_residue([row.residue for row in rows if row.hidden])
    grown = max((row.grown for row in rows), default=0.0)
    return Summary(
        frames=len(rows),
        unseen=sum(row.unseen * row.hidden for row in rows) / hidden if hidden else 0.0,
        confidence=sum(row.confidence * row.hidden for row in rows) / hidden if hidden else 1.0,
        worst=worst_of(rows),
        changed_bits_outside_matte=sum(row.changed_bits_outside_matte for row in rows),
        seconds=seconds,
        seconds_per_frame=seconds / max(len(rows), 1),
        residue=residue,
        grown=grown,
        grow=grown + residue if residue else 0.0,
        keys=keys_of(rows),
    )


def overall_residue(residues: Sequence[float]) -> int:
    """The residue of a job, whole pixels, by those of its frames that have a hole; 0 where too few have one."""
    found = sorted(residue for residue in residues if residue > 0)
    if len(found) < max(1, RESIDUE_SHARE * len(residues)):
        return 0
    return math.ceil(found[math.ceil(RESIDUE_QUANTILE * len(found)) - 1])


def worst_of(rows: Collection[ReportRow]) -> tuple[int, ...]:
    """Frames to check first: of those with hidden pixels the least confident, then the most synthesised."""
    order = sorted((row for row in rows if row.hidden), key=lambda row: (row.confidence, -row.unseen, row.frame))
    return tuple(row.frame for row in order[:WORST])


def keys_of(rows: Collection[ReportRow]) -> tuple[int, ...]:
    """Up to `KEYS` key frames, those with the most synthesised pixels first."""
    order = sorted((row for row in rows if row.key), key=lambda row: (-row.unseen * row.hidden, row.frame))
    return tuple(row.frame for row in order[:KEYS])


def _note(keys: tuple[int, ...]) -> str:
    """The page's line on the key frames; empty without any."""
    if not keys:
        return ""
    frames = "frame" if len(keys) == 1 else "frames"
    this = "this" if len(keys) == 1 else "these"
    return f"key {frames} {', '.join(map(str, keys))}: painting {this} by hand would cure the rest"


def read_rows(path: Path) -> tuple[ReportRow, ...]:
    """The rows of the report at `path`; none where there is none, or it is damaged or of another format."""
    try:
        document = json.loads(path.read_text("ascii"))
        return tuple(ReportRow(**row) for row in document["frames"]) if document["format"] == FORMAT else ()
    except (OSError, ValueError, KeyError, TypeError):
        return ()
