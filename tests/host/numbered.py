"""Jobs of numbered files, whose contents do not matter, and what they resolve to."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable
from pathlib import Path

import pytest

from plugin_host.errors import SequenceError
from plugin_host.protocol import JobSpec
from plugin_host.server.job_inputs import JobInputs, resolve_inputs


def write(folder: Path, name: str, frames: Iterable[int], *, text: str = "picture") -> str:
    """Write `NAME.0001.exr` and so on; returns their pattern."""
    for frame in frames:
        (folder / f"{name}.{frame:04d}.exr").write_text(text)
    return str(folder / f"{name}.####.exr")


def job(folder: Path, plates: Iterable[int], mattes: Iterable[int] | None = None, **fields: object) -> JobSpec:
    """A job with plates and mattes of these numbers; without numbers the matte is a still."""
    matte = write(folder, "m", mattes) if mattes is not None else str(folder / "m.exr")
    (folder / "m.exr").write_text("still")
    return JobSpec(write(folder, "p", plates), matte, **fields)  # type: ignore[arg-type]


def resolved(spec: JobSpec, **fields: object) -> JobInputs:
    """The job with these fields changed, resolved."""
    return resolve_inputs(dataclasses.replace(spec, **fields), output=None)  # type: ignore[arg-type]


def refused(spec: JobSpec, **fields: object) -> str:
    """What is said of the job with these fields changed, which is refused."""
    with pytest.raises(SequenceError) as caught:
        resolved(spec, **fields)
    return str(caught.value)


def plates_of(inputs: JobInputs) -> list[int]:
    """The numbers of the plates that it is left with."""
    return [file.frame for file in inputs.files["plate"]]
