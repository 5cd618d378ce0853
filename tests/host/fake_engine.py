"""A strict stand-in for the engine: it does to each frame what the plate file says, in words, and nothing else.

    fill              write the plate's own words into the result
    key               the same, and `paint` gives this frame
    odd               the same, and the shot comes with a warning
    hold SECONDS      first compute that long without letting go of the interpreter, as a hard frame does
    wait PATH         first wait until a file is there
    damaged           refuse the plate as unreadable
    memory            run out of memory
    die               take the whole process down
    crash             do so while a file is being read, as a fault in a decoder does
    hang              read a file for ever, without letting go of the interpreter; half a second was enough
    fault             a plain bug
    nothing           do not fill this frame, and say nothing about it

Its weights are words in the file that `FAKE_WEIGHTS` names, if it is there. Every plate that is opened is noted in
`opened.txt` beside it. It refuses what the real engine would never be given.
"""

from __future__ import annotations

import ctypes
import json
import os
import signal
import time
from collections.abc import Callable, Collection, Container, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from aan_engine.errors import PlateUnreadable
from aan_engine.plates import decode_watchdog
from aan_engine.plates.input_summary import InputSummary
from aan_engine.shot import FrameFile, Shot


@dataclass(frozen=True)
class Step:
    stage: str
    done: int
    total: int


@dataclass(frozen=True)
class Filled:
    frame: int
    words: str

    def write(self, path: Path) -> int:
        temporary = path.with_name(f".{path.name}.fake.part")  # as the engine calls what is half-written
        temporary.write_text(self.words)
        temporary.rename(path)
        return 0


FORMAT = "align-and-attend report 1"


def summary(frames: Collection[int], *, warnings: tuple[str, ...] = ()) -> InputSummary:
    """What every stand-in understands of a shot."""
    told = ("half", "scene-linear", "", "A", 0.05, "CPU")
    return InputSummary(tuple(sorted(frames)), (24, 32), *told, warnings=warnings)


def understood(frames: Collection[int]) -> str:
    """What is said of a job on the house's plates, whose matte is one still."""
    held = (f"matte.exr is held over all {len(frames)} frames",) if len(frames) > 1 else ()
    return replace(summary(frames), notes=held).text


WORK = 0.5
"""Seconds that a frame takes before it fails: the one before is written behind it, and would otherwise not be out."""


SAID, WARNED = "what was understood, of the whole job", ("something is odd",)
"""What a report says of the inputs."""


class Silent:
    """A report that leaves nothing."""

    def __init__(self, path: Path, keep: Container[int]) -> None:
        # Frames that can be listed are settled; of others it can only be asked whether they are there.
        self.path, self.frames = path, set(keep) if isinstance(keep, Collection) else set()

    def add(self, filled: Filled, *, changed: int) -> None:
        if changed or filled.frame in self.frames:
            raise AssertionError("told of what it cannot be told of")
        self.frames.add(filled.frame)

    def finish(self) -> None:
        if not self.frames:
            raise AssertionError("finished without a frame")


class Spoken(Silent):
    """A report in words, as after each frame: the last of the frames is the worst, the first the key frame."""

    def add(self, filled: Filled, *, changed: int) -> None:
        super().add(filled, changed=changed)
        first, last = min(self.frames), max(self.frames)
        told = {"unseen": 0.25, "worst": [last], "keys": [first], "inputs": SAID, "warnings": WARNED}
        self.path.write_text(json.dumps({"format": FORMAT, "summary": told}))

    def finish(self) -> None:
        super().finish()
        self.path.with_suffix(".png").write_text("a picture")


class FakeEngine:
    def inspect(self, shot: Shot) -> InputSummary:
        if type(shot) is not Shot:
            raise AssertionError("the worker hands over a Shot")
        words = [plate.path.read_text() for plate in shot.targets]
        warnings = ("the matte hides nothing: the result is the plate",) if "odd" in words else ()
        return summary([plate.frame for plate in shot.targets], warnings=warnings)

    def report(self, path: Path, *, keep: Container[int] = (), inputs: InputSummary | None = None) -> Silent:
        return Silent(path, keep)

    def identity(self) -> str:
        weights = Path(os.environ["FAKE_WEIGHTS"])
        return weights.read_text() if weights.exists() else "fake 1"

    def warm(self, device: str) -> None:
        if device != "auto":
            raise AssertionError(f"warmed for {device!r}")

    def fill(
        self, shot: Shot, *, progress: Callable[[Step], None] | None = None, skip: Collection[int] = ()
    ) -> Iterator[Filled]:
        if type(shot) is not Shot or progress is None:
            raise AssertionError("the worker hands over a Shot, and listens")
        targets = [plate for plate in shot.targets if plate.frame not in skip]
        if not targets or set(skip) - {plate.frame for plate in shot.targets}:
            raise AssertionError("called for nothing, or to skip what nobody asked for")
        for number in range(len(targets)):
            progress(Step("look", number + 1, len(targets)))
        for number, plate in enumerate(targets):
            if (words := self._open(plate)) is not None:
                yield Filled(plate.frame, words)
            progress(Step("fill", number + 1, len(targets)))

    def paint(self, shot: Shot, *, progress: Callable[[Step], None] | None = None) -> Iterator[Filled]:
        if type(shot) is not Shot or progress is None:
            raise AssertionError("who paints hands over a Shot, and listens")
        if shot.controls.write != "full" or shot.aovs.count("unseen") != 1:
            raise AssertionError("a painter needs whole frames, and what no frame shows")
        progress(Step("look", 1, 1))
        for plate in shot.targets:
            if (words := self._open(plate)) == "filled key":
                yield Filled(plate.frame, f"{words}, {'+'.join(shot.aovs)}")

    def _open(self, plate: FrameFile) -> str | None:
        with (plate.path.parent / "opened.txt").open("a") as notes:
            notes.write(f"{plate.frame}\n")
        word, _, argument = plate.path.read_text().partition(" ")
        if word == "hold":
            ctypes.PyDLL(None).usleep(int(float(argument) * 1e6))
        elif word == "wait":
            while not Path(argument).exists():
                time.sleep(0.01)
        elif word == "damaged":
            raise PlateUnreadable("the file breaks off", hint="Render it again.", file=plate.path, frame=plate.frame)
        elif word == "memory":
            raise MemoryError("no 64 GiB")
        elif word == "die":
            time.sleep(WORK)
            os.kill(os.getpid(), signal.SIGKILL)
        elif word == "crash":
            time.sleep(WORK)
            with decode_watchdog.watch(plate.path, frame=plate.frame):
                os.kill(os.getpid(), signal.SIGSEGV)
        elif word == "hang":
            with decode_watchdog.watch(plate.path, frame=plate.frame, patience=0.5):
                ctypes.PyDLL(None).sleep(1000)
        elif word == "fault":
            raise RuntimeError("a bug")
        elif word == "nothing":
            return None
        elif word not in ("fill", "key", "odd"):
            raise AssertionError(f"unknown word {word!r}")
        return f"filled {plate.path.read_text()}"


def make() -> FakeEngine:
    return FakeEngine()


class Reporting(FakeEngine):
    def report(self, path: Path, *, keep: Container[int] = (), inputs: InputSummary | None = None) -> Silent:
        return Spoken(path, keep)


def reporting() -> FakeEngine:
    """An engine that leaves reports."""
    return Reporting()


def late() -> FakeEngine:
    """An engine that takes a while to load."""
    time.sleep(1.0)
    return FakeEngine()


def broken() -> FakeEngine:
    """An engine that cannot be loaded."""
    raise RuntimeError("no weights here")
