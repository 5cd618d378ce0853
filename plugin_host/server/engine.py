"""The interface to the engine: what it must offer, how it is loaded, and a job converted to its types.

An engine is a module or object with `inspect`, `fill`, `paint`, `report`, `warm` and `identity`, named as `module` or
`module:factory`. The server knows no more of it than these protocols and the frozen values of `aan_engine.shot`.
"""

from __future__ import annotations

import importlib
import json
from collections.abc import Callable, Collection, Container, Iterator
from dataclasses import fields, replace
from pathlib import Path
from typing import Any, Protocol, cast

from aan_engine.plates.input_summary import InputSummary
from aan_engine.shot import Controls, FrameFile, Known, Shot

from ..protocol import JobSpec
from .job_inputs import JobInputs

ENGINE = "aan_engine.pipeline"


class EngineStep(Protocol):
    """The engine's progress: `done` of `total` steps of a `stage`."""

    @property
    def stage(self) -> str: ...
    @property
    def done(self) -> int: ...
    @property
    def total(self) -> int: ...


class WritableFrame(Protocol):
    """A filled frame that can be written. Writing is atomic and verifies the pixels outside the matte."""

    @property
    def frame(self) -> int: ...
    def write(self, path: Path) -> int:
        """Write the frame; returns how many bits were found changed outside the matte."""
        ...


class JobReport(Protocol):
    """Collects each written frame, and writes a report for the artist at the end."""

    def add(self, filled: Any, *, changed: int) -> None: ...
    def finish(self) -> None: ...


class Engine(Protocol):
    """What a worker needs of an engine. `inspect` says what it understands of a shot, and computes nothing."""

    def inspect(self, shot: Shot) -> InputSummary: ...
    def fill(
        self, shot: Shot, *, progress: Callable[[EngineStep], None] | None = None, skip: Collection[int] = ()
    ) -> Iterator[WritableFrame]: ...
    def paint(self, shot: Shot, *, progress: Callable[[EngineStep], None] | None = None) -> Iterator[WritableFrame]: ...
    def report(self, path: Path, *, keep: Container[int] = (), inputs: InputSummary | None = None) -> JobReport: ...
    def warm(self, device: str) -> None: ...
    def identity(self) -> str: ...


def load_engine(name: str) -> Engine:
    """The engine called `module`, or what `module:factory` returns."""
    module, _, factory = name.partition(":")
    found = importlib.import_module(module)
    return cast(Engine, getattr(found, factory)() if factory else found)


def inspect(engine: Engine, shot: Shot, inputs: JobInputs) -> InputSummary:
    """What the engine understands of a shot, and what was assumed when its files were found.

    Raises:
        AanError: when it cannot be done.
    """
    understood = engine.inspect(shot)
    return replace(understood, notes=(*understood.notes, *inputs.notes))


def to_shot(inputs: JobInputs) -> Shot:
    """The job as the engine's `Shot`.

    Raises:
        AanError: when it cannot be done as described.
    """
    spec = inputs.spec
    files = {name: tuple(FrameFile(f.frame, f.path, f.index) for f in found) for name, found in inputs.files.items()}
    return Shot(
        plates=files["plate"],
        mattes=files["matte"],
        first=spec.first,
        last=spec.last,
        matte_channel=spec.matte_channel,
        aovs=spec.aov,
        device=spec.device,
        known=Known(**{name: files.get(name, ()) for name in ("clean", "painted", "holdout", "exclude")}),
        controls=Controls(**{field.name: getattr(spec, field.name) for field in fields(Controls)}),
        job=_description(spec),
        frames=inputs.targets,
        without_matte=inputs.without_matte,
        numbered=inputs.numbered,
    )


def _description(spec: JobSpec) -> str:
    """The job as results carry it: JSON, without what has its default."""
    given = {field.name: getattr(spec, field.name) for field in fields(spec)}
    plain = {field.name: field.default for field in fields(spec)}
    return json.dumps({name: value for name, value in given.items() if value != plain[name]})
