"""Writing behind: a finished frame goes to disk while the engine works on the next one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

Frame = TypeVar("Frame")


class AsyncWriter(Generic[Frame]):
    """Hands frames to `write`, one at a time and in order, in a thread of its own.

    What `write` raises is raised by the next `put`, or on leaving; nothing is left half done on leaving, whatever the
    reason. No more than one frame waits: frames are large.
    """

    def __init__(self, write: Callable[[Frame], None]) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._pending: Future[None] | None = None

    def put(self, frame: Frame) -> None:
        """Have this frame written once the one before is."""
        self.wait()
        self._pending = self._thread.submit(self._write, frame)

    def wait(self) -> None:
        """Until what was handed over is written."""
        pending, self._pending = self._pending, None
        if pending is not None:
            pending.result()

    def __enter__(self) -> AsyncWriter[Frame]:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if error is None:
                self.wait()
        finally:
            self._thread.shutdown(wait=True)
