"""What waits to be sent to one host. Only `Progress` coalesces: a job's newest takes the waiting one's place.

A host that is busy rendering may not read for an hour; what waits for it stays as small as its frames are many. It
holds messages and touches no socket.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from ..protocol import Message, Progress
from ..wire import Envelope


class Outbox:
    """Messages to one host, in order."""

    def __init__(self) -> None:
        self._waiting: deque[Envelope] = deque()

    def __len__(self) -> int:
        return len(self._waiting)

    def post(self, message: Message, request: int | None = None) -> None:
        """Put a message at the end; a `Progress` takes the place of its job's newest one if nothing followed that."""
        if isinstance(message, Progress):
            newest = next((e for e in reversed(self._waiting) if getattr(e.message, "job", None) == message.job), None)
            if newest is not None and isinstance(newest.message, Progress):
                self._waiting[self._waiting.index(newest)] = Envelope(message, request)
                return
        self._waiting.append(Envelope(message, request))

    def flush(self, send: Callable[[Envelope], bool]) -> None:
        """Send in order for as long as `send` says that it could."""
        while self._waiting and send(self._waiting[0]):
            self._waiting.popleft()
