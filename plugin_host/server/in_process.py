"""Runs one job in this process: no broker, no worker, no cache. `aan fill` runs it in a child, see `subprocess_job`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from ..protocol import JobSpec
from ..sequence import frame_path
from .async_writer import AsyncWriter
from .delivery import prepare_output
from .engine import ENGINE, EngineStep, WritableFrame, load_engine, to_shot
from .failures import JobError
from .job_inputs import resolve_inputs
from .report_files import report_path


def fill(spec: JobSpec, output: str, *, progress: Callable[[EngineStep], None], engine: str = ENGINE) -> int:
    """Fill every target and write it to the pattern `output`, with the report beside it; returns the number of frames.

    The job is checked before the engine called `engine` is loaded, so that errors in it show at once.

    Raises:
        SequenceError: when a pattern cannot be used (see `job_inputs`).
        OSError: when the output folder is not writable.
        AanError: when the engine cannot do it; frames that are finished stay.
        JobError: when the engine left a frame out.
    """
    inputs = resolve_inputs(spec, output=output)
    prepare_output(output, inputs.targets[0])
    shot = to_shot(inputs)
    written = []
    loaded_engine = load_engine(engine)
    report = loaded_engine.report(report_path(output))

    def write(filled: WritableFrame) -> None:
        path = Path(frame_path(output, filled.frame))
        report.add(filled, changed=filled.write(path))
        written.append(filled.frame)

    with AsyncWriter(write) as writer:
        for filled in loaded_engine.fill(shot, progress=progress):
            writer.put(filled)
    if tuple(written) != inputs.targets:
        missing = len(inputs.targets) - len(written)
        raise JobError(f"{missing} frames were not written", hint="Fill the shot again.", code="incomplete")
    report.finish()
    return len(written)
