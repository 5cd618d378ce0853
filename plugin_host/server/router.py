"""The engine's ZeroMQ ROUTER socket: one outbox per host, and a wakeup that other threads can trigger.

It never blocks on a host that does not read, drops one that has disconnected, and does not interpret messages.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import suppress

import zmq

from ..protocol import Message
from ..wire import Envelope, encode
from .outbox import Outbox

RETRY_INTERVAL = 200  # milliseconds between two attempts to send to a host that does not read
LINGER = 1000  # milliseconds to deliver queued messages on closing
MAX_MESSAGE_BYTES = 1 << 20  # bytes of a message from a host
SEND_QUEUE_LENGTH = (
    100  # messages that ZeroMQ holds for one host; the rest waits in its outbox, where progress coalesces
)


class Router:
    """Bound to a random port of the loopback interface, at `endpoint`. Only `wake` may be called from any thread."""

    def __init__(self) -> None:
        self._context = zmq.Context()
        self._router = self._context.socket(zmq.ROUTER)
        self._router.setsockopt(zmq.ROUTER_MANDATORY, 1)
        self._router.setsockopt(zmq.SNDHWM, SEND_QUEUE_LENGTH)
        self._router.setsockopt(zmq.MAXMSGSIZE, MAX_MESSAGE_BYTES)
        self._router.setsockopt(zmq.LINGER, LINGER)
        self._router.bind("tcp://127.0.0.1:*")
        self.endpoint = self._router.getsockopt_string(zmq.LAST_ENDPOINT)
        self._wakeup_receiver, self._wakeup_sender = socket.socketpair()
        self._wakeup_receiver.setblocking(False)
        self._wakeup_sender.setblocking(False)
        self._poller = zmq.Poller()
        self._poller.register(self._router, zmq.POLLIN)
        self._poller.register(self._wakeup_receiver.fileno(), zmq.POLLIN)
        self._outboxes: dict[bytes, Outbox] = {}
        self._admitted: set[bytes] = set()

    def admit(self, host: bytes) -> None:
        """Remember that a host has shown the token."""
        self._admitted.add(host)

    def is_admitted(self, host: bytes) -> bool:
        """Whether a host has shown the token since it connected."""
        return host in self._admitted

    def wake(self) -> None:
        """Make `receive` return. From any thread."""
        with suppress(BlockingIOError, OSError):  # full: a wakeup is pending already; closed: the loop has ended
            self._wakeup_sender.send(b"!")

    @property
    def wakeup_fd(self) -> int:
        """A descriptor that wakes `receive` when a byte is written to it."""
        return self._wakeup_sender.fileno()

    def receive(self) -> Iterator[tuple[bytes, list[bytes]]]:
        """Block until a message arrives or `wake` is called; yields all messages, as (host, frames)."""
        self._poller.poll(RETRY_INTERVAL if self._outboxes else None)
        with suppress(BlockingIOError):
            while self._wakeup_receiver.recv(4096):
                pass
        while True:
            try:
                host, *frames = self._router.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            yield host, frames

    def post(self, host: bytes, message: Message, request: int | None = None) -> None:
        """Queue a message to a host; `flush` sends it."""
        self._outboxes.setdefault(host, Outbox()).post(message, request)

    def flush(self) -> None:
        """Send what hosts can take; the rest stays queued."""
        for host, outbox in list(self._outboxes.items()):
            outbox.flush(lambda envelope, host=host: self._send(host, envelope))  # type: ignore[misc]
            if not outbox:
                self._outboxes.pop(host, None)

    def close(self) -> None:
        """Close the socket; queued messages are still delivered for `LINGER` milliseconds."""
        self._router.close()
        self._wakeup_receiver.close()
        self._wakeup_sender.close()
        self._context.term()

    def _send(self, host: bytes, envelope: Envelope) -> bool:
        try:
            self._router.send_multipart([host, *encode(envelope.message, envelope.request)], zmq.NOBLOCK)
        except zmq.Again:
            return False
        except zmq.ZMQError as error:
            if error.errno != zmq.EHOSTUNREACH:
                raise
            self._admitted.discard(host)  # gone: what waits for it is dropped with the rest of its outbox
        return True
