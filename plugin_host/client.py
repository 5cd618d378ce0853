"""A host's client of one engine: one method per request, and `poll()` for everything that comes back.

The client owns no thread. Only `answer()` and `follow()` block: a host calls `poll()` from its own timer, a terminal
iterates over `follow()`. A client must stay on the thread that made it, as ZeroMQ sockets do. It never starts an engine
(see `launch`). It notices when the engine stops answering or comes back (see `engine_socket`).
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Callable, Iterator, List, Optional, Type, Union

from . import connection_file
from .client_events import ENGINE_LOST, EngineLost, ReceivedMessage
from .connection_file import Connection
from .engine_socket import EngineSocket
from .errors import EngineGone, EngineRefused
from .protocol import (
    Cancel,
    Cancelled,
    Event,
    Failed,
    Finished,
    FrameReady,
    JobSpec,
    JobState,
    Progress,
    Refused,
    Reply,
    Shutdown,
    Snapshot,
    Status,
    Submit,
    Watch,
)

_END_EVENTS = (Finished, Cancelled, Failed)
_EVENTS = (Progress, FrameReady, *_END_EVENTS)
_OF_THE_END = ("unseen", "worst", "report", "keys", "residue", "grow", "inputs", "warnings")


class Client:
    """A connection to one engine, with a method for each request of the protocol.

    Args:
        connection: where the engine is (`launch.find_or_start` returns a connected client).
        name: the host's name, for the engine's log.
        lookup: finds the engine again after it was lost.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        name: str = "",
        lookup: Callable[[], Optional[Connection]] = connection_file.read,
    ) -> None:
        self._socket = EngineSocket(connection, name=name, lookup=lookup)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        """Disconnect at once. Jobs go on without this client."""
        self._socket.close()

    # The engine

    @property
    def connection(self) -> Connection:
        """Where the engine is, or was."""
        return self._socket.connection

    @property
    def session(self) -> Optional[str]:
        """The id of this run of the engine; None before it has welcomed the client."""
        return self._socket.session

    @property
    def version(self) -> Optional[int]:
        """The protocol version in use; None before the engine has welcomed the client."""
        return self._socket.version

    @property
    def release(self) -> str:
        """The engine's own version, once it has welcomed the client."""
        return self._socket.release

    @property
    def lost(self) -> bool:
        """Whether the engine has stopped answering."""
        return self._socket.lost

    # Requests; each returns the number that its reply will carry

    def submit(self, spec: JobSpec, *, output: Optional[str] = None, overwrite: bool = False) -> int:
        """Queue a job. Its result goes to the pattern `output`, or stays in the engine's cache without one.

        Files of other jobs and programs are overwritten only if `overwrite` says so.
        """
        return self._socket.send(Submit(spec, output, overwrite))

    def cancel(self, job: str) -> int:
        """Stop a job after the current frame; a second call stops it at once."""
        return self._socket.send(Cancel(job))

    def watch(self, job: str) -> int:
        """Request a job's snapshot, and its events from then on."""
        return self._socket.send(Watch(job))

    def status(self) -> int:
        """Request the state of all jobs."""
        return self._socket.send(Status())

    def shutdown(self) -> int:
        """Ask the engine to shut down."""
        return self._socket.send(Shutdown())

    # Messages from the engine

    def poll(self) -> List[ReceivedMessage]:
        """Messages since the last call, in order; only the newest `Progress` of each job. Never blocks."""
        self._socket.poll()
        arrivals, self._socket.inbox = self._socket.inbox, []
        return arrivals

    def answer(self, request: int, *, timeout: float = 30.0) -> Reply:
        """Block until this request is answered; other messages wait for the next `poll()`.

        Raises:
            EngineRefused: when the engine refuses the request.
            EngineGone: when the engine is lost, or `timeout` seconds pass.
        """
        other: List[ReceivedMessage] = []
        try:
            for arrival in self._arrivals(timeout):
                if arrival.request == request:
                    return _reply_or_raise(arrival.message)
                other.append(arrival)
        finally:
            self._socket.inbox = other + self._socket.inbox
        hint = f"Look at its log, {connection_file.log_file()}, or stop and start it."
        raise EngineGone(f"the engine gave no answer in {timeout:.0f} s", hint=hint)

    def follow(self, job: str) -> Iterator[Union[Snapshot, Event]]:
        """Block, yielding first the job's `Snapshot`, then its events; the last is `Finished`, `Cancelled` or `Failed`.

        Raises:
            EngineRefused: when the engine does not know the job.
            EngineGone: when the engine is lost meanwhile.
        """
        request = self.watch(job)
        watched = False
        other: List[ReceivedMessage] = []
        try:
            for arrival in self._arrivals(None):
                message = arrival.message
                if arrival.request == request:
                    snapshot = _reply_or_raise(message)
                    assert isinstance(snapshot, Snapshot)
                    yield snapshot
                    watched, ending = True, _ending_event(snapshot.state)
                    if ending is not None:
                        yield ending
                        return
                elif not isinstance(message, _EVENTS) or message.job != job:
                    other.append(arrival)
                elif watched:  # events from before the snapshot are contained in it
                    yield message
                    if isinstance(message, _END_EVENTS):
                        return
        finally:
            self._socket.inbox = other + self._socket.inbox

    def _arrivals(self, timeout: Optional[float]) -> Iterator[ReceivedMessage]:
        """Take messages out of the inbox one by one, blocking for more until `timeout` seconds have passed."""
        end = None if timeout is None else time.monotonic() + timeout
        while end is None or time.monotonic() < end:
            self._socket.poll()
            while self._socket.inbox:
                arrival = self._socket.inbox.pop(0)
                if isinstance(arrival.message, EngineLost):
                    raise EngineGone(arrival.message.reason, hint=arrival.message.hint)
                yield arrival
            self._socket.wait(None if end is None else end - time.monotonic())


def _reply_or_raise(message: object) -> Reply:
    if isinstance(message, Refused) and message.code == ENGINE_LOST:
        raise EngineGone(message.reason, hint=message.hint)
    if isinstance(message, Refused):
        raise EngineRefused(message.reason, hint=message.hint, code=message.code)
    return message  # type: ignore[return-value]


def _ending_event(state: JobState) -> Optional[Event]:
    """The event that ended a job, built from its state; None while the job is not over."""
    if state.state == "finished":
        told = {name: getattr(state, name) for name in _OF_THE_END}
        return Finished(state.job, state.total, **told)
    if state.state == "cancelled":
        return Cancelled(state.job)
    if state.state == "failed":
        return Failed(state.job, state.code, state.reason, state.hint)
    return None
