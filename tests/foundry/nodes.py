"""Nodes, groups and the root, with the methods that Nuke's documentation gives them."""

from __future__ import annotations

import re
from typing import Any, Dict, List, Optional

from . import declared, make
from .errors import NoSuchKnob, NotInNuke, undeclared
from .knobs import Knob, Tab_Knob
from .reach import Reach
from .threads import main_thread_only


@main_thread_only
class Node(Reach):
    """One node. Made by the script, never by hand."""

    def __init__(self, script: Any, node_class: str, parent: Optional[Group]) -> None:
        self._script, self._class, self._parent = script, node_class, parent
        self._inputs: List[Optional[Node]] = []
        self._knobs: Dict[str, Knob] = {}
        self._alive = True
        for name, row in declared.knobs_of(node_class).items():
            self._adopt(make.from_table(name, row))
        if node_class == "Write":
            self._exr = {name: make.from_table(name, row) for name, row in declared.EXR_KNOBS.items()}
            for knob in self._exr.values():
                knob._node = self

    def __getattr__(self, name: str) -> Any:
        raise undeclared(self, name)

    # -- knobs
    def _adopt(self, knob: Knob) -> None:
        knob._node = self
        self._knobs[knob._name] = knob

    def _present(self) -> Dict[str, Knob]:
        """The knobs there are now: Write's depend on its file type."""
        self._script.alive(self)
        if self._class == "Write" and self._knobs["file_type"].value() == "exr":
            return {**self._knobs, **self._exr}
        return self._knobs

    def knob(self, name: str) -> Optional[Knob]:
        found = self._present().get(name)
        if found is None:
            self._script.asked_in_vain.append((self._class, name))
        return found

    def __getitem__(self, name: str) -> Knob:
        found = self._present().get(name)
        if found is None:
            hint = "; it appears with file_type exr" if declared.is_exr_knob(self._class, name) else ""
            raise NoSuchKnob(f"{self._class} {self._full()} has no knob {name!r}{hint}")
        return found

    def knobs(self) -> Dict[str, Knob]:
        return dict(self._present())

    def allKnobs(self) -> List[Knob]:
        return list(self._present().values())

    def numKnobs(self) -> int:
        return len(self._present())

    def addKnob(self, knob: Knob) -> None:
        if knob._name in self._present() and not isinstance(knob, Tab_Knob):
            raise NotInNuke(f"{self._full()} has a knob {knob._name!r} already")
        knob._user = True
        self._adopt(knob)
        self._script.touched(self)

    def removeKnob(self, knob: Knob) -> None:
        if not knob._user or self._knobs.get(knob._name) is not knob:
            raise NotInNuke(f"{knob._name!r} is no user knob of {self._full()}")
        del self._knobs[knob._name]
        self._script.touched(self)

    def _changed(self, knob: Knob) -> None:
        self._script.knob_changed(self, knob)

    # -- names and places
    def name(self) -> str:
        return str(self._knobs["name"]._raw)

    def setName(self, name: str, uncollide: bool = True, updateExpressions: bool = False) -> None:
        if not re.fullmatch(r"[A-Za-z_]\w*", name):
            raise NotInNuke(f"a node is called a word, not {name!r}")
        self._knobs["name"].setValue(self._script.free_name(self._parent, name, self) if uncollide else name)

    def fullName(self) -> str:
        return self._full()

    def _full(self) -> str:
        outer = self._parent._full() if self._parent is not None and self._parent._parent is not None else ""
        return f"{outer}.{self._knobs['name']._raw}" if outer else str(self._knobs["name"]._raw)

    def Class(self) -> str:
        return self._class

    def parent(self) -> Optional[Group]:
        return self._parent

    def help(self) -> str:
        return str(self._knobs["help"].value())

    def xpos(self) -> int:
        return int(self._knobs["xpos"].value())

    def ypos(self) -> int:
        return int(self._knobs["ypos"].value())

    def setXpos(self, x: int) -> None:
        self._knobs["xpos"].setValue(x)

    def setYpos(self, y: int) -> None:
        self._knobs["ypos"].setValue(y)

    def setXYpos(self, x: int, y: int) -> None:
        self.setXpos(x)
        self.setYpos(y)

    def screenWidth(self) -> int:
        return 80

    def screenHeight(self) -> int:
        return 18

    def isSelected(self) -> bool:
        return bool(self._knobs["selected"].value())

    def setSelected(self, selected: bool) -> None:
        self._knobs["selected"]._raw = (float(bool(selected)),)

    def showControlPanel(self, forceFloat: bool = False) -> None:
        self._script.panel(self, "showPanel")

    def hideControlPanel(self) -> None:
        self._script.panel(self, "hidePanel")

    def shown(self) -> bool:
        return self in self._script.panels

    # -- wires
    def inputs(self) -> int:
        return max([index + 1 for index, node in enumerate(self._inputs) if node is not None] or [0])

    def maxInputs(self) -> int:
        return declared.most_inputs(self._class)

    def minInputs(self) -> int:
        return min(1, self.maxInputs())

    def input(self, index: int) -> Optional[Node]:
        return self._inputs[index] if 0 <= index < len(self._inputs) else None

    def setInput(self, index: int, node: Optional[Node]) -> bool:
        if not 0 <= index < self.maxInputs():
            raise NotInNuke(f"{self._full()} has no input {index}: {self._class} takes {self.maxInputs()}")
        if node is not None and node._parent is not self._parent:
            raise NotInNuke(f"{node._full()} and {self._full()} lie in different groups: no wire goes there")
        if node is not None and (node is self or self in _upstream(node)):
            raise NotInNuke(f"{node._full()} -> {self._full()} would go round in a circle")
        self._wire(index, node)
        self._script.touched(self)
        self._script.dummy_change(self, "inputChange")
        return True

    def _wire(self, index: int, node: Optional[Node]) -> None:
        self._inputs += [None] * (index + 1 - len(self._inputs))
        self._inputs[index] = node

    def connectInput(self, index: int, node: Optional[Node]) -> bool:
        return self.setInput(index, node)

    def dependencies(self, what: int = 0) -> List[Node]:
        return [node for node in self._inputs if node is not None]

    def dependent(self, what: int = 0, forceEvaluate: bool = True) -> List[Node]:
        return [node for node in self._script.everything() if self in node._inputs]

    # -- pictures
    def firstFrame(self) -> int:
        return int(self._script.renderer.frames(self)[0])

    def lastFrame(self) -> int:
        return int(self._script.renderer.frames(self)[1])

    def frameRange(self) -> Any:
        return self._script.frame_range(*self._script.renderer.frames(self))

    def format(self) -> Any:
        return self._script.renderer.info(self).format

    def width(self) -> int:
        return int(self.format().width())

    def height(self) -> int:
        return int(self.format().height())

    def bbox(self) -> Any:
        return self._script.box(self._script.renderer.info(self).box)

    def channels(self) -> List[str]:
        return sorted(self._script.renderer.info(self).channels)

    def metadata(self, key: Optional[str] = None, time: Optional[float] = None, view: Optional[str] = None) -> Any:
        frame = self._script.frame if time is None else time
        found = dict(self._script.renderer.picture(self, frame, view or self._script.views[0]).metadata)
        return found if key is None else found.get(key)

    def sample(self, channel: str, x: float, y: float) -> float:
        picture = self._script.renderer.picture(self, self._script.frame, self._script.views[0])
        return float(picture.at(self._script.layers.one(channel), int(x), int(y)))

    def opHashes(self) -> List[int]:
        """Of the node and all above it at the current frame. What lies in files does not count, their names do."""
        return [self._script.renderer.hash(self, self._script.frame)]

    def hasError(self) -> bool:
        return self._script.renderer.failed(self) is not None

    def error(self) -> bool:
        return self.hasError()

    def treeHasError(self) -> bool:
        return self.hasError()

    def forceValidate(self) -> None:
        self._script.renderer.info(self)

    def _reload(self) -> None:
        version = self._knobs["version"]
        version.setValue(version.value() + 1)
        self._script.renderer.forget(self)


def _upstream(node: Node) -> List[Node]:
    found: List[Node] = []
    waiting = list(node.dependencies())
    while waiting:
        each = waiting.pop()
        if each not in found:
            found.append(each)
            waiting += each.dependencies()
    return found


@main_thread_only
class Group(Node):
    """A node with nodes inside; `begin` and `end`, or `with`, say where new ones go."""

    def __init__(self, script: Any, node_class: str, parent: Optional[Group]) -> None:
        self._children: List[Node] = []
        super().__init__(script, node_class, parent)

    def maxInputs(self) -> int:
        numbers = [int(node._knobs["number"].value()) for node in self._children if node._class == "Input"]
        return max(numbers) + 1 if numbers else 0

    def begin(self) -> Group:
        self._script.context.append(self)
        return self

    def end(self) -> None:
        if self._script.context[-1] is not self:
            raise NotInNuke(f"{self._full()}.end() without its begin()")
        self._script.context.pop()

    def __enter__(self) -> Group:
        return self.begin()

    def __exit__(self, *error: Any) -> None:
        self.end()

    def run(self, what: Any) -> Any:
        with self:
            return what()

    def nodes(self) -> List[Node]:
        return list(self._children)

    def node(self, name: str) -> Optional[Node]:
        return self._child(name)

    def output(self) -> Optional[Node]:
        return next((node for node in self._children if node._class == "Output"), None)

    def _child(self, name: str) -> Optional[Node]:
        return next((node for node in self._children if node._knobs["name"]._raw == name), None)


@main_thread_only
class Root(Group):
    """The script itself: its settings, and whether it has been changed."""

    def name(self) -> str:
        return str(self._knobs["name"]._raw) or "Root"

    def modified(self) -> bool:
        return bool(self._script.is_modified)

    def setModified(self, modified: bool) -> None:
        self._script.is_modified = bool(modified)

    def firstFrame(self) -> int:
        return int(self._knobs["first_frame"].value())

    def lastFrame(self) -> int:
        return int(self._knobs["last_frame"].value())

    def fps(self) -> int:
        return round(self._knobs["fps"].value())

    def setFrame(self, frame: int) -> None:
        self._script.frame = float(frame)

    def proxy(self) -> bool:
        return bool(self._knobs["proxy"].value())

    def setProxy(self, proxy: bool) -> None:
        self._knobs["proxy"].setValue(proxy)

    def views(self) -> List[str]:
        return list(self._script.views)

    def addView(self, name: str, color: str = "") -> None:
        self._script.views.append(name)

    def format(self) -> Any:
        return self._script.format_of(self._knobs["format"])
