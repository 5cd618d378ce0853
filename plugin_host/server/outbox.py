"""The messages that wait to be sent to one host. A newer `Progress` of a job replaces the waiting one.

A host that is busy rendering may not read for an hour. What waits for it stays small: a few messages for each frame. No
socket is used here.
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
        """Append a message; a `Progress` replaces the job's last message if that is a `Progress` too."""
        if isinstance(message, Progress):
            newest = next((e for e in reversed(self._waiting) if getattr(e.message, "job", None) == message.job), None)
            if newest is not None and isinstance(newest.message, Progress):
                self._waiting[self._waiting.index(newest)] = Envelope(message, request)
                return
        self._waiting.append(Envelope(message, request))

    def flush(self, send: Callable[[Envelope], bool]) -> None:
        """Send in order for as long as `send` returns True."""
        while self._waiting and send(self._waiting[0]):
            self._waiting.popleft()
