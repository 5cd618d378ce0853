"""What the artist sees: menus, messages, progress bars. Kept, so that a test can look and click."""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Optional, Union

from .errors import NotInNuke
from .threads import main_thread, main_thread_only


@main_thread_only
class MenuItem:
    def __init__(self, name: str, command: Any, shortcut: str, icon: str) -> None:
        self._name, self._command, self._shortcut, self._icon = name, command, shortcut, icon
        self._enabled = True

    def name(self) -> str:
        return self._name

    def setEnabled(self, enabled: bool) -> None:
        self._enabled = enabled

    def invoke(self) -> Any:
        raise NotInNuke("a test clicks with Stage.click(path)")


@main_thread_only
class Menu:
    def __init__(self, name: str, icon: str = "") -> None:
        self._name, self._icon = name, icon
        self._entries: Dict[str, Union[Menu, MenuItem]] = {}

    def name(self) -> str:
        return self._name

    def addMenu(self, name: str, icon: str = "", tooltip: str = "", index: int = -1) -> Menu:
        menu: Menu = self
        for part in name.split("/"):
            found = menu._entries.setdefault(part, Menu(part, icon))
            if not isinstance(found, Menu):
                raise NotInNuke(f"{part!r} is a command, no menu")
            menu = found
        return menu

    def addCommand(
        self,
        name: str,
        command: Any = "",
        shortcut: str = "",
        icon: str = "",
        tooltip: str = "",
        index: int = -1,
        readonly: bool = False,
    ) -> MenuItem:
        if not (isinstance(command, str) or callable(command)):
            raise NotInNuke(f"a menu command is Python text or something to call, got {command!r}")
        outer, _, last = name.rpartition("/")
        item = MenuItem(last, command, shortcut, icon)
        (self.addMenu(outer) if outer else self)._entries[last] = item
        return item

    def addSeparator(self, index: int = -1) -> None:
        self._entries.setdefault("-" * (1 + len(self._entries)), MenuItem("", "", "", ""))

    def findItem(self, name: str) -> Optional[Union[Menu, MenuItem]]:
        found: Optional[Union[Menu, MenuItem]] = self
        for part in name.split("/"):
            found = found._entries.get(part) if isinstance(found, Menu) else None
        return found

    menu = findItem

    def items(self) -> List[Union[Menu, MenuItem]]:
        return list(self._entries.values())

    def removeItem(self, name: str) -> None:
        self._entries.pop(name, None)


class Artist:
    """What was shown to the artist, and what she will answer: put answers into `answers` before she is asked."""

    def __init__(self) -> None:
        self.messages: List[str] = []
        self.prints: List[str] = []
        self.warnings: List[str] = []
        self.questions: List[str] = []
        self.answers: List[Any] = []
        self.tasks: List[Any] = []
        self.cancel_at: Optional[int] = None
        self.menus: Dict[str, Menu] = {}

    def ask(self, question: str) -> Any:
        self.questions.append(question)
        if not self.answers:
            raise NotInNuke(f"the artist is asked {question!r} and the test put no answer into stage.artist.answers")
        return self.answers.pop(0)


def progress_task(artist: Artist) -> Callable[..., Any]:
    """The class ProgressTask. The artist cancels every task that reaches `artist.cancel_at` percent."""

    @main_thread_only
    class ProgressTask:
        def __init__(self, name: str = "", maximum: int = 100, flags: int = 0) -> None:
            self.name, self.percent, self.message, self.closed = name, 0, "", False
            artist.tasks.append(self)

        def setProgress(self, percent: int) -> None:
            if not isinstance(percent, int) or isinstance(percent, bool) or not 0 <= percent <= 100:
                raise NotInNuke(f"setProgress takes a whole number 0 .. 100, got {percent!r}")
            self.percent = percent

        def setMessage(self, words: str) -> None:
            self.message = str(words)

        def isCancelled(self) -> bool:
            return artist.cancel_at is not None and self.percent >= artist.cancel_at

    ProgressTask.__init__ = main_thread(ProgressTask.__init__)  # type: ignore[method-assign]
    return ProgressTask
