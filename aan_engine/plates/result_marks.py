"""The header attributes by which a result says where it comes from, and by which the engine knows its own files.

They are strings, in the part of the picture: `aanJob`, `aanEngine`, `aanWeights`, `aanDevice`, `aanDate`, `aanShot` and
`aanSettings` hold a `Provenance`. `aanSize` is the size of the file in bytes: other programs copy attributes that they
do not know, so only a file of exactly this size is one that was written here, and is whole.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path

from aan_engine.errors import PlateError
from aan_engine.plates.exr_header import Attribute, PartDescription, describe
from aan_engine.provenance import Provenance

SIZE = "aanSize"
NAMES = {field.name: f"aan{field.name.capitalize()}" for field in fields(Provenance)}
"""The attribute of each field of `Provenance`."""

MARKS = frozenset({*NAMES.values(), SIZE})
"""The names of all these attributes."""

_SIZE_DIGITS = 15


def mark(
    headers: Sequence[PartDescription], provenance: Provenance | None, *, part: int
) -> tuple[PartDescription, ...]:
    """The headers of a result: without the marks of an earlier one, and with these in the picture's part.

    Args:
        provenance: None for no marks.
        part: the index of the picture's part.
    """
    marked = []
    for index, header in enumerate(headers):
        attributes = {name: value for name, value in header.attributes.items() if name not in MARKS}
        if provenance is not None and index == part:
            attributes |= {name: _text(getattr(provenance, field)) for field, name in NAMES.items()}
            attributes[SIZE] = _text("0" * _SIZE_DIGITS)
        marked.append(replace(header, attributes=attributes))
    return tuple(marked)


def with_size(headers: Sequence[PartDescription], size: int) -> tuple[PartDescription, ...]:
    """The headers of `mark`, of the same length, with the file's size in bytes."""
    sized = {SIZE: _text(f"{size:0{_SIZE_DIGITS}d}")}
    return tuple(
        replace(header, attributes=header.attributes | sized) if SIZE in header.attributes else header
        for header in headers
    )


def read_provenance(path: Path) -> Provenance | None:
    """The provenance of a file that this engine wrote; None for any other, or where it was changed since or cut short.

    Only the header is read.
    """
    try:
        parts, size = describe(path).parts, path.stat().st_size
    except (PlateError, OSError):
        return None
    for part in parts:
        found = {name: part.attributes[name].value for name in MARKS if name in part.attributes}
        if found.keys() == MARKS and found[SIZE] == b"%0*d" % (_SIZE_DIGITS, size):
            return Provenance(**{field: found[name].decode("utf-8", "replace") for field, name in NAMES.items()})
    return None


def _text(value: str) -> Attribute:
    return Attribute("string", value.encode("utf-8", "replace"), at=0)
