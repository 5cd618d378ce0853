"""Header attributes carried from a plate to its result byte for byte, past the EXR library.

The library's Python face turns attributes into Python values and back, and some do not survive: text that is not
UTF-8 cannot be read at all, empty lists cannot be written, rationals are reduced. So what describes the shot rather
than the pixels' layout goes around it: a result is written with a stand-in attribute of exactly the right length, and
the plate's own bytes are put in its place. Knows header bytes only; no pixels.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aan_engine.plates.exr_header import Attribute, PartDescription, describe

# What the library itself must know, or writes anew: it describes the layout of the pixels in the file at hand.
_LAYOUT = frozenset(
    {
        *("channels", "chunkCount", "compression", "dataWindow", "displayWindow", "lineOrder", "name"),
        *("pixelAspectRatio", "screenWindowCenter", "screenWindowWidth", "tiles", "type", "version"),
    }
)
_DERIVED = frozenset({"channels", "chunkCount"})
_PLACEHOLDER = "~"
_LONG_NAMES = 0x400
_LONGEST_SHORT_NAME = 31


def passthrough(part: PartDescription) -> dict[str, Attribute]:
    """The attributes that pass a rewrite untouched: all but those of the pixels' layout."""
    return {name: attribute for name, attribute in part.attributes.items() if name not in _LAYOUT}


def placeholder_header(part: PartDescription, header: Mapping[str, Any]) -> dict[str, Any]:
    """The header to hand to the library: of `header`, in its own values, the layout; and a stand-in for the rest."""
    layout = {name: value for name, value in header.items() if name in _LAYOUT - _DERIVED}
    spare = len(_serialise(part)) - len(_serialise_one(_PLACEHOLDER, Attribute("string", b"", at=0)))
    return {**layout, _PLACEHOLDER: "~" * spare} if spare >= 0 else layout


def splice(path: Path, parts: Sequence[PartDescription]) -> None:
    """Put the carried attributes of `parts` in the place of their stand-ins in the file just written at `path`.

    Raises:
        OSError: the file cannot be changed.
        PlateError: the file cannot be read back.
    """
    written = describe(path)
    with path.open("r+b") as file:
        for source, target in zip(parts, written.parts, strict=True):
            if _PLACEHOLDER in target.attributes:
                file.seek(target.attributes[_PLACEHOLDER].at - len(_PLACEHOLDER) - 1)
                file.write(_serialise(source))
        if any(len(name) > _LONGEST_SHORT_NAME for part in parts for name in passthrough(part)):
            file.seek(4)
            version = int.from_bytes(file.read(4), "little")
            file.seek(4)
            file.write((version | _LONG_NAMES).to_bytes(4, "little"))


def mask_types(data: bytes, parts: Sequence[PartDescription]) -> bytes:
    """An EXR file's bytes with the carried attributes' types made unknown, so that any value passes the library."""
    veil = bytearray(data)
    for part in parts:
        for attribute in passthrough(part).values():
            veil[attribute.at] = ord("~")
    return bytes(veil)


def _serialise(part: PartDescription) -> bytes:
    return b"".join(_serialise_one(name, attribute) for name, attribute in passthrough(part).items())


def _serialise_one(name: str, attribute: Attribute) -> bytes:
    size = len(attribute.value).to_bytes(4, "little")
    return name.encode("latin-1") + b"\0" + attribute.type.encode("latin-1") + b"\0" + size + attribute.value
