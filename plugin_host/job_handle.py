"""What a host stores of a job in the artist's own file, to find the job again: one line of ASCII text."""

from __future__ import annotations

import json
from dataclasses import dataclass

from .codec import from_json, to_json
from .errors import ProtocolError
from .job import JobSpec


@dataclass(frozen=True)
class JobHandle:
    """The job's description, where its result goes, and its name at the engine (empty until it was accepted)."""

    spec: JobSpec
    output: str
    job: str = ""

    def text(self) -> str:
        """The handle as text, for storage."""
        return json.dumps(to_json(self), separators=(",", ":"), allow_nan=False)


def read(text: str) -> JobHandle:
    """Parse a stored handle. Fields that a newer version added are ignored.

    Raises:
        ProtocolError: when the text is not a job handle; `path` says where it breaks.
    """
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise ProtocolError(f"not a job handle ({error})", hint="Start the job again.") from None
    return from_json(JobHandle, value)
