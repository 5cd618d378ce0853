"""What ends a job early: a stop request, or an error, converted to a code, a reason and a hint.

This is the one place where the engine's, the host half's and the system's errors become the protocol's `Failed`.
"""

from __future__ import annotations

import errno
import re

from aan_engine.errors import AanError

from ..errors import HostError


class StopRequested(Exception):
    """Raised to abandon a job, through the engine's own calls if need be."""


class Interrupted(KeyboardInterrupt):
    """Ctrl-C or SIGTERM in mid-job; `frames` are the numbers of those that were written before."""

    def __init__(self, frames: tuple[int, ...]) -> None:
        self.frames = frames
        super().__init__()


class JobError(HostError):
    """A job cannot go on for a reason that is not the engine's."""

    def __init__(self, reason: str, *, hint: str, code: str) -> None:
        self.code = code
        super().__init__(reason, hint=hint)


def explain(error: Exception) -> tuple[str, str, str]:
    """Code, reason and hint of any exception that can end a job."""
    if isinstance(error, AanError):
        where = [f"frame {error.frame}"] if error.frame is not None else []
        where += [str(error.file)] if error.file is not None else []
        code = re.sub("(?<!^)(?=[A-Z])", "-", type(error).__name__).lower()
        return code, error.reason + (f" ({', '.join(where)})" if where else ""), error.hint
    if isinstance(error, HostError):
        return getattr(error, "code", "sequence"), error.reason, error.hint
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        hint = "Close other programs, fill fewer pixels at once, or choose --device cpu."
        return "out-of-memory", f"memory ran out ({error})", hint
    if isinstance(error, OSError):
        too_long = error.errno == errno.ENAMETOOLONG
        hint = "Choose a shorter name." if too_long else "Check free space and permissions."
        return "output", f"{error.strerror or error} ({error.filename})", hint
    return "internal", f"{type(error).__name__}: {error}", "This is a fault of the engine's, not of your files."
