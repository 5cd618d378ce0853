"""A strict stand-in for the engine that real plates go through: it copies each, when it is let.

A file `go` in the folder of the result's job lets it finish; `go.1003` lets it do that frame. What it is given must be
what the real engine would take: plates and mattes that are there, one matte to a plate or one for all.
"""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable, Collection, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from aan_engine.plates.input_summary import InputSummary
from aan_engine.shot import Shot
from tests.host.fake_engine import Step, summary

GATE = Path(os.environ["COPYING_GATE"])


@dataclass(frozen=True)
class Filled:
    frame: int
    plate: Path

    def write(self, path: Path) -> int:
        temporary = path.with_name(f".{path.name}.part")
        shutil.copyfile(self.plate, temporary)
        temporary.rename(path)
        return 0


class Report:
    """None is left."""

    def add(self, filled: Filled, *, changed: int) -> None:
        assert not changed

    def finish(self) -> None:
        pass


class CopyingEngine:
    def inspect(self, shot: Shot) -> InputSummary:
        return summary([plate.frame for plate in shot.targets])

    def report(self, path: Path, *, keep: Container[int] = (), inputs: InputSummary | None = None) -> Report:
        return Report()

    def identity(self) -> str:
        return "copying 1"

    def warm(self, device: str) -> None:
        pass

    def fill(
        self, shot: Shot, *, progress: Callable[[Step], None] | None = None, skip: Collection[int] = ()
    ) -> Iterator[Filled]:
        assert progress is not None
        for file in (*shot.plates, *shot.mattes):
            assert file.path.is_file(), file
        targets = [plate for plate in shot.targets if plate.frame not in skip]
        for number, plate in enumerate(targets, 1):
            while not ((GATE / "go").exists() or (GATE / f"go.{plate.frame}").exists()):
                progress(Step("fill", number - 1, len(targets)))
                time.sleep(0.02)
            yield Filled(plate.frame, plate.path)
            progress(Step("fill", number, len(targets)))


def make() -> CopyingEngine:
    return CopyingEngine()
