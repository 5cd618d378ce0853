"""One job in this very process: no broker, no worker, no cache. `aan fill` does it in a child, see `apart`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..protocol import JobSpec
from ..sequence import frame_path
from .async_writer import Behind
from .delivery import make_ready
from .engine import ENGINE, Filled, Step, load, shot_of
from .failures import JobError
from .job_inputs import take_in
from .report_files import report_of


def fill(spec: JobSpec, output: str, *, progress: Callable[[Step], None], engine: str = ENGINE) -> int:
    """Fill every target and write it to the pattern `output`, and the report beside it; returns their number.

    The job is checked before the engine called `engine` is loaded: what is wrong with it is said at once.

    Raises:
        SequenceError: when a pattern cannot be used (see `intake`).
        OSError: when there is no writing to where the result is to be.
        AanError: when the engine cannot do it; the frames before stay.
        JobError: when the engine left a frame out.
    """
    intake = take_in(spec, output=output)
    make_ready(output, intake.targets[0])
    shot = shot_of(intake)
    written = []
    maker = load(engine)
    report = maker.report(report_of(output))

    def write(filled: Filled) -> None:
        path = Path(frame_path(output, filled.frame))
        report.add(filled, changed=filled.write(path))
        written.append(filled.frame)

    with Behind(write) as behind:
        for filled in maker.fill(shot, progress=progress):
            behind.put(filled)
    if tuple(written) != intake.targets:
        missing = len(intake.targets) - len(written)
        raise JobError(f"{missing} frames were not written", hint="Fill the shot again.", code="incomplete")
    report.finish()
    return len(written)
