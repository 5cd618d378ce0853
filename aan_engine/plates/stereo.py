"""The views (eyes) of a stereo EXR file, and which of them is filled.

Its header names them: each part has one (`view`), or one part lists all (`multiView`); of the latter the first is the
default, whose channels have no prefix.
"""

from __future__ import annotations

from dataclasses import replace

from aan_engine.plates.exr_header import Attribute, Description, PartDescription

FILLED_VIEW = "aanFilledView"
"""The attribute of a result that names the view that was filled."""


def view_names(description: Description) -> tuple[str, ...]:
    """The names of all views in the file's order; empty for a file that is not stereo."""
    names = [name for part in description.parts for name in (*_multi_view_attribute(part), *_view_attribute(part))]
    return tuple(dict.fromkeys(names))


def view_of(part: PartDescription, channel: str) -> str | None:
    """The view that a channel of a part belongs to; None in a part without views."""
    if own := _view_attribute(part):
        return own[0]
    listed = _multi_view_attribute(part)
    if not listed:
        return None
    layers = channel.split(".")[:-1]
    return next((name for name in reversed(layers) if name in listed), listed[0])


def mark_filled(description: Description, number: int, channel: str) -> tuple[PartDescription, ...]:
    """The headers of a result: where there are several views, with the attribute that names the one filled.

    Args:
        number: the index of the picture's part.
        channel: one of the picture's channels.
    """
    parts = list(description.parts)
    view = view_of(parts[number], channel)
    if view is not None and len(view_names(description)) > 1:
        attribute = Attribute("string", view.encode("utf-8"), at=0)
        parts[number] = replace(parts[number], attributes=parts[number].attributes | {FILLED_VIEW: attribute})
    return tuple(parts)


def _view_attribute(part: PartDescription) -> tuple[str, ...]:
    attribute = part.attributes.get("view")
    return (attribute.value.decode("utf-8", "replace"),) if attribute is not None and attribute.value else ()


def _multi_view_attribute(part: PartDescription) -> tuple[str, ...]:
    """The attribute `multiView`, a stringvector: for each string four bytes of length, then its text."""
    attribute = part.attributes.get("multiView")
    raw, names = attribute.value if attribute is not None else b"", []
    while len(raw) >= 4:
        end = 4 + int.from_bytes(raw[:4], "little")
        names.append(raw[4:end].decode("utf-8", "replace"))
        raw = raw[end:]
    return tuple(names)
