"""Whose thread it is, and the main thread's queue and timers.

Nuke's Python belongs to its main thread: every call into nodes and knobs from another one raises WrongThread here,
where Nuke would crash some day. `executeInMainThread` is the bridge, and hangs when used from the main thread.
"""

from __future__ import annotations

import functools
import queue
import threading
import time
from typing import Any, Callable, List, Optional, TypeVar

from .errors import NotInNuke, WrongThread

T = TypeVar("T", bound=type)
_main = threading.get_ident()


def claim() -> None:
    """The calling thread is Nuke's main thread from now on."""
    global _main
    _main = threading.get_ident()


def on_main() -> bool:
    return threading.get_ident() == _main


def main_thread(what: Callable[..., Any]) -> Callable[..., Any]:
    """Only for the main thread."""

    @functools.wraps(what)
    def guarded(*args: Any, **named: Any) -> Any:
        if not on_main():
            name = threading.current_thread().name
            raise WrongThread(f"{what.__qualname__} was called from thread {name}: Nuke's main thread only")
        return what(*args, **named)

    return guarded


def main_thread_only(cls: T) -> T:
    """Every public method, and `x[y]`, is for the main thread."""
    for name, value in list(vars(cls).items()):
        if callable(value) and not isinstance(value, type) and (not name.startswith("_") or name == "__getitem__"):
            setattr(cls, name, main_thread(value))
    return cls


class MainLoop:
    """What Nuke's event loop does: queued calls of other threads, and timers. It turns while a test calls `run`."""

    def __init__(self, *, interface: bool) -> None:
        self.interface = interface
        self._calls: queue.Queue = queue.Queue()
        self.timers: List[Any] = []

    def request(self, call: Callable[..., Any], args: Any, kwargs: Any, *, wait: bool) -> Any:
        name = "executeInMainThreadWithResult" if wait else "executeInMainThread"
        if on_main():
            raise WrongThread(f"{name} from the main thread hangs Nuke")
        if not callable(call) or not isinstance(args, tuple) or not isinstance(kwargs, dict):
            raise NotInNuke(f"{name}(call, args=(), kwargs={{}}): args is a tuple, kwargs a dictionary")
        done, answer = threading.Event(), []
        self._calls.put((call, args, kwargs, done, answer))
        if wait:
            done.wait()
            return answer[0] if answer else None
        return None

    def run(self, *, until: Optional[Callable[[], Any]] = None, seconds: float = 10.0) -> bool:
        """Turns the loop until `until()` is true; False when the time is over first. Without `until`: one turn."""
        if not on_main():
            raise WrongThread("the main loop turns in the main thread")
        end = time.monotonic() + seconds
        while True:
            self._turn()
            if until is None or until():
                return True
            if time.monotonic() > end:
                return False
            time.sleep(0.002)

    def _turn(self) -> None:
        for _ in range(self._calls.qsize()):
            call, args, kwargs, done, answer = self._calls.get()
            try:
                answer.append(call(*args, **kwargs))
            finally:
                done.set()
        if self.interface:
            for timer in list(self.timers):
                timer._fire_if_due(time.monotonic())
