"""Renders: asks a node for a frame of a view, and it asks its inputs. What each class does is in `operators`.

Files that were read stay read until the node's `reload` runs or its file changes - and so does a frame that was not
there: a Read does not notice by itself that a file has come.
"""

from __future__ import annotations

import hashlib
from typing import Any, Dict, List, Optional, Tuple

from . import operators
from .errors import NotModelled, RenderError
from .knobs import EvalString_Knob
from .numeric import Array_Knob
from .picture import Picture, black
from .values import Size

# Knobs that are no part of what a node's picture is.
ASIDE = (
    *("name", "label", "help", "icon", "note_font", "note_font_size", "note_font_color", "tile_color", "gl_color"),
    *("xpos", "ypos", "selected", "indicators", "panel", "autolabel", "onCreate", "onDestroy", "knobChanged"),
    *("updateUI", "rootNodeUpdated", "bookmark", "cached", "dope_sheet", "postage_stamp", "postage_stamp_frame"),
    *("hide_input", "reload", "rescan_range", "executing"),
)


class Renderer:
    def __init__(self, script: Any) -> None:
        self.script = script
        self.files: Dict[Tuple[Any, str], Any] = {}
        self.opened: List[str] = []
        self._made: Optional[Dict[Any, Picture]] = None

    def forget(self, node: Any = None) -> None:
        """What a Read knows of its files; of every Read without `node`."""
        self.files = {key: value for key, value in self.files.items() if node is not None and key[0] is not node}

    def picture(self, node: Any, frame: float, view: str) -> Picture:
        """One frame, or RenderError. Each node makes it once for all who ask."""
        outermost = self._made is None
        if outermost:
            self._made = {}
        assert self._made is not None
        try:
            key = (id(node), frame, view)
            if key not in self._made:
                self._made[key] = self._make(node, frame, view)
            return self._made[key]
        finally:
            if outermost:
                self._made = None

    def _make(self, node: Any, frame: float, view: str) -> Picture:
        if "disable" in node._knobs and node._knobs["disable"]._number(frame):
            return self.input(node, 0, frame, view)
        if "useLifetime" in node._knobs and node._knobs["useLifetime"]._number(frame):
            raise NotModelled(f"{node._full()}: a lifetime")
        if node._class not in operators.OPERATORS:
            raise NotModelled(f"{node._full()}: the fake renders no {node._class}")
        return operators.OPERATORS[node._class](operators.Task(self, node, frame, view))

    def input(self, node: Any, index: int, frame: float, view: str) -> Picture:
        """What is plugged in there; black on the project's format where nothing is."""
        other = node.input(index)
        return self.picture(other, frame, view) if other is not None else black(self.size())

    def size(self) -> Size:
        format_ = self.script.root.format()
        return Size(format_.width(), format_.height())

    def info(self, node: Any) -> Any:
        """Format, box and channels at the current frame; of a node in error the project's format and nothing."""
        try:
            found = self.picture(node, self.script.frame, self.script.views[0])
        except RenderError:
            found = black(self.size())
        return _Info(self.script, found)

    def failed(self, node: Any) -> Optional[str]:
        try:
            self.picture(node, self.script.frame, self.script.views[0])
        except RenderError as error:
            return str(error)
        return None

    def frames(self, node: Any) -> Tuple[int, int]:
        knobs = node._knobs
        if node._class in ("Read", "Constant"):
            return int(knobs["first"].value()), int(knobs["last"].value())
        if node._class == "FrameRange":
            return int(knobs["first_frame"].value()), int(knobs["last_frame"].value())
        if node._class == "Input" and node._parent is not None:
            outer = node._parent.input(int(knobs["number"].value()))
            return self.frames(outer) if outer is not None else self._project()
        if node._class in ("Group", "Gizmo") and node.output() is not None:
            return self.frames(node.output())
        spans = [self.frames(each) for each in node.dependencies()]
        if not spans:
            return self._project()
        first, last = min(span[0] for span in spans), max(span[1] for span in spans)
        shift = int(knobs["time_offset"].value()) if node._class == "TimeOffset" else 0
        return first + shift, last + shift

    def _project(self) -> Tuple[int, int]:
        return self.script.root.firstFrame(), self.script.root.lastFrame()

    def hash(self, node: Any, frame: float) -> int:
        """Changes with every knob and wire above that can change the picture, and with nothing else."""
        digest = hashlib.sha1(node._class.encode())
        for name, knob in sorted(node._present().items()):
            if name in ASIDE or knob._user:
                continue
            if isinstance(knob, Array_Knob):
                digest.update(f"{name} {knob._components(frame)}".encode())
            else:
                digest.update(
                    f"{name} {knob.evaluate(frame) if isinstance(knob, EvalString_Knob) else knob._raw}".encode()
                )
        for above in self._above(node):
            digest.update(str(self.hash(above, operators.moved(node, frame)) if above is not None else 0).encode())
        return int.from_bytes(digest.digest()[:8], "big")

    @staticmethod
    def _above(node: Any) -> List[Any]:
        if node._class == "Input" and node._parent is not None:
            return [node._parent.input(int(node._knobs["number"].value()))]
        if node._class in ("Group", "Gizmo"):
            return [node.output()]
        return list(node._inputs)


class _Info:
    def __init__(self, script: Any, picture: Picture) -> None:
        size = picture.format
        self.format = script.add_format(f"{size.width} {size.height}")
        self.box, self.channels = picture.box, list(picture.channels)
