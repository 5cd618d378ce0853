"""Verification of a written frame: outside the matte every bit, and every header attribute, must be the plate's.

It compares a plate with the parts of the file as read back. The attributes by which a result says that it is one (see
`result_marks` and `stereo`) must be as they were to be written instead.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aan_engine.errors import OutsideMatteError
from aan_engine.plates.exr_attributes import passthrough
from aan_engine.plates.exr_header import PartDescription
from aan_engine.plates.plate import Array, Part, Plate
from aan_engine.plates.result_marks import MARKS
from aan_engine.plates.stereo import FILLED_VIEW

# Attributes of the layout that place the picture; like those of `passthrough` they must be the plate's.
_PLACEMENT = ("dataWindow", "displayWindow", "name", "pixelAspectRatio", "screenWindowCenter", "screenWindowWidth")
_OWN = MARKS | {FILLED_VIEW}


def verify(
    plate: Plate,
    written: tuple[Part, ...],
    *,
    hidden: NDArray[np.bool_],
    filled: Mapping[str, Array],
    path: Path,
    headers: Sequence[PartDescription] | None = None,
    beside: Mapping[int, Mapping[str, Array]] | None = None,
) -> int:
    """Compare a file as read back with its plate, bit by bit, NaN payloads and signed zeros included.

    Args:
        written: the parts as read back.
        hidden: (H, W) bool, True where the picture may differ from the plate.
        filled: the channels of the picture's part that were replaced or added, with their intended values.
        path: the file, for the error.
        headers: the headers as they were to be written; None for the plate's own.
        beside: channels beside the picture, by part and name, that may differ from the plate where `hidden` as well,
            with their intended values.

    Returns:
        The number of wrong bits: 0, or it raises.

    Raises:
        OutsideMatteError: a bit outside `hidden` differs from the plate, a bit of `filled` or `beside` from its
            intended value, or a header attribute from the plate's.
    """
    if len(written) != len(plate.parts):
        raise _outside_matte_error(path, plate, f"{len(plate.parts)} parts went in, {len(written)} came out")
    bits = 0
    where: list[str] = []
    intended = headers if headers is not None else [part.description for part in plate.parts]
    for index, (before, after) in enumerate(zip(plate.parts, written, strict=True)):
        whole, along = filled if index == plate.picture.part else {}, (beside or {}).get(index, {})
        expected = {**before.channels, **along, **whole}
        in_hole = {*along} - {*whole} | ({*plate.picture.names} if index == plate.picture.part else set())
        if expected.keys() != after.channels.keys():
            raise _outside_matte_error(path, plate, "its channels are not the plate's")
        if lost := _lost_attributes(before.description, after.description, intended=intended[index]):
            raise _outside_matte_error(path, plate, f"its header differs in {', '.join(lost)}")
        for name, wanted in expected.items():
            if name in in_hole:
                count = _changed_bits(before.channels[name], after.channels[name], ignoring=hidden)
                count += _changed_bits(wanted, after.channels[name], ignoring=~hidden)
            else:
                count = _changed_bits(wanted, after.channels[name])
            if count:
                bits, where = bits + count, [*where, name]
    if bits:
        raise _outside_matte_error(path, plate, f"{bits} bits differ in {', '.join(where)}")
    return bits


def _changed_bits(before: Array, after: Array, *, ignoring: NDArray[np.bool_] | None = None) -> int:
    if before.dtype != after.dtype or before.shape != after.shape:
        return 8 * max(before.nbytes, after.nbytes)
    unsigned = np.dtype(f"u{before.dtype.itemsize}")
    changed = before.view(unsigned) ^ after.view(unsigned)
    if ignoring is not None:
        changed[ignoring] = 0
    return int(np.bitwise_count(changed).sum(dtype=np.int64)) if changed.any() else 0


def _lost_attributes(before: PartDescription, after: PartDescription, *, intended: PartDescription) -> list[str]:
    def raw(part: PartDescription, name: str) -> bytes | None:
        return part.attributes[name].value if name in part.attributes else None

    names = [name for name in (*_PLACEMENT, *passthrough(before)) if name in before.attributes and name not in _OWN]
    lost = [name for name in names if raw(before, name) != raw(after, name)]
    return lost + [name for name in sorted(_OWN) if raw(intended, name) != raw(after, name)]


def _outside_matte_error(path: Path, plate: Plate, why: str) -> OutsideMatteError:
    return OutsideMatteError(
        f"the frame would not have been the plate outside the matte: {why}",
        hint="Nothing was kept. Please report this plate.",
        file=path,
        frame=plate.frame,
    )
