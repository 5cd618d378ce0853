"""A host's socket to its engine: one ZeroMQ DEALER, the messages that it received, and the detection of a lost engine.

`poll()` also checks whether the engine is alive. After a second of silence it sends a `Hello`. Without an answer it
adds `EngineLost` to the inbox, refuses all open requests with `engine-lost`, and reads the connection file again and
again until an engine is found. Then it adds `EngineBack`; `restarted` says that the engine knows no earlier job.
"""

from __future__ import annotations

import time
from contextlib import suppress
from typing import Callable, List, Optional, Set

import zmq

from .client_events import ENGINE_LOST, EngineBack, EngineLost, ReceivedMessage, UnreadableMessage
from .connection_file import Connection, log_file
from .errors import ProtocolError
from .protocol import HIGHEST, LOWEST, Hello, Message, Progress, Refused, Request, Welcome
from .wire import decode, encode

PING_AFTER = 1.0  # seconds of silence after which a `Hello` is sent
PING_TIMEOUT = 3.0  # seconds that the engine has to answer it
RECEIVE_BUDGET = 0.002  # seconds that one poll spends on receiving, so that a flood doesn't block a host's window


class EngineSocket:
    """Connected to one engine; after that is lost, to whichever engine `lookup` finds.

    `inbox` holds the received messages that nobody has taken out yet, in order. `session`, `version` and `release` are
    the engine's, None or empty before it has welcomed the host. Belongs to the thread that made it, as ZeroMQ sockets
    do.
    """

    def __init__(self, connection: Connection, *, name: str, lookup: Callable[[], Optional[Connection]]) -> None:
        self.connection = connection
        self.session: Optional[str] = None
        self.version: Optional[int] = None
        self.release = ""
        self.lost = False
        self.inbox: List[ReceivedMessage] = []
        self._name = name
        self._lookup = lookup
        self._context = zmq.Context()
        self._last_number = 0
        self._open_requests: Set[int] = set()
        self._open(connection)

    def close(self) -> None:
        """Disconnect at once."""
        self._context.destroy(linger=0)

    def send(self, message: Request) -> int:
        """Send a request; returns the number that the reply will carry."""
        self._last_number += 1
        self._open_requests.add(self._last_number)
        if self.lost:
            self._refuse_open_requests()
        else:
            self._send(message)
        return self._last_number

    def poll(self) -> None:
        """Move received messages into the inbox, and check that the engine is alive. Never blocks."""
        self._receive()
        self._check_liveness(time.monotonic())
        self.inbox = _keep_newest_progress(self.inbox)

    def wait(self, seconds: Optional[float]) -> None:
        """Block until a message arrives, for at most this many seconds, and at most one ping interval."""
        left = PING_AFTER if seconds is None else max(0.0, min(PING_AFTER, seconds))
        self._socket.poll(int(left * 1000))

    def _open(self, connection: Connection) -> None:
        self.connection = connection
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(connection.endpoint)
        self._pings: Set[int] = set()
        self._welcomed = False
        self._last_received = time.monotonic()
        self._send_hello()

    def _send_hello(self) -> None:
        self._last_ping = time.monotonic()
        self._last_number += 1
        self._pings.add(self._last_number)
        self._send(Hello(LOWEST, HIGHEST, self.connection.token, self._name))

    def _send(self, message: Request) -> None:
        with suppress(zmq.Again):  # a full queue means that the engine does not read: the liveness check will notice
            self._socket.send_multipart(encode(message, self._last_number), zmq.NOBLOCK)

    def _receive(self) -> None:
        end = time.monotonic() + RECEIVE_BUDGET
        while time.monotonic() < end:
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._last_received = time.monotonic()
            try:
                envelope = decode(frames)
            except ProtocolError as error:
                self.inbox.append(ReceivedMessage(UnreadableMessage(error.reason, error.hint)))
            else:
                self._accept(envelope.message, envelope.request)

    def _accept(self, message: Message, request: Optional[int]) -> None:
        if isinstance(message, Welcome):
            restarted = self.session not in (None, message.session)
            if restarted:
                self._refuse_open_requests()
            if restarted or self.lost:
                self.inbox.append(ReceivedMessage(EngineBack(message.session, restarted)))
            self.session, self.version, self.lost = message.session, message.version, False
            self.release = message.engine
        if request is not None:
            self._open_requests.discard(request)
        if request is not None and request in self._pings:
            self._pings.remove(request)
            if self._welcomed:
                return  # an answer to a ping, of no interest to the host
            self._welcomed = True
        self.inbox.append(ReceivedMessage(message, request))  # type: ignore[arg-type]

    def _check_liveness(self, now: float) -> None:
        """Ping a silent engine, declare it lost, or look for it again."""
        if self.lost:
            if now - self._last_ping > PING_AFTER:
                self._last_ping = now
                found = self._lookup()
                if found is not None and found.session != self.connection.session:
                    self._socket.close(linger=0)
                    self._open(found)
        elif not self._pings:
            if now - self._last_received > PING_AFTER:
                self._send_hello()
        elif now - max(self._last_ping, self._last_received) > PING_TIMEOUT:
            self.lost = True
            hint = f"Its log, {log_file()}, may say why. Start it and submit again: finished frames are kept."
            self.inbox.append(ReceivedMessage(EngineLost("the engine does not answer", hint)))
            self._refuse_open_requests()

    def _refuse_open_requests(self) -> None:
        refused = Refused(ENGINE_LOST, "the engine is gone", "Start it and submit again: finished frames are kept.")
        self.inbox += [ReceivedMessage(refused, number) for number in sorted(self._open_requests)]
        self._open_requests.clear()


def _keep_newest_progress(arrivals: List[ReceivedMessage]) -> List[ReceivedMessage]:
    newest = {a.message.job: i for i, a in enumerate(arrivals) if isinstance(a.message, Progress)}
    return [a for i, a in enumerate(arrivals) if not isinstance(a.message, Progress) or newest[a.message.job] == i]
