"""What Nuke calls when something happens: registered functions, and the Python in a node's own hook knobs.

A node's hook runs before what was registered; of that, what was registered for its class before what is for all.
"""

from __future__ import annotations

from typing import Any, Callable, Dict, List, Tuple

from .errors import NotInNuke

Entry = Tuple[Callable[..., Any], Tuple[Any, ...], Dict[str, Any]]

# Event -> the knob of the node that hooks it, "" where there is none.
EVENTS = {
    "OnUserCreate": "",
    "OnCreate": "onCreate",
    "OnDestroy": "onDestroy",
    "KnobChanged": "knobChanged",
    "UpdateUI": "updateUI",
    "Autolabel": "autolabel",
    "OnScriptLoad": "onScriptLoad",
    "OnScriptSave": "onScriptSave",
    "OnScriptClose": "onScriptClose",
    "BeforeRender": "beforeRender",
    "BeforeFrameRender": "beforeFrameRender",
    "AfterFrameRender": "afterFrameRender",
    "AfterRender": "afterRender",
    "FilenameFilter": "",
}


class Callbacks:
    def __init__(self) -> None:
        self._entries: Dict[Tuple[str, str], List[Entry]] = {}

    def adders(self) -> Dict[str, Callable[..., None]]:
        """`addOnCreate`, `removeOnCreate` and so on."""
        found: Dict[str, Callable[..., None]] = {}
        for event in EVENTS:
            found[f"add{event}"] = self._adder(event)
            found[f"remove{event}"] = self._remover(event)
        return found

    def _adder(self, event: str) -> Callable[..., None]:
        def add(call: Any, args: Any = (), kwargs: Any = None, nodeClass: str = "*") -> None:
            if not callable(call):
                raise NotInNuke(f"add{event} takes something to call, got {call!r}")
            entry = (call, args if isinstance(args, tuple) else (args,), dict(kwargs or {}))
            entries = self._entries.setdefault((event, nodeClass), [])
            if entry in entries:
                entries.remove(entry)
            entries.append(entry)

        return add

    def _remover(self, event: str) -> Callable[..., None]:
        def remove(call: Any, args: Any = (), kwargs: Any = None, nodeClass: str = "*") -> None:
            entries = self._entries.get((event, nodeClass), [])
            entry = (call, args if isinstance(args, tuple) else (args,), dict(kwargs or {}))
            if entry in entries:
                entries.remove(entry)

        return remove

    def of(self, event: str, node_class: str) -> List[Entry]:
        return [*self._entries.get((event, node_class), []), *self._entries.get((event, "*"), [])]

    def count(self) -> int:
        return sum(map(len, self._entries.values()))
