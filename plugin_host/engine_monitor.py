"""Watches the one engine of this machine for a host: whether it runs, why not, and which message goes to which job.

A host makes one `EngineMonitor` and calls `tick()` from its own timer, a few times a second. A call never blocks. The
host's panel draws from `state`. The monitor looks for a running engine by itself; it starts one only when `start()` is
called, and never stops one. All jobs of the host (see `host_job`) share the monitor.
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

LOOKUP_INTERVAL = 1.0  # seconds between two attempts to find an engine that someone else may have started


class Presence(enum.Enum):
    """Whether an engine runs and can be used."""

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
    """The engine's state for display. `release` is the engine's version, once it is known."""

    presence: Presence = Presence.UNKNOWN
    reason: str = ""
    hint: str = ""
    release: str = ""


class Listener(Protocol):
    """Receives the events of all jobs, and the replies to its own requests."""

    def on_message(self, message: EngineMessage, request: Optional[int]) -> None:
        """Called from within `EngineMonitor.tick()`; `request` is None for an event."""


class EngineMonitor:
    """The host's single connection to the engine of this machine.

    Args:
        name: the host's name, for the engine's log.
        python: returns the interpreter that has the engine; called anew at each start, as settings change.
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
        """Whether requests can be sent to the engine."""
        return self.state.presence is Presence.READY

    def start(self) -> None:
        """Start an engine unless one runs. Whether it is starting, or why it cannot be, shows in `state`."""
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
        """Look for an engine afresh, as after a change of settings, unless one is connected."""
        if self._launch is None and self._client is None:
            self._last_lookup = float("-inf")
            self._set_state(Presence.UNKNOWN)

    def tick(self) -> bool:
        """Do what is due, without blocking; returns whether `state` changed."""
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
        """Disconnect. The engine and its jobs go on; an engine that is still starting is stopped."""
        self._listeners.clear()
        self._disconnect()
        self.state = EngineState()

    # For jobs

    def attach(self, listener: Listener) -> None:
        """Deliver messages to this listener from now on."""
        self._listeners.append(listener)

    def detach(self, listener: Listener) -> None:
        """Deliver nothing more to this listener."""
        self._listeners = [other for other in self._listeners if other is not listener]
        self._pending = {number: other for number, other in self._pending.items() if other is not listener}

    def send_request(self, listener: Listener, request: Callable[[Client], int]) -> int:
        """Send a request to an engine that is `ready`; returns the number that its reply will carry."""
        assert self._client is not None, "a request was sent to an engine that is not ready"
        number = request(self._client)
        self._pending[number] = listener
        return number

    # Implementation

    def _interpreter(self) -> str:
        """The engine's Python; empty where it is not found but an engine runs already."""
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
        elif isinstance(reply, Refused):  # the reply to the client's own `Hello`: the engine refuses this host
            raise EngineRefused(reply.reason, hint=reply.hint, code=reply.code)

    def _broadcast(self, message: EngineMessage) -> None:
        for listener in list(self._listeners):
            listener.on_message(message, None)

    def _remember_refusal(self) -> None:
        """Note the engine's session, so that an engine that refused this host is not tried again and again."""
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
