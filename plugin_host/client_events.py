"""What a client tells its host: what the engine says, and news of the engine itself that no engine could bring."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from .protocol import Event, Reply

ENGINE_LOST = "engine-lost"
"""The code by which a client refuses, in the engine's place, what nobody will answer any more."""


@dataclass(frozen=True)
class EngineLost:
    """The engine does not answer; the client keeps looking for it."""

    reason: str
    hint: str


@dataclass(frozen=True)
class EngineBack:
    """An engine answers again. `restarted`: it is a new one, which knows no earlier job; submit again."""

    session: str
    restarted: bool


@dataclass(frozen=True)
class UnreadableMessage:
    """The engine said something that this host cannot read."""

    reason: str
    hint: str


@dataclass(frozen=True)
class ReceivedMessage:
    """What `poll()` returns: a reply with its `request` number, or an event or the client's own news with None."""

    message: Union[Reply, Event, EngineLost, EngineBack, UnreadableMessage]
    request: Optional[int] = None


EngineMessage = Union[Reply, Event, EngineLost, EngineBack]
"""What those are told who share a client: see `contact`."""
