"""All errors of the host half as one tree. The engine's own errors are not in it.

HostError                 every failure that a host shows to the artist: a reason, and a hint at what to do
+-- SequenceError         a file pattern names nothing, or cannot be read as one sequence
+-- ProtocolError         a message that is not of this protocol; `path` says where, as in `$.spec.first`
|   +-- UnknownType       a valid message of a type that this side does not know
|   +-- VersionMismatch   the two sides share no version; the hint says which one to update
+-- EngineError           something between this host and its engine
    +-- EngineRefused     the engine refused a request; `code` says why
    +-- EngineGone        the engine does not answer any more
    +-- EngineAbsent      no Python with the engine was found; the hint is the command that installs it
    +-- EngineStartFailed the engine was started and did not come up; the reason ends with the tail of its log
    +-- UnsafeFolder      the runtime folder belongs to someone else, so no token is kept in it
"""

from __future__ import annotations


class HostError(Exception):
    """What is wrong (`reason`) and what the artist can do (`hint`)."""

    def __init__(self, reason: str, *, hint: str = "") -> None:
        self.reason = reason
        self.hint = hint
        super().__init__(reason)

    def __str__(self) -> str:
        return f"{self.reason}. {self.hint}" if self.hint else self.reason


class SequenceError(HostError):
    """A file pattern names nothing, or cannot be read as one sequence."""


class ProtocolError(HostError):
    """A message that is not of this protocol; `path` says where in it."""

    code = "malformed"

    def __init__(self, reason: str, *, hint: str = "", path: str = "$") -> None:
        self.path = path
        super().__init__(f"{path}: {reason}", hint=hint)


class UnknownType(ProtocolError):
    """A valid message of a type that this side does not know."""

    code = "unknown-type"


class VersionMismatch(ProtocolError):
    """The two sides share no version of the protocol."""

    code = "version"


class EngineError(HostError):
    """Something between this host and its engine."""


class EngineRefused(EngineError):
    """The engine refused a request; `code` says why."""

    def __init__(self, reason: str, *, hint: str = "", code: str) -> None:
        self.code = code
        super().__init__(reason, hint=hint)


class EngineGone(EngineError):
    """The engine does not answer any more."""


class EngineAbsent(EngineError):
    """No Python on this machine is known to have the engine."""


class EngineStartFailed(EngineError):
    """The engine was started and did not come up."""


class UnsafeFolder(EngineError):
    """The runtime folder is not this user's alone."""
