"""The proof that a written frame is the plate: every bit outside what was hidden, and every header attribute.

Compares a plate with what was read back from disk; reads and writes nothing itself.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from aan_engine.errors import OutsideMatteError
from aan_engine.plates.exr_attributes import passthrough
from aan_engine.plates.exr_header import PartDescription
from aan_engine.plates.plate import Array, Part, Plate

# Of the layout's attributes, those that place the picture: they too must be the plate's.
_PLACEMENT = ("dataWindow", "displayWindow", "name", "pixelAspectRatio", "screenWindowCenter", "screenWindowWidth")


def verify(
    plate: Plate,
    written: tuple[Part, ...],
    *,
    hidden: NDArray[np.bool_],
    filled: Mapping[str, Array],
    path: Path,
) -> int:
    """Hold a file read back against the plate, bit for bit, NaN payloads and signed zeros included.

    Args:
        written: the parts as read back.
        hidden: (H, W), True where the picture may differ.
        filled: the channels of the picture's part that were replaced or added, as they should be.

    Returns:
        The number of bits that are not as they should be: 0, or it raises.

    Raises:
        TouchedError: any bit outside `hidden` differs from the plate, any bit differs from what should
            be there, or a header attribute is not the plate's.
    """
    if len(written) != len(plate.parts):
        raise _outside_matte_error(path, plate, f"{len(plate.parts)} parts went in, {len(written)} came out")
    bits = 0
    where: list[str] = []
    for index, (before, after) in enumerate(zip(plate.parts, written, strict=True)):
        expected = {**before.channels, **(filled if index == plate.picture.part else {})}
        if expected.keys() != after.channels.keys():
            raise _outside_matte_error(path, plate, "its channels are not the plate's")
        if lost := _lost_attributes(before.description, after.description):
            raise _outside_matte_error(path, plate, f"its header differs in {', '.join(lost)}")
        for name, wanted in expected.items():
            if index == plate.picture.part and name in plate.picture.names:
                count = _changed_bits(before.channels[name], after.channels[name], besides=hidden)
                count += _changed_bits(wanted, after.channels[name], besides=~hidden)
            else:
                count = _changed_bits(wanted, after.channels[name])
            if count:
                bits, where = bits + count, [*where, name]
    if bits:
        raise _outside_matte_error(path, plate, f"{bits} bits differ in {', '.join(where)}")
    return bits


def _changed_bits(before: Array, after: Array, *, besides: NDArray[np.bool_] | None = None) -> int:
    if before.dtype != after.dtype or before.shape != after.shape:
        return 8 * max(before.nbytes, after.nbytes)
    unsigned = np.dtype(f"u{before.dtype.itemsize}")
    changed = before.view(unsigned) ^ after.view(unsigned)
    if besides is not None:
        changed[besides] = 0
    return int(np.bitwise_count(changed).sum(dtype=np.int64)) if changed.any() else 0


def _lost_attributes(before: PartDescription, after: PartDescription) -> list[str]:
    def raw(part: PartDescription, name: str) -> bytes | None:
        return part.attributes[name].value if name in part.attributes else None

    names = [*_PLACEMENT, *passthrough(before)]
    return [name for name in names if name in before.attributes and raw(before, name) != raw(after, name)]


def _outside_matte_error(path: Path, plate: Plate, why: str) -> OutsideMatteError:
    return OutsideMatteError(
        f"the frame would not have been the plate outside the matte: {why}",
        hint="Nothing was kept. Please report this plate.",
        file=path,
        frame=plate.frame,
    )
