"""One job in this very process: no broker, no worker, no cache. What `aan fill` does."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..protocol import JobSpec
from ..sequence import frame_path
from .intake import take_in
from .worker import Engine, JobError, Step, shot_of


def fill(spec: JobSpec, output: str, *, engine: Engine, progress: Callable[[Step], None]) -> int:
    """Fill every target and write it to the pattern `output`; returns their number.

    Raises:
        SequenceError: when a pattern cannot be used (see `intake`).
        AanError: when the engine cannot do it; the frames before stay.
        JobError: when the engine left a frame out.
    """
    intake = take_in(spec, output=output)
    written = []
    for filled in engine.fill(shot_of(intake), progress=progress):
        path = Path(frame_path(output, filled.frame))
        path.parent.mkdir(parents=True, exist_ok=True)
        filled.write(path)
        written.append(filled.frame)
    if tuple(written) != intake.targets:
        missing = len(intake.targets) - len(written)
        raise JobError(f"{missing} frames were not written", hint="Fill the shot again.", code="incomplete")
    return len(written)
