"""Knobs: their values, as Python and as scripts have them. Which methods each kind has is as documented, no more."""

from __future__ import annotations

from typing import Any, Dict, List, Optional, Type

from . import text as tcl
from .errors import NotInNuke, undeclared
from .threads import main_thread_only

# Flags a knob may carry, by their names in the module `nuke`.
FLAGS = {
    "DISABLED": 0x80,
    "NO_ANIMATION": 0x100,
    "DO_NOT_WRITE": 0x200,
    "INVISIBLE": 0x400,
    "STARTLINE": 0x1000,
    "ENDLINE": 0x2000,
    "NO_UNDO": 0x80000,
    "ALWAYS_SAVE": 0x100000,
    "HIDDEN": 0x40000,
    "READ_ONLY": 0x10000000,
}


@main_thread_only
class Knob:
    """What every knob can do. `_raw` is what is stored; subclasses say how it reads and writes."""

    _holds = True  # has a value that goes into scripts

    def __init__(self, name: str, label: Optional[str] = None) -> None:
        self._name, self._label = name, label
        self._node: Any = None
        self._tooltip = ""
        self._flags = 0
        self._user = False
        self._raw: Any = self._empty()
        self._default = self._raw

    def _empty(self) -> Any:
        return ""

    def __getattr__(self, name: str) -> Any:
        raise undeclared(self, name)

    # -- what it is
    def name(self) -> str:
        return self._name

    def label(self) -> str:
        return self._name if self._label is None else self._label

    def setLabel(self, label: str) -> None:
        self._label = label

    def Class(self) -> str:
        return type(self).__name__

    def node(self) -> Any:
        return self._node

    def tooltip(self) -> str:
        return self._tooltip

    def setTooltip(self, words: str) -> None:
        self._tooltip = str(words)

    def fullyQualifiedName(self) -> str:
        return "%s.%s" % (self._node.fullName() if self._node else "", self._name)

    # -- flags
    def setFlag(self, flag: int) -> None:
        self._known(flag)
        self._flags |= flag

    def clearFlag(self, flag: int) -> None:
        self._known(flag)
        self._flags &= ~flag

    def getFlag(self, flag: int) -> bool:
        self._known(flag)
        return bool(self._flags & flag)

    @staticmethod
    def _known(flag: int) -> None:
        if flag not in FLAGS.values():
            raise NotInNuke(f"no knob flag {flag!r}: {sorted(FLAGS)}")

    def enabled(self) -> bool:
        return not self._flags & FLAGS["DISABLED"]

    def setEnabled(self, enabled: bool) -> None:
        (self.clearFlag if enabled else self.setFlag)(FLAGS["DISABLED"])

    def visible(self) -> bool:
        return not self._flags & (FLAGS["INVISIBLE"] | FLAGS["HIDDEN"])

    def setVisible(self, visible: bool) -> None:
        (self.clearFlag if visible else self.setFlag)(FLAGS["INVISIBLE"])

    # -- value
    def value(self) -> Any:
        return self._raw

    def getValue(self) -> Any:
        return self.value()

    def setValue(self, value: Any) -> bool:
        self._store(self._checked(value))
        return True

    def toScript(self) -> str:
        return str(self._raw)

    def fromScript(self, words: str) -> bool:
        self._store(self._parsed(words))
        return True

    def isAnimated(self) -> bool:
        return False

    def hasExpression(self) -> bool:
        return False

    def _checked(self, value: Any) -> Any:
        if not isinstance(value, str):
            raise NotInNuke(f"{self._where()} is a {self.Class()}: it takes a string, got {value!r}")
        return value

    def _parsed(self, words: str) -> Any:
        return self._checked(words)

    def _store(self, raw: Any) -> None:
        if raw == self._raw:
            return
        self._raw = raw
        if self._node is not None:
            self._node._changed(self)

    def _where(self) -> str:
        return self.fullyQualifiedName()

    def _is_default(self) -> bool:
        return bool(self._raw == self._default)

    def _number(self, frame: float, index: int = 0) -> float:
        raise NotInNuke(f"{self._where()} is a {self.Class()}, no number")

    def _settle(self, default: Any) -> None:
        """Takes the table's default, in the script's words or as a number."""
        if default not in (None, ""):
            self._raw = self._parsed(str(default))
        self._default = self._raw


class String_Knob(Knob):
    def __init__(self, name: str, label: Optional[str] = None, value: str = "") -> None:
        super().__init__(name, label)
        self._raw = self._checked(value)

    def getText(self) -> str:
        return str(self._raw)

    def setText(self, words: str) -> None:
        self.setValue(words)

    def splitView(self) -> None:
        raise NotInNuke("split knobs are not declared")


@main_thread_only
class EvalString_Knob(String_Knob):
    def evaluate(self, frame: Optional[float] = None) -> str:
        """The text with its Tcl worked out."""
        if self._node is None:
            return str(self._raw)
        return str(tcl.substitute(self._raw, lambda command: self._node._command(command, frame)))


class Multiline_Eval_String_Knob(EvalString_Knob):
    pass


@main_thread_only
class File_Knob(EvalString_Knob):
    def fromUserText(self, words: str) -> None:
        """What an artist types or drops: `plate.####.exr 1001-1010` sets the range too."""
        path, _, numbers = words.rpartition(" ")
        first, dash, last = numbers.partition("-")
        if not (path and dash and first.isdigit() and last.isdigit()):
            self.setValue(words)
            return
        self.setValue(path)
        for name, number in (("first", first), ("last", last), ("origfirst", first), ("origlast", last)):
            if self._node is not None and self._node.knob(name):
                self._node[name].setValue(int(number))

    def getEvaluatedValue(self, frame: Optional[float] = None) -> str:
        return self.evaluate(frame)


@main_thread_only
class PythonKnob(String_Knob):
    def execute(self) -> None:
        self._node._script.run_python(self._raw, node=self._node, knob=self)


@main_thread_only
class PyScript_Knob(Knob):
    def __init__(self, name: str, label: Optional[str] = None, command: str = "") -> None:
        super().__init__(name, label)
        self._raw = self._checked(command)

    def command(self) -> str:
        return str(self._raw)

    def setCommand(self, command: str) -> None:
        self.setValue(command)

    def execute(self) -> None:
        if self._node is None:
            raise NotInNuke("a button on no node")
        self._node._script.run_python(self._raw, node=self._node, knob=self)


@main_thread_only
class Script_Knob(PyScript_Knob):
    """A Tcl button. Declared is what Read's `reload` does."""

    def execute(self) -> None:
        if self._name != "reload" or self._node.Class() not in ("Read", "Write"):
            raise NotInNuke(f"the Tcl button {self._where()}")
        self._node._reload()


class Text_Knob(Knob):
    def __init__(self, name: str, label: Optional[str] = None, value: str = "") -> None:
        super().__init__(name, label)
        self._raw = self._checked(value)


class Tab_Knob(Knob):
    _holds = False

    def __init__(self, name: str, label: Optional[str] = None, group: int = 0) -> None:
        super().__init__(name, label)
        self._group = group

    def _checked(self, value: Any) -> Any:
        return self._raw


class BeginTabGroup_Knob(Tab_Knob):
    def __init__(self, name: str, label: Optional[str] = None) -> None:
        super().__init__(name, label, 1)


class EndTabGroup_Knob(Tab_Knob):
    def __init__(self, name: str, label: Optional[str] = None) -> None:
        super().__init__(name, label, -1)


@main_thread_only
class Link_Knob(Knob):
    """Another node's knob shown here; reading and writing go there."""

    def setLink(self, target: str) -> None:
        self._raw = target

    def makeLink(self, node: str, knob: str) -> None:
        self._raw = f"{node}.{knob}"

    def getLink(self) -> str:
        return str(self._raw)

    def getLinkedKnob(self) -> Optional[Knob]:
        found: Optional[Knob] = self._node._knob_at(str(self._raw)) if self._node and self._raw else None
        return found

    def value(self) -> Any:
        linked = self.getLinkedKnob()
        return linked.value() if linked else self._raw

    def setValue(self, value: Any) -> bool:
        linked = self.getLinkedKnob()
        if linked is None:
            raise NotInNuke(f"{self._where()} links to nothing")
        return linked.setValue(value)

    def _number(self, frame: float, index: int = 0) -> float:
        linked = self.getLinkedKnob()
        if linked is None:
            raise NotInNuke(f"{self._where()} links to nothing")
        return linked._number(frame, index)


class Opaque_Knob(Knob):
    """A knob of a kind that is carried along in scripts and nothing else: fonts, noodles, roto's curves."""

    def __init__(self, name: str, kind: str) -> None:
        super().__init__(name)
        self._kind = kind

    def Class(self) -> str:
        return self._kind


def register(*more: Type[Knob]) -> Dict[str, Type[Knob]]:
    """Knob classes by name, for the module `nuke` and for the tables."""
    here: List[Type[Knob]] = [
        *(String_Knob, EvalString_Knob, Multiline_Eval_String_Knob, File_Knob, PythonKnob, PyScript_Knob),
        *(Script_Knob, Text_Knob, Tab_Knob, BeginTabGroup_Knob, EndTabGroup_Knob, Link_Knob),
    ]
    return {each.__name__: each for each in (*here, *more)}
