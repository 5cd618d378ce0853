"""The messages that a client passes on to its host: those of the engine, and the client's own about the connection."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional, Union

from .protocol import Event, Reply

ENGINE_LOST = "engine-lost"
"""The code with which a client itself refuses requests that a lost engine can no longer answer."""


@dataclass(frozen=True)
class EngineLost:
    """The engine does not answer; the client keeps looking for it."""

    reason: str
    hint: str


@dataclass(frozen=True)
class EngineBack:
    """An engine answers again. `restarted`: it is a new one that knows no earlier job; submit again."""

    session: str
    restarted: bool


@dataclass(frozen=True)
class UnreadableMessage:
    """The engine sent something that this host cannot decode."""

    reason: str
    hint: str


@dataclass(frozen=True)
class ReceivedMessage:
    """A message from `poll()`: a reply with its `request` number, or an event or client message with None."""

    message: Union[Reply, Event, EngineLost, EngineBack, UnreadableMessage]
    request: Optional[int] = None


EngineMessage = Union[Reply, Event, EngineLost, EngineBack]
"""What an `engine_monitor.Listener` receives."""
