"""The text that `aan info` prints of a picture file, made from the engine's description. Reads no file."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import groupby

from aan_engine.core.box import Box
from aan_engine.errors import PlateUnsupported
from aan_engine.plates import stereo
from aan_engine.plates.exr import check_writable
from aan_engine.plates.exr_header import Description, PartDescription
from aan_engine.plates.picture_layer import find_picture_channels

Row = tuple[str, str]
"""A label and what it says."""

PROVENANCE = ("aanJob", "aanEngine", "aanWeights", "aanDevice", "aanDate", "aanSettings", "aanShot")
"""The attributes by which a result says what it was made from, and by what."""


def as_text(description: Description, *, name: str = "", rows: Sequence[Row] = (), matte: str = "") -> str:
    """A few lines: each part with its channels, windows, storage, codec and timecode.

    Args:
        name: what is described, if not the file itself.
        rows: what is known of it beyond its header.
        matte: what it is as a matte, as in "reads A"; empty where nobody asked.
    """
    lines = [name or str(description.path), *_lines(rows)]
    if description.format_note:
        lines += _lines([("format", description.format_note)])
    for number, part in enumerate(description.parts):
        if len(description.parts) > 1:
            lines.append(f"  part {number} {part.name}")
        lines += _lines(row for row in _part_rows(part) if row[0] != "stored" or not description.format_note)
    lines += _lines(_filled_rows(description))
    lines += [f"    as a matte: {matte}"] if matte else []
    return "\n".join([*lines, *_lines(_provenance_rows(provenance_of(description)))])


def picture_of(description: Description) -> tuple[int, tuple[str, ...]]:
    """The part and the channels that are filled.

    Raises:
        PlateUnsupported: nothing can be filled.
    """
    check_writable(description, frame=None)
    found = find_picture_channels(description, frame=None)
    return found.part, tuple(dict.fromkeys(found.names))


def provenance_of(description: Description) -> dict[str, str]:
    """What a result says of where it comes from, by the names of `PROVENANCE` without `aan`; empty for other files."""
    found = {}
    for part in description.parts:
        for name in PROVENANCE:
            attribute = part.attributes.get(name)
            if attribute is not None and attribute.type == "string":
                found[name.removeprefix("aan").lower()] = attribute.value.decode("utf-8", "replace")
    return found


def _lines(rows: Iterable[Row]) -> list[str]:
    return [f"    {label:8} {value}" for label, value in rows]


def _filled_rows(description: Description) -> list[Row]:
    """Which channels are filled; of several views, which one, and that the others stay."""
    try:
        index, names = picture_of(description)
    except PlateUnsupported as error:
        return [("filled", f"nothing: {error.reason}")]
    rows = [("filled", " ".join(names) + (f" of part {index}" if len(description.parts) > 1 else ""))]
    view, all_views = stereo.view_of(description.parts[index], names[0]), stereo.view_names(description)
    if view is not None and len(all_views) > 1:
        others = ", ".join(name for name in all_views if name != view)
        rows.append(("views", f"{view} is filled; {others} stays as it is, or is filled with --view"))
    return rows


def _part_rows(part: PartDescription) -> list[Row]:
    by_type = groupby(part.channels, key=lambda channel: channel[1])
    return [
        ("channels", "; ".join(f"{' '.join(name for name, _ in group)} ({kind})" for kind, group in by_type)),
        ("display", _window_text(part.display_window)),
        ("data", _window_text(part.data_window)),
        ("stored", f"{part.type}, {part.compression}"),
        *([("timecode", part.timecode)] if part.timecode else []),
    ]


def _provenance_rows(found: dict[str, str]) -> list[Row]:
    if not found:
        return []
    engine = f"align-and-attend {found.get('engine', '')}".strip()
    where = [f"on {found['device']}"] if "device" in found else []
    told = [" ".join([engine, *where]), *([found["date"]] if "date" in found else [])]
    told += [f"{label} {found[label]}" for label in ("weights", "settings") if label in found]
    return [("filled by", ", ".join(told))] + ([("its job", found["job"])] if "job" in found else [])


def _window_text(window: Box) -> str:
    (height, width), (x0, y0, x1, y1) = window.shape, window.as_exr()
    return f"{width} x {height}, from ({x0}, {y0}) to ({x1}, {y1})"
