"""The text that `aan info` prints of a picture file, made from the engine's description. Reads no file."""

from __future__ import annotations

from itertools import groupby

from aan_engine.core.box import Box
from aan_engine.errors import PlateUnsupported
from aan_engine.plates import stereo
from aan_engine.plates.exr import check_writable
from aan_engine.plates.exr_header import Description, PartDescription
from aan_engine.plates.picture_layer import find_picture_channels


def as_text(description: Description) -> str:
    """A few lines: each part with its channels, windows, storage, codec and timecode."""
    lines = [str(description.path)]
    if description.format_note:
        lines.append(f"    {'format':9}{description.format_note}")
    for number, part in enumerate(description.parts):
        if len(description.parts) > 1:
            lines.append(f"  part {number} {part.name}")
        lines += [
            f"    {label:9}{value}"
            for label, value in _part_rows(part)
            if label != "stored" or not description.format_note
        ]
    return "\n".join([*lines, *(f"    {label:9}{value}" for label, value in _filled_rows(description))])


def _filled_rows(description: Description) -> list[tuple[str, str]]:
    """Which channels are filled; of several views, which one, and that the others stay."""
    try:
        check_writable(description, frame=None)
        beauty = find_picture_channels(description, frame=None)
    except PlateUnsupported as error:
        return [("filled", f"nothing: {error.reason}")]
    names = " ".join(dict.fromkeys(beauty.names))
    rows = [("filled", names + (f" of part {beauty.part}" if len(description.parts) > 1 else ""))]
    view, all_views = stereo.view_of(description.parts[beauty.part], beauty.names[0]), stereo.view_names(description)
    if view is not None and len(all_views) > 1:
        others = ", ".join(name for name in all_views if name != view)
        rows.append(("views", f"{view} is filled; {others} stays as it is, or is filled with --view"))
    return rows


def _part_rows(part: PartDescription) -> list[tuple[str, str]]:
    by_type = groupby(part.channels, key=lambda channel: channel[1])
    return [
        ("channels", "; ".join(f"{' '.join(name for name, _ in group)} ({kind})" for kind, group in by_type)),
        ("display", _window_text(part.display_window)),
        ("data", _window_text(part.data_window)),
        ("stored", f"{part.type}, {part.compression}"),
        *([("timecode", part.timecode)] if part.timecode else []),
    ]


def _window_text(window: Box) -> str:
    (height, width), (x0, y0, x1, y1) = window.shape, window.as_exr()
    return f"{width} x {height}, from ({x0}, {y0}) to ({x1}, {y1})"
