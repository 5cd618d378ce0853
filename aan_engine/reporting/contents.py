"""What the report's page says: figures, curves with axes that fit their values, and the frames to look at first."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from pathlib import PurePath

from aan_engine.provenance import Provenance
from aan_engine.reporting.page import Curve, Page
from aan_engine.reporting.rows import ReportRow, Summary
from aan_engine.reporting.thumbnails import Thumbnails

STEP = 0.05
"""An axis of a share begins and ends at a multiple of it."""

SHORTEST = 0.1
"""Length of the shortest axis of a share: smaller differences mean nothing, and must not look like something."""


def page_of(
    rows: Sequence[ReportRow],
    job: Summary,
    *,
    names: Mapping[int, str],
    thumbnails: Mapping[int, Thumbnails],
    provenance: Provenance | None,
) -> Page:
    """The page of a report.

    Args:
        rows: by frame, at least one.
        names: the plates' file names by frame, as far as they are known.
        thumbnails: pictures by frame, as far as there are any.
        provenance: where the last frame comes from, if it is known.
    """
    by_frame = {row.frame: row for row in rows}
    tight = (f"{job.residue} px", f"beyond the matte: grow by {job.grow:g}")
    return Page(
        title=_title(names, provenance),
        figures=(
            (f"{len(rows)}", "frames written and verified"),
            (f"{job.changed_bits_outside_matte}", "bits changed outside the matte"),
            (_percent(job.hidden), "of all pixels hidden"),
            (_percent(job.unseen), "of the hidden pixels made up"),
            (f"{job.confidence:.2f}", "mean confidence"),
            (f"{job.seconds_per_frame:.2f} s", "a frame"),
            *((tight,) if job.residue else ()),
        ),
        frames=[row.frame for row in rows],
        curves=(
            _share("confidence", "of 0 .. 1, 1 is best", [row.confidence for row in rows]),
            _share("unseen", "of 0 .. 1, synthesised", [row.unseen for row in rows]),
            _share("alignment", "of 0 .. 1, 1 is best", [row.trust for row in rows]),
            _seconds([row.seconds for row in rows]),
        ),
        worst=[
            (f"frame {frame}", f"confidence {row.confidence:.2f}, synthesised {100 * row.unseen:.0f} %")
            for frame in job.worst
            for row in (by_frame[frame],)
        ],
        marks=list(job.worst),
        thumbnails=[thumbnails.get(frame) for frame in job.worst],
        notes=tuple(filter(None, (job.inputs, _keys(job.keys)))),
        warnings=job.warnings,
        footer=_footer(provenance),
    )


def _title(names: Mapping[int, str], provenance: Provenance | None) -> str:
    """The shot: the plates as the job names them, else the first and the last file."""
    plate = json.loads(provenance.job).get("plate") if provenance is not None else None
    if isinstance(plate, str):
        return PurePath(plate).name
    known = [names[frame] for frame in sorted(names)]
    return " - ".join(dict.fromkeys((*known[:1], *known[-1:])))


def _percent(share: float) -> str:
    return f"{100 * share:.1f} %"


def _share(name: str, meaning: str, values: Sequence[float | None]) -> Curve:
    """A measure of 0 .. 1, on an axis that is as long as its values need."""
    known = [value for value in values if value is not None]
    low, high = _axis(min(known, default=0.0), max(known, default=1.0))
    return Curve(name, values, low, high, labels=(f"{low:.2f}", f"{high:.2f}"), meaning=meaning)


def _axis(low: float, high: float) -> tuple[float, float]:
    """The ends of an axis inside 0 .. 1: multiples of `STEP` around the values, at least `SHORTEST` apart."""
    bottom, top = math.floor(low / STEP + 1e-9), math.ceil(high / STEP - 1e-9)
    least, most = round(SHORTEST / STEP), round(1 / STEP)
    while top - bottom < least:
        bottom, top = max(bottom - 1, 0), min(top + 1, most)
    return max(bottom, 0) * STEP, min(top, most) * STEP


def _seconds(values: Sequence[float]) -> Curve:
    slowest = max(values)
    return Curve("seconds", values, 0.0, slowest or 1.0, labels=("0", f"{slowest:.1f}"), meaning="for each frame")


def _keys(keys: tuple[int, ...]) -> str:
    """The page's line on the key frames; empty without any."""
    if not keys:
        return ""
    frames = "frame" if len(keys) == 1 else "frames"
    this = "this" if len(keys) == 1 else "these"
    return f"key {frames} {', '.join(map(str, keys))}: painting {this} by hand would cure the rest"


def _footer(made: Provenance | None) -> str:
    if made is None:
        return ""
    return f"settings {made.settings}, engine {made.engine}, weights {made.weights[:12]}, on {made.device}, {made.date}"
