"""EXR files from elsewhere: two that come with the tests, and OpenEXR's sample images where they are at hand."""

from __future__ import annotations

from pathlib import Path

import pytest

SHIPPED = Path(__file__).parent / "exr"
SHARED = Path(__file__).resolve().parents[2].parent / "shared" / "data" / "exr"

needs_shared = pytest.mark.skipif(
    not SHARED.is_dir(),
    reason=f"OpenEXR's other sample images are not at {SHARED}; the two that are shipped are tested",
)


def write_damaged(folder: Path) -> list[str]:
    """Copies of the shipped files, cut short and with bytes overwritten; returns their names."""
    names = []
    for file in sorted(SHIPPED.glob("*.exr")):
        whole = file.read_bytes()
        for share in (0.0, 0.0005, 0.01, 0.3, 0.9):
            names.append(f"{file.stem}_{share}_cut.exr")
            (folder / names[-1]).write_bytes(whole[: round(share * len(whole))])
        for at in (4, 12, 200, len(whole) // 2):
            names.append(f"{file.stem}_{at}_overwritten.exr")
            (folder / names[-1]).write_bytes(whole[:at] + b"\xff" * 24 + whole[at + 24 :])
    return names
