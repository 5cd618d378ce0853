"""One host's end of the wire: a method per request, and `poll()` for all that comes back.

The client owns no thread and never blocks unless asked to: a host calls `poll()` from its own timer, a terminal
iterates over `follow()`. It must stay on the thread that made it, as ZeroMQ sockets do. It never starts an engine
(see `launch`).

Silence is looked after in `poll()`: when the engine has said nothing for a while it is asked with a `Hello`; without
an answer `EngineLost` arrives, requests still open are refused with `engine-lost`, and the connection file is looked
at again and again until an engine is back: `EngineBack`, whose `restarted` says that it knows no earlier job.
"""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import dataclass
from types import TracebackType
from typing import Callable, Iterator, List, Optional, Set, Type, Union

import zmq

from . import connection as connection_file
from .connection import Connection
from .errors import EngineGone, EngineRefused, ProtocolError
from .protocol import (
    HIGHEST,
    LOWEST,
    Cancel,
    Cancelled,
    Event,
    Failed,
    Finished,
    FrameReady,
    Hello,
    JobSpec,
    JobState,
    Message,
    Progress,
    Refused,
    Reply,
    Request,
    Shutdown,
    Snapshot,
    Status,
    Submit,
    Watch,
    Welcome,
)
from .wire import decode, encode

QUIET = 1.0  # seconds of silence after which the engine is asked whether it is there
PATIENCE = 3.0  # seconds that it has to answer
SLICE = 0.002  # seconds that one look gives to what has come in: a host's window is not to wait for a flood
LOST = "engine-lost"

_ENDINGS = (Finished, Cancelled, Failed)
_EVENTS = (Progress, FrameReady, *_ENDINGS)


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
class Garbled:
    """The engine said something that this host cannot read."""

    reason: str
    hint: str


@dataclass(frozen=True)
class Arrival:
    """What `poll()` returns: a reply with its `request` number, or an event or the client's own news with None."""

    message: Union[Reply, Event, EngineLost, EngineBack, Garbled]
    request: Optional[int] = None


class Client:
    """A DEALER socket to one engine.

    Args:
        connection: where the engine is (`launch.find_or_start` gives a connected client at once).
        name: who we are, for the engine's log.
        lookup: how to find the engine again after it was lost.
    """

    def __init__(
        self,
        connection: Connection,
        *,
        name: str = "",
        lookup: Callable[[], Optional[Connection]] = connection_file.read,
    ) -> None:
        self.connection = connection
        self.session: Optional[str] = None
        self.version: Optional[int] = None
        self.release = ""
        self.lost = False
        self._name = name
        self._lookup = lookup
        self._context = zmq.Context()
        self._numbers = 0
        self._inbox: List[Arrival] = []
        self._unanswered: Set[int] = set()
        self._open(connection)

    def __enter__(self) -> Client:
        return self

    def __exit__(
        self, kind: Optional[Type[BaseException]], error: Optional[BaseException], trace: Optional[TracebackType]
    ) -> None:
        self.close()

    def close(self) -> None:
        """Hang up at once; jobs go on without us."""
        self._context.destroy(linger=0)

    # One method per request; each returns the number that the reply will carry.

    def submit(self, spec: JobSpec, *, output: Optional[str] = None) -> int:
        """Queue a job; its result goes to the pattern `output`, or stays in the engine's cache."""
        return self._ask(Submit(spec, output))

    def cancel(self, job: str) -> int:
        """Stop a job after the frame in work; a second time, at once."""
        return self._ask(Cancel(job))

    def watch(self, job: str) -> int:
        """Ask for a job's snapshot, and its events from then on."""
        return self._ask(Watch(job))

    def status(self) -> int:
        """Ask for all jobs."""
        return self._ask(Status())

    def shutdown(self) -> int:
        """Ask the engine to leave."""
        return self._ask(Shutdown())

    # What comes back.

    def poll(self) -> List[Arrival]:
        """What arrived since the last call, in order; of a job's `Progress` only the newest. Never blocks."""
        self._pump()
        arrivals, self._inbox = self._inbox, []
        return arrivals

    def answer(self, request: int, *, timeout: float = 30.0) -> Reply:
        """Block until this request is answered; other arrivals wait for the next `poll()`.

        Raises:
            EngineRefused: when the answer is no.
            EngineGone: when the engine is lost, or `timeout` seconds pass.
        """
        aside: List[Arrival] = []
        try:
            for arrival in self._arrivals(timeout):
                if arrival.request == request:
                    return _granted(arrival.message)
                aside.append(arrival)
        finally:
            self._inbox = aside + self._inbox
        raise EngineGone(f"the engine gave no answer in {timeout:.0f} s", hint="Look at its log, or stop and start it.")

    def follow(self, job: str) -> Iterator[Union[Snapshot, Event]]:
        """Block, yielding first the job's `Snapshot`, then its events; the last is `Finished`, `Cancelled` or `Failed`.

        Raises:
            EngineRefused: when the engine does not know the job.
            EngineGone: when the engine is lost meanwhile.
        """
        request = self.watch(job)
        watched = False
        aside: List[Arrival] = []
        try:
            for arrival in self._arrivals(None):
                message = arrival.message
                if arrival.request == request:
                    snapshot = _granted(message)
                    assert isinstance(snapshot, Snapshot)
                    yield snapshot
                    watched, ending = True, _ending(snapshot.state)
                    if ending is not None:
                        yield ending
                        return
                elif not isinstance(message, _EVENTS) or message.job != job:
                    aside.append(arrival)
                elif watched:  # events from before the snapshot are contained in it
                    yield message
                    if isinstance(message, _ENDINGS):
                        return
        finally:
            self._inbox = aside + self._inbox

    def _arrivals(self, timeout: Optional[float]) -> Iterator[Arrival]:
        """Take arrivals out of the inbox one by one, blocking for more until `timeout` seconds have passed."""
        end = None if timeout is None else time.monotonic() + timeout
        while end is None or time.monotonic() < end:
            self._pump()
            while self._inbox:
                arrival = self._inbox.pop(0)
                if isinstance(arrival.message, EngineLost):
                    raise EngineGone(arrival.message.reason, hint=arrival.message.hint)
                yield arrival
            left = QUIET if end is None else max(0.0, min(QUIET, end - time.monotonic()))
            self._socket.poll(int(left * 1000))

    def _pump(self) -> None:
        """Move what the socket holds into the inbox, and look after the engine's silence."""
        self._receive()
        self._look_after(time.monotonic())
        self._inbox = _newest_progress(self._inbox)

    # The socket.

    def _open(self, connection: Connection) -> None:
        self.connection = connection
        self._socket = self._context.socket(zmq.DEALER)
        self._socket.linger = 0
        self._socket.connect(connection.endpoint)
        self._pings: Set[int] = set()
        self._greeted = False
        self._heard = time.monotonic()
        self._hello()

    def _hello(self) -> None:
        self._asked = time.monotonic()
        self._numbers += 1
        self._pings.add(self._numbers)
        self._send(Hello(LOWEST, HIGHEST, self.connection.token, self._name))

    def _ask(self, message: Request) -> int:
        self._numbers += 1
        self._unanswered.add(self._numbers)
        if self.lost:
            self._refuse_open_requests()
        else:
            self._send(message)
        return self._numbers

    def _send(self, message: Request) -> None:
        with suppress(zmq.Again):  # a full pipe is an engine that does not read: silence will tell
            self._socket.send_multipart(encode(message, self._numbers), zmq.NOBLOCK)

    def _receive(self) -> None:
        end = time.monotonic() + SLICE
        while time.monotonic() < end:
            try:
                frames = self._socket.recv_multipart(zmq.NOBLOCK)
            except zmq.Again:
                return
            self._heard = time.monotonic()
            try:
                envelope = decode(frames)
            except ProtocolError as error:
                self._inbox.append(Arrival(Garbled(error.reason, error.hint)))
            else:
                self._accept(envelope.message, envelope.request)

    def _accept(self, message: Message, request: Optional[int]) -> None:
        if isinstance(message, Welcome):
            restarted = self.session not in (None, message.session)
            if restarted:
                self._refuse_open_requests()
            if restarted or self.lost:
                self._inbox.append(Arrival(EngineBack(message.session, restarted)))
            self.session, self.version, self.lost = message.session, message.version, False
            self.release = message.engine
        if request is not None:
            self._unanswered.discard(request)
        if request is not None and request in self._pings:
            self._pings.remove(request)
            if self._greeted:
                return  # an answer to "are you there?", not news to the host
            self._greeted = True
        self._inbox.append(Arrival(message, request))  # type: ignore[arg-type]

    def _look_after(self, now: float) -> None:
        """Ask after an engine that is silent; give it up; find it again."""
        if self.lost:
            if now - self._asked > QUIET:
                self._asked = now
                found = self._lookup()
                if found is not None and found.session != self.connection.session:
                    self._socket.close(linger=0)
                    self._open(found)
        elif not self._pings:
            if now - self._heard > QUIET:
                self._hello()
        elif now - max(self._asked, self._heard) > PATIENCE:
            self.lost = True
            hint = "Its log may say why. Start it and submit again: finished frames are kept."
            self._inbox.append(Arrival(EngineLost("the engine does not answer", hint)))
            self._refuse_open_requests()

    def _refuse_open_requests(self) -> None:
        refused = Refused(LOST, "the engine is gone", "Start it and submit again: finished frames are kept.")
        self._inbox += [Arrival(refused, number) for number in sorted(self._unanswered)]
        self._unanswered.clear()


def _newest_progress(arrivals: List[Arrival]) -> List[Arrival]:
    newest = {a.message.job: i for i, a in enumerate(arrivals) if isinstance(a.message, Progress)}
    return [a for i, a in enumerate(arrivals) if not isinstance(a.message, Progress) or newest[a.message.job] == i]


def _granted(message: object) -> Reply:
    if isinstance(message, Refused) and message.code == LOST:
        raise EngineGone(message.reason, hint=message.hint)
    if isinstance(message, Refused):
        raise EngineRefused(message.reason, hint=message.hint, code=message.code)
    return message  # type: ignore[return-value]


def _ending(state: JobState) -> Optional[Event]:
    """The event that ended a job, told from its state; None while it is not over."""
    if state.state == "finished":
        return Finished(state.job, state.total, state.unseen, state.worst, state.report)
    if state.state == "cancelled":
        return Cancelled(state.job)
    if state.state == "failed":
        return Failed(state.job, state.code, state.reason, state.hint)
    return None
