"""Runs one job in this process: no broker, no worker, no cache. `aan fill` and `aan paint` run it in a child, see
`subprocess_job`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from pathlib import Path

from aan_engine.plates.input_summary import InputSummary

from ..errors import SequenceError
from ..protocol import JobSpec
from ..sequence import frame_path
from .async_writer import AsyncWriter
from .delivery import prepare_output
from .engine import ENGINE, EngineStep, JobReport, WritableFrame, inspect, load_engine, to_shot
from .existing_files import (
    EXISTING,
    REFUSE,
    ExistingPolicy,
    WrittenFrames,
    existing_frames,
    refuse_foreign_files,
    refuse_mixture,
)
from .failures import JobError
from .job_inputs import JobInputs, resolve_inputs
from .report_files import report_path
from .worker_messages import StepDone

UNSEEN_LAYER = "unseen"
"""The layer that tells a painter which pixels no frame shows."""


@dataclass(frozen=True)
class Watcher:
    """Who is told of a job beyond its steps: what was understood of its inputs, then each frame once it lies on disk.

    `written` is called from the thread that writes.
    """

    inspected: Callable[[InputSummary], None] = lambda understood: None
    written: Callable[[int], None] = lambda frame: None


NOBODY = Watcher()


def fill(
    spec: JobSpec,
    output: str,
    *,
    progress: Callable[[EngineStep], None],
    watcher: Watcher = NOBODY,
    existing: ExistingPolicy = REFUSE,
    engine: str = ENGINE,
) -> int:
    """Fill every target and write it to the pattern `output`, with the report beside it; returns the number of frames.

    The job is checked before the engine called `engine` is loaded, so that errors in it show at once. What the engine
    understood of it is told before anything is computed or overwritten. The report keeps what it says of other frames
    of the shot. Frames that are skipped because they exist are told as one step of the stage `EXISTING`, and do not
    count.

    Raises:
        SequenceError: when a pattern cannot be used (see `job_inputs`), or files would be overwritten that are not this
            shot's, or were replaced by another job meanwhile (see `existing_files`).
        OSError: when the output folder is not writable.
        AanError: when the engine cannot do it; frames that are finished stay.
        JobError: when the engine left a frame out.
    """
    inputs = resolve_inputs(spec, output=output)
    skip = existing_frames(inputs, output) if existing.skip else frozenset[int]()
    if existing.skip:
        progress(StepDone("", EXISTING, len(skip), len(inputs.targets)))
    if len(skip) == len(inputs.targets):
        return 0
    prepare_output(output, inputs.targets[0])
    shot = to_shot(inputs)
    loaded_engine = load_engine(engine)
    understood = inspect(loaded_engine, shot, inputs)
    watcher.inspected(understood)
    if not existing.overwrite:  # after what was understood: another matte than before is another job
        refuse_foreign_files(inputs, output)
    report = loaded_engine.report(report_path(output), keep=WrittenFrames(output), inputs=understood)
    filling = loaded_engine.fill(shot, progress=progress, skip=skip)
    written = _write_all(filling, output, watcher=watcher, report=report)
    if missing := len(inputs.targets) - len(skip) - len(written):
        raise JobError(f"{missing} frames were not written", hint="Fill the shot again.", code="incomplete")
    report.finish()
    refuse_mixture(inputs, output, written)
    return len(written)


def paint(
    spec: JobSpec,
    output: str,
    *,
    progress: Callable[[EngineStep], None],
    watcher: Watcher = NOBODY,
    existing: ExistingPolicy = REFUSE,
    engine: str = ENGINE,
) -> tuple[int, ...]:
    """Write the key frames alone, filled, for a painter; returns their numbers, none where every pixel is seen.

    They are whole frames with the layer `unseen`, whatever the job says, and there is no report.

    Raises:
        SequenceError: when a pattern cannot be used (see `job_inputs`), or files of this name exist: they may have
            been painted already, unless `existing` says to overwrite.
        OSError, AanError: as for `fill`.
    """
    whole = replace(spec, write="full", aov=tuple(dict.fromkeys((*spec.aov, UNSEEN_LAYER))))
    inputs = resolve_inputs(whole, output=output)
    if not existing.overwrite:
        _check_nothing_is_painted(inputs, output)
    prepare_output(output, inputs.targets[0])
    shot = to_shot(inputs)
    loaded_engine = load_engine(engine)
    watcher.inspected(inspect(loaded_engine, shot, inputs))
    return _write_all(loaded_engine.paint(shot, progress=progress), output, watcher=watcher)


def _write_all(
    frames: Iterable[WritableFrame], output: str, *, watcher: Watcher, report: JobReport | None = None
) -> tuple[int, ...]:
    """Write each frame while the engine works on the next one; returns their numbers."""
    written = []

    def write(filled: WritableFrame) -> None:
        changed = filled.write(Path(frame_path(output, filled.frame)))
        if report is not None:
            report.add(filled, changed=changed)
        written.append(filled.frame)
        watcher.written(filled.frame)

    with AsyncWriter(write) as writer:
        for filled in frames:
            writer.put(filled)
    return tuple(written)


def _check_nothing_is_painted(inputs: JobInputs, output: str) -> None:
    """Refuse to write over the files of an earlier run, which somebody may have spent hours on."""
    for frame in inputs.targets:
        if Path(path := frame_path(output, frame)).exists():
            hint = "It may have been painted: choose another name, move it away, or overwrite it (--overwrite)."
            raise SequenceError(f"{path} exists", hint=hint)
