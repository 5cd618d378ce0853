"""Views: the eyes of a stereo file, and which of them is filled.

A file has views by its header's word: each part names its own (`view`), or one part lists all (`multiView`), and the
first of these stands without a name before its channels. Knows headers; no pixels.
"""

from __future__ import annotations

from dataclasses import replace

from aan_engine.plates.exr_header import Attribute, Description, PartDescription

FILLED_VIEW = "aanFilledView"
"""The attribute by which a result says which of its views was filled."""


def view_names(description: Description) -> tuple[str, ...]:
    """The names of all views, in the file's order; none in a file that is not stereo."""
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
    """The parts as a result describes them whose picture is this channel of this part: of several views, which one."""
    parts = list(description.parts)
    view = view_of(parts[number], channel)
    if view is not None and len(view_names(description)) > 1:
        note = Attribute("string", view.encode("utf-8"), at=0)
        parts[number] = replace(parts[number], attributes=parts[number].attributes | {FILLED_VIEW: note})
    return tuple(parts)


def _view_attribute(part: PartDescription) -> tuple[str, ...]:
    attribute = part.attributes.get("view")
    return (attribute.value.decode("utf-8", "replace"),) if attribute is not None and attribute.value else ()


def _multi_view_attribute(part: PartDescription) -> tuple[str, ...]:
    """A list of strings as it lies in a header: four bytes of length, then so many of text, again and again."""
    attribute = part.attributes.get("multiView")
    raw, names = attribute.value if attribute is not None else b"", []
    while len(raw) >= 4:
        end = 4 + int.from_bytes(raw[:4], "little")
        names.append(raw[4:end].decode("utf-8", "replace"))
        raw = raw[end:]
    return tuple(names)
