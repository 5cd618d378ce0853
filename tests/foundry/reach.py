"""How expressions reach knobs: `parent.mode`, `Read1.first`, `root.name`, `this.box.r`, `[value knob]`."""

from __future__ import annotations

import re
from typing import Any, List, Optional, Tuple

from . import text as tcl
from .errors import NotInNuke
from .expression import Expression
from .knobs import Knob
from .numeric import Array_Knob, Enumeration_Knob

PLACES = {"x": 0, "y": 1, "z": 2, "w": 2, "h": 3, "r": 2, "t": 3, "red": 0, "green": 1, "blue": 2, "alpha": 3}
STEPS = re.compile(r"[A-Za-z_]\w*|\d+")


class Reach:
    """What a node adds to expressions on its knobs: a place to start looking from."""

    _script: Any
    _parent: Any

    def _command(self, command: str, frame: Optional[float] = None) -> str:
        now = self._script.frame if frame is None else frame
        return tcl.run(command, value=lambda path: self._text_of(path, now), frame=now)

    def _expression(self, text: str, frame: float, *, knob: Optional[Knob] = None) -> float:
        return float(
            Expression(text).value(
                lambda path: frame if path == "frame" else self._value_of(path, frame),
                lambda command: self._command(command, frame),
                {"gui": float(self._script.gui)},
            )
        )

    def _text_of(self, path: str, frame: float) -> str:
        knob, place = self._found(path)
        if isinstance(knob, Enumeration_Knob):
            return str(knob.value())
        return f"{knob._number(frame, place):g}" if isinstance(knob, Array_Knob) else str(knob.value())

    def _value_of(self, path: str, frame: float) -> float:
        node, rest = self._walk(path)
        if rest in (["width"], ["height"], ["format", "w"], ["format", "h"]) and node._class != "Root":
            return float(node.width() if rest[-1][0] == "w" else node.height())
        knob, place = self._found(path)
        return knob._number(frame, place)

    def _knob_at(self, path: str) -> Optional[Knob]:
        return self._found(path)[0]

    def _found(self, path: str) -> Tuple[Knob, int]:
        """The knob, and which of its numbers, that a path such as `parent.box.r` names."""
        node, rest = self._walk(path)
        if not rest or rest[0] not in node._present():
            raise NotInNuke(f"{self._full()}: nothing is called {path!r}")
        knob = node._present()[rest[0]]
        places = rest[1:]
        if len(places) > 1 or (places and places[0] not in PLACES and not places[0].isdigit()):
            raise NotInNuke(f"{self._full()}: {path!r} goes too far")
        return knob, 0 if not places else PLACES.get(places[0], 0) if not places[0].isdigit() else int(places[0])

    def _walk(self, path: str) -> Tuple[Any, List[str]]:
        """As Nuke looks: this node's knobs, then its group's nodes (and a Group's own), `parent root this input`."""
        steps = STEPS.findall(path)
        node: Any = self
        first = True
        while steps:
            step = steps[0]
            if step in node._present() and not (first and len(steps) > 1 and self._named(step)):
                break
            following = node._step(step, first)
            if following is None:
                break
            node, first = following, False
            steps.pop(0)
        return node, steps

    def _named(self, step: str) -> Any:
        return self._parent._child(step) if self._parent is not None else None

    def _step(self, step: str, first: bool) -> Any:
        if step == "parent":
            return self._parent
        if step == "this":
            return self
        if step == "root":
            return self._script.root
        if re.fullmatch(r"input\d*", step):
            return self.input(int(step[5:] or 0))
        child = self._child(step) if hasattr(self, "_children") else None
        return child if child is not None or not first else self._named(step)
