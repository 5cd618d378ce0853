"""Writes finished frames in a thread of their own, while the engine works on the next one."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from types import TracebackType
from typing import Generic, TypeVar

Frame = TypeVar("Frame")


class AsyncWriter(Generic[Frame]):
    """Passes frames to `write`, one at a time and in order, in a thread of its own.

    An error of `write` is raised by the next `put`, or on leaving the context, which always waits for the write in
    progress. At most one frame waits, as frames are large.
    """

    def __init__(self, write: Callable[[Frame], None]) -> None:
        self._write = write
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="write")
        self._pending: Future[None] | None = None

    def put(self, frame: Frame) -> None:
        """Queue this frame for writing, after waiting for the one before."""
        self.wait()
        self._pending = self._thread.submit(self._write, frame)

    def wait(self) -> None:
        """Block until the queued frame is written."""
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
