"""As much of PySide as an adapter's timer needs: `QtCore.QTimer`. It fires while `Stage.run` turns the main loop."""

from __future__ import annotations

import time
import types
from typing import Any, Callable, Dict, List, Optional

from .errors import NotInNuke
from .threads import MainLoop, main_thread, main_thread_only


class Signal:
    def __init__(self) -> None:
        self._slots: List[Callable[[], Any]] = []

    def connect(self, slot: Callable[[], Any]) -> None:
        if not callable(slot):
            raise NotInNuke(f"a signal is connected to something to call, got {slot!r}")
        self._slots.append(slot)

    def disconnect(self, slot: Optional[Callable[[], Any]] = None) -> None:
        self._slots = [each for each in self._slots if slot is not None and each != slot]

    def _emit(self) -> None:
        for slot in list(self._slots):
            slot()


class Strict(types.ModuleType):
    """A module in which nothing is but what was put there."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        raise NotInNuke(f"{self.__name__}.{name} was not declared")


def modules(loop: MainLoop, package: str) -> Dict[str, types.ModuleType]:
    """PySide6 or PySide2 by name, for `sys.modules`."""

    @main_thread_only
    class QTimer:
        def __init__(self, parent: Any = None) -> None:
            self.timeout = Signal()
            self._interval, self._due, self._single = 0, 0.0, False

        def setInterval(self, milliseconds: int) -> None:
            if not isinstance(milliseconds, int):
                raise NotInNuke(f"QTimer counts whole milliseconds, got {milliseconds!r}")
            self._interval = milliseconds

        def interval(self) -> int:
            return self._interval

        def setSingleShot(self, single: bool) -> None:
            self._single = single

        def start(self, milliseconds: Optional[int] = None) -> None:
            if milliseconds is not None:
                self.setInterval(milliseconds)
            self._due = time.monotonic() + self._interval / 1000
            if self not in loop.timers:
                loop.timers.append(self)

        def stop(self) -> None:
            if self in loop.timers:
                loop.timers.remove(self)

        def isActive(self) -> bool:
            return self in loop.timers

        def deleteLater(self) -> None:
            self.stop()

        def _fire_if_due(self, now: float) -> None:
            if self in loop.timers and now >= self._due:
                self._due = now + self._interval / 1000
                if self._single:
                    self.stop()
                self.timeout._emit()

        @staticmethod
        def singleShot(milliseconds: int, slot: Callable[[], Any]) -> None:
            timer = QTimer()
            timer.setSingleShot(True)
            timer.timeout.connect(slot)
            timer.start(milliseconds)

    QTimer.__init__ = main_thread(QTimer.__init__)  # type: ignore[method-assign]
    core = Strict(f"{package}.QtCore")
    core.QTimer = QTimer  # type: ignore[attr-defined]
    outer = Strict(package)
    outer.QtCore = core  # type: ignore[attr-defined]
    outer.__path__ = []
    return {package: outer, f"{package}.QtCore": core}
