"""Header attributes copied from a plate to its result byte for byte, past the EXR library.

The library's Python bindings convert attributes to Python values and back, and some do not survive: text that is not
UTF-8 cannot be read at all, empty lists cannot be written, rationals are reduced. So the attributes that describe the
shot, not the layout of the pixels, bypass the library: a result is written with a placeholder attribute of exactly the
right length, and the plate's own bytes are then written over it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from aan_engine.plates.exr_header import Attribute, PartDescription, describe

# The library needs or writes these itself: they describe the layout of the pixels in the file.
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
    """The attributes that a result has from its plate: all but those of the pixels' layout."""
    return {name: attribute for name, attribute in part.attributes.items() if name not in _LAYOUT}


def placeholder_header(part: PartDescription, header: Mapping[str, Any]) -> dict[str, Any]:
    """The header to give to the library: the layout attributes of `header`, and a placeholder for all others.

    Args:
        header: the part's attributes as the library's Python values.
    """
    layout = {name: value for name, value in header.items() if name in _LAYOUT - _DERIVED}
    spare = len(_serialise(part)) - len(_serialise_one(_PLACEHOLDER, Attribute("string", b"", at=0)))
    return {**layout, _PLACEHOLDER: "~" * spare} if spare >= 0 else layout


def splice(path: Path, parts: Sequence[PartDescription]) -> None:
    """Write the attributes of `parts` over their placeholders in the file at `path`.

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
    """An EXR file's bytes with unknown types for all attributes that `passthrough` names.

    The library does not interpret an attribute of unknown type, so it reads the file whatever their values.
    """
    masked = bytearray(data)
    for part in parts:
        for attribute in passthrough(part).values():
            masked[attribute.at] = ord("~")
    return bytes(masked)


def _serialise(part: PartDescription) -> bytes:
    return b"".join(_serialise_one(name, attribute) for name, attribute in passthrough(part).items())


def _serialise_one(name: str, attribute: Attribute) -> bytes:
    size = len(attribute.value).to_bytes(4, "little")
    return name.encode("latin-1") + b"\0" + attribute.type.encode("latin-1") + b"\0" + size + attribute.value
