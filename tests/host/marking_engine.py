"""The stand-in of `fake_engine`, whose results are small EXRs with the real engine's marks in their headers."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import OpenEXR

from aan_engine import provenance
from aan_engine._version import __version__
from aan_engine.plates import exr
from aan_engine.shot import Shot
from tests.host.fake_engine import Reporting, Step


@dataclass(frozen=True)
class Marked:
    frame: int
    shot: Shot

    def write(self, path: Path) -> int:
        return write_marked(path, self.shot)


def write_exr(path: Path) -> Path:
    """An EXR of another program's."""
    header = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File(header, dict.fromkeys("RGB", np.zeros((4, 6), np.float16))).write(str(path))
    return path


def write_marked(path: Path, shot: Shot, *, engine: str = __version__) -> int:
    """A result of this shot."""
    plate = exr.read(write_exr(path.with_name("template")), frame=1)
    path.with_name("template").unlink()
    made = provenance.of(shot, engine=engine, weights="w", device="CPU").dated()
    return exr.write(path, plate, pixels=plate.pixels, hidden=np.zeros(plate.shape, bool), provenance=made)


class Marking(Reporting):
    def fill(
        self, shot: Shot, *, progress: Callable[[Step], None] | None = None, skip: Collection[int] = ()
    ) -> Iterator[Marked]:
        for filled in super().fill(shot, progress=progress, skip=skip):
            yield Marked(filled.frame, shot)


def make() -> Marking:
    return Marking()
