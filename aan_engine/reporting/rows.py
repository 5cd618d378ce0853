"""The figures of a report: a row for each frame, and the summary over all of them.

`unseen` is the share of hidden pixels that were synthesised, `confidence` their mean confidence, both 0 .. 1; the
summary's are over the hidden pixels of all frames, and `hidden` is the share of all pixels that is hidden. `residue` is
by how many pixels the object seems to reach beyond the matte, 0 for none or where nothing is known; `grown` by how many
the matte was grown. The summary's `grow` is what to ask for instead, 0 where no more is needed.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Protocol

WORST = 5
"""Largest number of frames that are named as the worst."""

WORST_SHARE = 1 / 3
"""Largest share of the frames with a hole that is named, but for a single one: what is true of more is the rule, not
the exception."""

STANDS_OUT = 0.1
"""By how much a frame's confidence must lie below the median, or its synthesised share above it, to stand out. Frames
of one shot differ by a few hundredths for no visible reason. Not measured separately."""

POOR = 0.5
"""A confidence below which, or a synthesised share above which, a frame is worth a look even where all are alike."""

RESIDUE_SHARE = 1 / 3
"""Share of the frames with a hole that must have a residue before the job is said to have one. Of 24 training shots
with right mattes, four frames each, one frame seemed to have one; with tight mattes nearly all had."""

RESIDUE_QUANTILE = 0.8
"""Quantile of these frames' residues that is the job's: most frames must be clean after growing, but a single one that
is mistaken must not eat into the plate everywhere. Not measured separately."""

KEYS = 3
"""Largest number of key frames that are named: whom to hand to a painter first."""

MATTE_HIDES = "the matte hides"
"""How the warnings begin that say how much is hidden."""

MOSTLY_HIDDEN = 0.6
"""Share of all pixels above which a matte is doubted: it may be inverted."""


class UnderstoodInputs(Protocol):
    """What was understood of a job's inputs; see `plates.input_summary.InputSummary`."""

    @property
    def text(self) -> str: ...
    @property
    def warnings(self) -> tuple[str, ...]: ...


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
        settings: the digest of the settings it was filled with, see `provenance`; empty where it is not known.
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
    settings: str = ""


@dataclass(frozen=True)
class Summary:
    """The figures of a whole job; `unseen` and `confidence` are means over the hidden pixels of all frames.

    `worst` are the frames that stand out, `keys` the key frames, see `worst_of` and `keys_of`.
    `residue`, `grown` and `grow` are pixels, `hidden` a share, see above.
    `inputs` is what was understood of the inputs, `warnings` what seems wrong, each a sentence without its stop.
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
    hidden: float = 0.0
    inputs: str = ""
    warnings: tuple[str, ...] = ()


def summary(rows: Collection[ReportRow], *, inputs: UnderstoodInputs | None = None) -> Summary:
    """The figures over all rows."""
    hidden, pixels = sum(row.hidden for row in rows), sum(row.pixels for row in rows)
    seconds = sum(row.seconds for row in rows)
    residue = overall_residue([row.residue for row in rows if row.hidden])
    grown = max((row.grown for row in rows), default=0.0)
    # The rows know of the whole job what the first look could only guess from a sample.
    known = [text for text in inputs.warnings if not text.startswith(MATTE_HIDES)] if inputs is not None else []
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
        hidden=hidden / pixels if pixels else 0.0,
        inputs=inputs.text if inputs is not None else "",
        warnings=tuple(dict.fromkeys((*known, *warnings_of(rows)))),
    )


def overall_residue(residues: Sequence[float]) -> int:
    """The residue of a job, whole pixels, by those of its frames that have a hole; 0 where too few have one."""
    found = sorted(residue for residue in residues if residue > 0)
    if len(found) < max(1, RESIDUE_SHARE * len(residues)):
        return 0
    return math.ceil(found[math.ceil(RESIDUE_QUANTILE * len(found)) - 1])


def worst_of(rows: Collection[ReportRow]) -> tuple[int, ...]:
    """Frames to check first, the worst one first: those that stand out from the others with hidden pixels.

    Where all are alike, none is named, or one of them if all are poor.
    """
    holed = sorted((row for row in rows if row.hidden), key=lambda row: (row.confidence, -row.unseen, row.frame))
    if not holed:
        return ()
    confidence, unseen = median(row.confidence for row in holed), median(row.unseen for row in holed)
    apart = [r for r in holed if r.confidence < confidence - STANDS_OUT or r.unseen > unseen + STANDS_OUT]
    if not apart:
        apart = [row for row in holed[:1] if row.confidence < POOR or row.unseen > POOR]
    return tuple(row.frame for row in apart[: min(WORST, max(1, int(WORST_SHARE * len(holed))))])


def keys_of(rows: Collection[ReportRow]) -> tuple[int, ...]:
    """Up to `KEYS` key frames, those with the most synthesised pixels first."""
    order = sorted((row for row in rows if row.key), key=lambda row: (-row.unseen * row.hidden, row.frame))
    return tuple(row.frame for row in order[:KEYS])


def warnings_of(rows: Collection[ReportRow]) -> tuple[str, ...]:
    """What seems wrong with a job as a whole, each a sentence without its stop."""
    hidden, pixels = sum(row.hidden for row in rows), sum(row.pixels for row in rows)
    found = []
    if rows and not hidden:
        found.append(f"{MATTE_HIDES} nothing: the result is the plate")
    if hidden > MOSTLY_HIDDEN * pixels:
        found.append(f"{MATTE_HIDES} {100 * hidden / pixels:.0f} % of the picture")
    if (settings := len({row.settings for row in rows})) > 1:
        found.append(f"the frames were filled with {settings} different settings: the report says which")
    return tuple(found)
