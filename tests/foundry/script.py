"""The open script: its nodes, the layers and formats, what has been changed, and who is told of it."""

from __future__ import annotations

import re
from typing import Any, Dict, Iterator, List, Optional, Tuple

from . import values
from .callbacks import EVENTS, Callbacks
from .errors import NotInNuke
from .knobs import Knob, String_Knob
from .layers import Layers
from .nodes import Group, Node, Root
from .render import Renderer

GROUPS = ("Group", "Gizmo")
DEEPEST = 20


class Script:
    """One Nuke session. `module` is the fake `nuke`, set by whoever builds it."""

    def __init__(self, *, gui: bool, version: Tuple[int, int]) -> None:
        self.gui, self.version = gui, version
        self.module: Any = None
        self.callbacks = Callbacks()
        self.layers = Layers()
        self.renderer = Renderer(self)
        self.formats: Dict[str, values.Format] = {}
        self.asked_in_vain: List[Tuple[str, str]] = []
        self.now: List[Tuple[Node, Optional[Knob]]] = []
        self.main_names: Dict[str, Any] = {"__name__": "__main__"}
        self.times_modified = 0
        self.loading = False
        self._depth = 0
        self.clear()

    def clear(self) -> None:
        """An empty script. Layers, formats and callbacks stay, as in Nuke."""
        for node in self.everything() if hasattr(self, "root") else ():
            node._alive = False
        self.views = ["main"]
        self.frame = 1.0
        self.panels: List[Node] = []
        self._modified = False
        self.root = Root(self, "Root", None)
        self.root._knobs["name"]._raw = ""
        for knob in (self.root._knobs["format"], self.root._knobs["proxy_format"]):
            knob._raw = knob._default = "2048 1556 0 0 2048 1556 1 2K_Super_35(full-ap)"
        self.context: List[Group] = [self.root]
        self.renderer.forget()

    # -- changed or not
    @property
    def is_modified(self) -> bool:
        return self._modified

    @is_modified.setter
    def is_modified(self, modified: bool) -> None:
        if modified and not self._modified:
            self.times_modified += 1
        self._modified = modified

    def touched(self, node: Node) -> None:
        if not self.loading:
            self.is_modified = True

    def alive(self, node: Node) -> None:
        if not node._alive:
            raise ValueError(f"A PythonObject is not attached to a node: {node._class} was deleted")

    # -- nodes
    def everything(self) -> Iterator[Node]:
        waiting: List[Node] = list(self.root._children)
        while waiting:
            node = waiting.pop(0)
            yield node
            if isinstance(node, Group):
                waiting += node._children

    def add(self, node_class: str, parent: Group, name: Optional[str] = None) -> Node:
        """A node in its place, with a free name; nobody is told yet."""
        if node_class == "Root":
            raise NotInNuke("there is one Root")
        node = (Group if node_class in GROUPS else Node)(self, node_class, parent)
        wanted = name or f"{node_class}1"
        node._knobs["name"]._raw = self.free_name(parent, wanted, node)
        parent._children.append(node)
        return node

    def free_name(self, parent: Optional[Group], name: str, node: Node) -> str:
        taken = {each._knobs["name"]._raw for each in parent._children if each is not node} if parent else set()
        stem = re.sub(r"\d+$", "", name)
        number = int(name[len(stem) :] or 0)
        while name in taken:
            number += 1
            name = f"{stem}{number}"
        return name

    def delete(self, node: Node) -> None:
        self.alive(node)
        for child in list(node._children) if isinstance(node, Group) else ():
            self.delete(child)
        self.tell("OnDestroy", node)
        for other in node.dependent():
            other._inputs = [None if each is node else each for each in other._inputs]
        if node._parent is not None:
            node._parent._children.remove(node)
        node._alive = False
        self.touched(node)

    def at(self, path: str, start: Optional[Group] = None) -> Optional[Node]:
        node: Optional[Node] = start or self.context[-1]
        for part in path.split("."):
            node = self.root if part == "root" else node._child(part) if isinstance(node, Group) else None
            if node is None:
                return None
        return node

    # -- telling
    def tell(self, event: str, node: Node, knob: Optional[Knob] = None) -> None:
        """Runs the node's own hook, then what was registered."""
        hook = EVENTS[event]
        code = node._knobs[hook]._raw if hook in node._knobs else ""
        entries = self.callbacks.of(event, node._class)
        if not code and not entries:
            return
        self._depth += 1
        if self._depth > DEEPEST:
            raise NotInNuke(f"{event} of {node._full()} sets off {event} without end")
        self.now.append((node, knob))
        try:
            if code:
                self.execute(code)
            for call, args, kwargs in entries:
                call(*args, **kwargs)
        finally:
            self.now.pop()
            self._depth -= 1

    def knob_changed(self, node: Node, knob: Knob) -> None:
        """Since 17.1 whoever changed it; before, with the node's panel open only."""
        if self.loading or not node._alive:
            return
        self.is_modified = True
        if self.version >= (17, 1) or node in self.panels:
            self.tell("KnobChanged", node, knob)

    def dummy_change(self, node: Node, name: str) -> None:
        if not self.loading:
            dummy = String_Knob(name)
            dummy._node = node
            self.tell("KnobChanged", node, dummy)

    def panel(self, node: Node, event: str) -> None:
        if not self.gui:
            return
        if event == "showPanel" and node not in self.panels:
            self.panels.append(node)
        elif event == "hidePanel" and node in self.panels:
            self.panels.remove(node)
        self.dummy_change(node, event)

    # -- Python inside the script
    def run_python(self, code: str, *, node: Node, knob: Optional[Knob]) -> None:
        self.now.append((node, knob))
        try:
            self.execute(code)
        finally:
            self.now.pop()

    def execute(self, code: str) -> None:
        self.main_names["nuke"] = self.module
        exec(compile(code, "<script>", "exec"), self.main_names)

    # -- values
    def format_of(self, knob: Knob) -> values.Format:
        text = str(knob._raw)
        if text == "root.format":
            text = str(self.root._knobs["format"]._raw)
        return self.formats[text] if text in self.formats else self.add_format(text)

    def add_format(self, text: str) -> values.Format:
        parts = text.split(None, 7)
        if len(parts) < 2 or not all(re.fullmatch(r"-?[\d.]+", part) for part in parts[:2]):
            raise NotInNuke(f"no format: {text!r}; it is `width height [x y r t] aspect name`")
        name = parts[7] if len(parts) == 8 else parts[3] if len(parts) == 4 else ""
        found = values.Format(int(parts[0]), int(parts[1]), name)
        if name:
            self.formats[name] = found
        return found

    def frame_range(self, first: int, last: int) -> values.FrameRange:
        return values.FrameRange(first, last)

    def box(self, box: Any) -> values.Box:
        return values.Box(*box)
