"""A host's contact with the engine of this machine: whether there is one, why not, and what it says to whom.

A host makes one `Contact` and calls `tick()` from its own timer, a few times a second; each call looks once and comes
back at once. A panel draws from `state`. The contact only looks for an engine by itself; it starts one when `start()`
is called, and never stops one. All jobs of the host (see `errand`) share it.
"""

from __future__ import annotations

import enum
import time
from dataclasses import dataclass
from typing import Callable, Dict, List, Optional, Protocol

from . import connection_file, interpreter
from .client import Client
from .client_events import EngineBack, EngineLost, EngineMessage, UnreadableMessage
from .errors import EngineAbsent, EngineRefused, HostError
from .launch import EngineLaunch
from .protocol import Refused, Welcome

LOOKUP_INTERVAL = 1.0  # seconds between two looks for an engine that someone else may have started


class Presence(enum.Enum):
    """Whether there is an engine."""

    UNKNOWN = "not looked for yet"
    ABSENT = "not installed"
    ASLEEP = "not running"
    STARTING = "starting"
    READY = "ready"
    LOST = "lost"
    REFUSED = "of another version"
    FAILED = "did not start"


@dataclass(frozen=True)
class EngineState:
    """What a panel shows of the engine. `release` is its version, once it has said so."""

    presence: Presence = Presence.UNKNOWN
    reason: str = ""
    hint: str = ""
    release: str = ""


class Listener(Protocol):
    """Who is told what the engine says: events of all jobs, and the replies to its own requests."""

    def on_message(self, message: EngineMessage, request: Optional[int]) -> None:
        """Called from within `tick()`."""


class EngineMonitor:
    """The way to the one engine of this machine.

    Args:
        name: who we are, for the engine's log.
        python: says which interpreter has the engine; called anew at each start, as settings change.
    """

    def __init__(self, *, name: str, python: Callable[[], str] = interpreter.find) -> None:
        self.state = EngineState()
        self._name = name
        self._python = python
        self._launch: Optional[EngineLaunch] = None
        self._client: Optional[Client] = None
        self._session: Optional[str] = None
        self._refused_session: Optional[str] = None
        self._last_lookup = float("-inf")
        self._listeners: List[Listener] = []
        self._pending: Dict[int, Listener] = {}

    @property
    def ready(self) -> bool:
        """Whether the engine can be spoken to."""
        return self.state.presence is Presence.READY

    def start(self) -> None:
        """Have an engine started unless one is there. That it is on its way, or cannot be, shows in `state`."""
        if self.ready or self._launch is not None:
            return
        self._disconnect()
        try:
            self._launch = EngineLaunch(python=self._interpreter(), name=self._name)
        except HostError as error:
            absent = isinstance(error, EngineAbsent)
            self._set_state(Presence.ABSENT if absent else Presence.FAILED, error.reason, error.hint)
        else:
            self._set_state(Presence.STARTING, "the engine is on its way; it loads its weights first")

    def look_again(self) -> None:
        """Look for an engine afresh, as after a change of settings, unless one is there."""
        if self._launch is None and self._client is None:
            self._last_lookup = float("-inf")
            self._set_state(Presence.UNKNOWN)

    def tick(self) -> bool:
        """Look once; whether there is anything new to draw of `state`."""
        before = self.state
        try:
            if self._launch is not None:
                self._poll_launch(self._launch)
            elif self._client is not None:
                self._receive(self._client)
            else:
                self._look_for_engine()
        except EngineRefused as error:
            self._disconnect()
            self._remember_refusal()
            self._set_state(Presence.REFUSED, error.reason, error.hint)
        except HostError as error:
            self._disconnect()
            self._set_state(Presence.FAILED, error.reason, error.hint)
        return self.state != before

    def close(self) -> None:
        """Hang up. The engine and its jobs go on; one that is only on its way is stopped."""
        self._listeners.clear()
        self._disconnect()
        self.state = EngineState()

    # For errands.

    def attach(self, listener: Listener) -> None:
        """Tell this one what is said from now on."""
        self._listeners.append(listener)

    def detach(self, listener: Listener) -> None:
        """Tell it no more."""
        self._listeners = [other for other in self._listeners if other is not listener]
        self._pending = {number: other for number, other in self._pending.items() if other is not listener}

    def send_request(self, listener: Listener, request: Callable[[Client], int]) -> int:
        """Say something to an engine that is `ready`; returns the number that the reply will carry."""
        assert self._client is not None, "a request was sent to an engine that is not ready"
        number = request(self._client)
        self._pending[number] = listener
        return number

    # How it comes about.

    def _interpreter(self) -> str:
        """The engine's Python; none is needed where an engine runs already, whoever started it."""
        try:
            return self._python()
        except EngineAbsent:
            if connection_file.read() is None:
                raise
            return ""

    def _poll_launch(self, start: EngineLaunch) -> None:
        client = start.poll()
        if client is not None:
            self._launch, self._client = None, client
            self._on_welcome(client)

    def _look_for_engine(self) -> None:
        now = time.monotonic()
        if now - self._last_lookup < LOOKUP_INTERVAL:
            return
        self._last_lookup = now
        found = connection_file.read()
        if found is not None and found.session != self._refused_session:
            self._client = Client(found, name=self._name)
        elif self.state.presence is Presence.UNKNOWN:
            self._report_absence()

    def _report_absence(self) -> None:
        try:
            self._python()
        except EngineAbsent as error:
            self._set_state(Presence.ABSENT, error.reason, error.hint)
        else:
            self._set_state(Presence.ASLEEP, "no engine runs", "It is started when it is needed.")

    def _receive(self, client: Client) -> None:
        for arrival in client.poll():
            message = arrival.message
            if isinstance(message, (Welcome, EngineBack)):
                self._on_welcome(client)
            elif isinstance(message, EngineLost):
                self._set_state(Presence.LOST, message.reason, message.hint)
                self._broadcast(message)
            elif isinstance(message, UnreadableMessage):
                self._set_state(self.state.presence, message.reason, message.hint)
            elif arrival.request is None:
                self._broadcast(message)
            else:
                self._deliver_reply(message, arrival.request)

    def _on_welcome(self, client: Client) -> None:
        known, self._session = self._session, client.session
        again = known is not None and (not self.ready or known != client.session)
        self._refused_session = None
        self._set_state(Presence.READY, release=client.release)
        if again:
            self._broadcast(EngineBack(client.session or "", restarted=known != client.session))

    def _deliver_reply(self, reply: EngineMessage, request: int) -> None:
        listener = self._pending.pop(request, None)
        if listener is not None:
            listener.on_message(reply, request)
        elif isinstance(reply, Refused):  # nobody listener but the client: this is the door being shut
            raise EngineRefused(reply.reason, hint=reply.hint, code=reply.code)

    def _broadcast(self, message: EngineMessage) -> None:
        for listener in list(self._listeners):
            listener.on_message(message, None)

    def _remember_refusal(self) -> None:
        """Remember who it was, so that the same engine is not listener over and over."""
        found = connection_file.read()
        self._refused_session = None if found is None else found.session

    def _set_state(self, presence: Presence, reason: str = "", hint: str = "", *, release: str = "") -> None:
        self.state = EngineState(presence, reason, hint, release)

    def _disconnect(self) -> None:
        if self._launch is not None:
            self._launch.abandon()
        if self._client is not None:
            self._client.close()
        self._launch = self._client = None
        self._pending.clear()
