"""The eight orientations as EXIF, movies and DPX headers say them, and what each does to a picture; for tests."""

from __future__ import annotations

from pathlib import Path

import numpy as np

EXIF = range(1, 9)
ONE = 1 << 16
"""1 in the fixed-point numbers of a display matrix."""

# EXIF's definitions: by its number, what is done with a stored picture to show it.
SHOWN = {
    1: lambda a: a,
    2: np.fliplr,
    3: lambda a: np.rot90(a, 2),
    4: np.flipud,
    5: np.transpose,
    6: lambda a: np.rot90(a, -1),
    7: lambda a: np.fliplr(np.rot90(a, 1)),
    8: lambda a: np.rot90(a, 1),
}
MATRICES = {
    1: (1, 0, 0, 1),
    2: (-1, 0, 0, 1),
    3: (-1, 0, 0, -1),
    4: (1, 0, 0, -1),
    5: (0, 1, 1, 0),
    6: (0, 1, -1, 0),
    7: (0, -1, -1, 0),
    8: (0, -1, 1, 0),
}
WORDS = {
    2: "mirrored",
    3: "turned by 180 degrees",
    4: "mirrored top to bottom",
    5: "turned by 90 degrees and mirrored",
    6: "turned by 90 degrees",
    7: "turned by 270 degrees and mirrored",
    8: "turned by 270 degrees",
}


def matrix(a: int, b: int, c: int, d: int) -> tuple[int, ...]:
    """Stored (x, y) is shown at (a x + c y, b x + d y)."""
    return (a * ONE, b * ONE, 0, c * ONE, d * ONE, 0, 0, 0, 1 << 30)


# The scan direction of a DPX header: along a line, then from line to line.
DPX = {0: 1, 1: 2, 2: 4, 3: 3}
DPX_ORIENTATION_AT = 768


def dpx_scanned(path: Path, code: int) -> Path:
    data = bytearray(path.read_bytes())
    assert data[:4] == b"XPDS"  # little-endian
    data[DPX_ORIENTATION_AT : DPX_ORIENTATION_AT + 2] = code.to_bytes(2, "little")
    path.write_bytes(data)
    return path
