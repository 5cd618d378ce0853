"""Provenance: what a result was made from and by what, as it stands in its header and in the job's report.

It decides no pixel. Two digests make results comparable: `shot` says whose file it is, the same for every job on these
plates and mattes; `settings` tells results of different settings apart, whatever range each of them was filled in.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from aan_engine.shot import Controls, FrameFile, Known, Shot

RANGE = ("first", "last", "frames")
"""The parts of a job value that say which frames are filled: they are no settings."""

PATTERNS = ("plate", "matte")
"""The parts of a job value that `shot` stands for, however they are spelled."""

_DIGEST_LENGTH = 12
_LAST_NUMBER = re.compile(r"[0-9]+(?=[^0-9]*$)")


@dataclass(frozen=True)
class Provenance:
    """Where a result comes from.

    Args:
        job: the job as its caller described it, one JSON object: inputs, and the controls that differ from defaults.
        shot: digest of the plates and mattes as sequences.
        settings: digest of all that `job` says but the range.
        engine: the engine's release.
        weights: digest of the networks' weights.
        device: "CPU", or the GPU's name.
        date: when the result was written, ISO 8601 in UTC; empty before.
    """

    job: str
    shot: str
    settings: str
    engine: str
    weights: str
    device: str
    date: str = ""

    def dated(self) -> Provenance:
        """The same, of now."""
        return replace(self, date=datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"))

    def as_dict(self) -> dict[str, Any]:
        """As the report writes it: the job as an object."""
        return {field.name: getattr(self, field.name) for field in fields(self)} | {"job": json.loads(self.job)}


def of(shot: Shot, *, engine: str, weights: str, device: str) -> Provenance:
    """The provenance of a shot's results."""
    return Provenance(job_of(shot), shot_digest(shot), settings_digest(shot), engine, weights, device)


def job_of(shot: Shot) -> str:
    """The job as one JSON object: as its caller described it, else plates and mattes by their first and last file."""
    return shot.job or json.dumps(_described(shot))


def shot_digest(shot: Shot) -> str:
    """The digest that marks whose files the results are: of the plates and mattes, without their frame numbers."""
    return _digest([_sequence(shot.plates), _sequence(shot.mattes)])


def settings_digest(shot: Shot) -> str:
    """The digest that tells results of different settings apart."""
    settings = {name: value for name, value in json.loads(job_of(shot)).items() if name not in (*RANGE, *PATTERNS)}
    return _digest([shot_digest(shot), settings])


def _described(shot: Shot) -> dict[str, Any]:
    described: dict[str, Any] = {"plate": _ends(shot.plates), "matte": _ends(shot.mattes)}
    for name, default in (("first", None), ("last", None), ("matte_channel", None), ("aovs", ()), ("device", "auto")):
        if (value := getattr(shot, name)) != default:
            described[name] = value
    described |= {field.name: _ends(files) for field in fields(Known) if (files := getattr(shot.known, field.name))}
    plain = Controls()
    for field in fields(Controls):
        if (value := getattr(shot.controls, field.name)) != getattr(plain, field.name):
            described[field.name] = value
    return described


def _ends(files: Sequence[FrameFile]) -> list[str]:
    return [str(file.path) for file in (*files[:1], *files[-1:])]


def _sequence(files: Sequence[FrameFile]) -> str:
    """The name that all files of a sequence share: that of the first, without its frame number."""
    if not files:
        return ""
    path = files[0].path
    number = _LAST_NUMBER.search(path.stem)
    numbered = number is not None and int(number.group()) == abs(files[0].frame)
    if numbered or any(file.path != path for file in files):
        return str(Path(path.parent, _LAST_NUMBER.sub("#", path.stem) + path.suffix))
    return str(path)


def _digest(value: object) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:_DIGEST_LENGTH]
