"""What a host keeps of a job in the artist's own file, so that it finds the job again: one line of ASCII text."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .codec import from_json, to_json
from .errors import ProtocolError
from .job import JobSpec


@dataclass(frozen=True)
class JobHandle:
    """A job's name with the engine (empty until it was accepted), what was asked for, and where the result goes."""

    spec: JobSpec
    output: str
    job: str = ""

    def text(self) -> str:
        """As text to be stored."""
        return json.dumps(to_json(self), separators=(",", ":"), allow_nan=False)


def read(text: str) -> JobHandle:
    """A ticket out of its text; what a newer version added to it is ignored.

    Raises:
        ProtocolError: when it is no ticket; `path` says where it breaks.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not a job's ticket ({error})", hint="Start the job again.") from None
    return from_json(JobHandle, value)
