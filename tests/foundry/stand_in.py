"""A stand-in for the engine that writes real EXRs at once: inside the matte the number of the frame less 1000, plus 7.

Its layers say .25, and it fills nothing whose frame number is not below the one in the file that `STAND_IN_GATE` names,
as long as there is such a file. Like the engine it reads each plate anew and leaves every channel outside of the matte.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Collection, Container, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
from aan_engine.errors import PlateUnreadable
from aan_engine.plates.input_summary import InputSummary
from aan_engine.shot import Shot
from tests.host.fake_engine import Step, summary


@dataclass(frozen=True)
class Filled:
    frame: int
    header: dict[str, Any]
    channels: dict[str, np.ndarray]

    def write(self, path: Path) -> int:
        temporary = path.with_name(f".{path.name}.part")
        OpenEXR.File(self.header, self.channels).write(str(temporary))
        temporary.rename(path)
        return 0


class Report:
    def __init__(self, path: Path, keep: Container[int]) -> None:
        self.path, self.frames = path, set(keep) if isinstance(keep, Collection) else set()

    def add(self, filled: Filled, *, changed: int) -> None:
        self.frames.add(filled.frame)
        summary = {"unseen": 0.25, "worst": sorted(self.frames)[-2:]}
        self.path.write_text(json.dumps({"format": "align-and-attend report 1", "summary": summary}))

    def finish(self) -> None:
        self.path.with_suffix(".png").write_text("a picture")


class StandIn:
    def inspect(self, shot: Shot) -> InputSummary:
        return summary([plate.frame for plate in shot.targets])

    def report(self, path: Path, *, keep: Container[int] = (), inputs: InputSummary | None = None) -> Report:
        return Report(path, keep)

    def identity(self) -> str:
        return "stand-in 1"

    def warm(self, device: str) -> None:
        """There is nothing to load."""

    def fill(self, shot: Shot, *, progress: Callable[[Step], None], skip: Collection[int] = ()) -> Iterator[Filled]:
        targets = [plate for plate in shot.targets if plate.frame not in skip]
        mattes = {matte.frame: matte.path for matte in shot.mattes}
        for number, plate in enumerate(targets):
            while _shut(plate.frame):
                progress(Step("fill", number, len(targets)))
                time.sleep(0.02)
            yield _filled(plate.frame, plate.path, mattes.get(plate.frame, next(iter(mattes.values()))), shot)
            progress(Step("fill", number + 1, len(targets)))


def _shut(frame: int) -> bool:
    gate = Path(os.environ.get("STAND_IN_GATE", "/nowhere"))
    try:
        return frame >= int(gate.read_text() or 0)
    except (FileNotFoundError, ValueError):
        return False


def _read(path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    with OpenEXR.File(str(path), separate_channels=True) as file:
        return dict(file.header()), {name: np.array(channel.pixels) for name, channel in file.channels().items()}


def _filled(frame: int, plate: Path, matte: Path, shot: Shot) -> Filled:
    try:
        header, channels = _read(plate)
    except (RuntimeError, ValueError, OSError):
        raise PlateUnreadable("the file breaks off", hint="Render it again.", file=plate, frame=frame) from None
    _, mattes = _read(matte)
    channel = shot.matte_channel or "A"
    if channel not in mattes:
        raise AssertionError(f"{matte} has no {channel}: {sorted(mattes)}")
    hidden = mattes[channel] > 0
    if hidden.shape != channels["R"].shape:
        raise AssertionError(f"{matte} has not the plate's window")
    for name in "RGB":
        channels[name][hidden] = 7 + frame - 1000
    for layer in shot.aovs:
        for part in ("frame", "u", "v") if layer == "source" else ("a",):
            channels[f"{layer}.{part}"] = np.full(hidden.shape, 0.25, np.float32)
    kept = {name: header[name] for name in ("dataWindow", "displayWindow", "compression", "type")}
    return Filled(frame, kept, channels)


def make() -> StandIn:
    return StandIn()
