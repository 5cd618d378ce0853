"""What every host of the engine can do, as one small interface: the command line, Nuke and Blender pass one suite.

A driver is a class with this interface and a line in `drivers.DRIVERS`. The suite gives it a folder in which
`plate.1001.exr` .. `plate.1004.exr` (rgb, half) and `matte.1001.exr` .. (channel A) lie, 32 x 24 pixels, and an engine:
`engine.python` is the interpreter that has it, to be named where the host names such things. The driver acts as an
artist does, through the host's own buttons or commands, and never calls the engine by itself. All calls come from one
thread; none but `look` needs to wait for anything.
"""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import numpy as np

from tests.foundry import plates

FRAMES = (1001, 1002, 1003, 1004)

FINISHED, CANCELLED, FAILED, LOST = "finished", "cancelled", "failed", "lost"


class Host(Protocol):
    """One host with one shot."""

    def submit(self) -> None:
        """Have the whole shot cleaned; come back at once."""

    def look(self) -> None:
        """Let a little time pass: an event loop turns, output is read."""

    def frames(self) -> list[int]:
        """The frames that the artist can see are finished, in ascending order."""

    def file(self, frame: int) -> Path:
        """Where the result of a frame lies."""

    def ended(self) -> str:
        """How the work ended, one of the four words above; empty while it is under way."""

    def words(self) -> str:
        """What the artist was told of it last."""

    def cancel(self) -> None:
        """The artist stops the work."""

    def leave(self) -> None:
        """The host is closed in mid-job, or its script is."""

    def come_back(self) -> None:
        """It is opened again, and goes on with the job, or is told to."""

    def again(self) -> None:
        """The artist asks for what is still missing, after the work ended early."""

    def close(self) -> None:
        """The end of the test."""


def lay_out(folder: Path) -> None:
    """The shot."""
    matte = np.zeros((plates.HEIGHT, plates.WIDTH), np.float16)
    matte[8:16, 10:20] = 1
    for frame in FRAMES:
        plates.write(folder / f"plate.{frame}.exr", RGB=plates.noise(frame))
        plates.write(folder / f"matte.{frame}.exr", A=matte)


def is_filled(path: Path, frame: int) -> bool:
    """Whether a file is the stand-in's fill inside the matte and the plate outside."""
    found = plates.read(path)["R"].astype(np.float32)
    plate = plates.noise(frame)[..., 0].astype(np.float32)
    plate[8:16, 10:20] = 7 + frame - 1000
    return np.array_equal(found, plate)
