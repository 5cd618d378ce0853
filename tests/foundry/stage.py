"""A stage on which the Nuke adapter plays: a strict fake `nuke`, written from the knob data and documented rules.

No Nuke runs where this is tested, so the fake knows only what was declared, with its source, in `knobs.json` (a scan
of Nuke 17.0v3) and `additions.json`; anything else raises `NotInNuke`. It was written before the adapter, by somebody
else.
Needs Python 3.9, numpy, OpenEXR, and for scripts `tclsh`.

    with Stage(gui=True, version=(17, 1)) as stage:
        import nuke                              # is stage.nuke; `import PySide6.QtCore` works too (PySide2 before 16)
        stage.startup("nuke")                    # runs init.py, and menu.py in the interface
        nuke.scriptOpen("shot.nk")               # or stage.paste("Read { inputs 0 ... }")
        stage.draw("Roto1", "ellipse", {1001: (10, 10, 30, 30), 1010: (20, 10, 40, 30)}, soft=4)
        stage.press("AAN1", "solve")             # a button
        stage.change("AAN1", "mode", "result")   # a knob, as the artist does: knobChanged runs in every version
        stage.run(until=lambda: ..., seconds=60) # the event loop: executeInMainThread, QTimer
        stage.picture("Merge1", 1003)            # what a Viewer would show: .box .format .channels["rgba.red"], y up
        stage.reopen()                           # save, close, open: what lives in knobs comes back, the rest is gone

To look at afterwards: `artist.messages/warnings/questions/tasks/menus` and `artist.answers` (put answers in before),
`artist.cancel_at` percent, `stage.written` files, `stage.opened` files, `stage.times_modified`, `stage.asked_in_vain`,
`stage.undo`, `stage.cancel_after` frames of an execute.

Declared functions: `root Root thisRoot thisNode thisKnob thisGroup thisParent thisClass toNode exists allNodes
selectedNodes selectedNode filename activeViewer createNode nodes.CLASS delete nodePaste nodeCopy frame layers channels
Layer views addFormat formats scriptOpen scriptSave scriptSaveAs scriptClear scriptClose scriptName scriptReadFile
execute executeMultiple executeInMainThread executeInMainThreadWithResult ProgressTask message warning error debug ask
tprint menu toolbar pluginAddPath pluginAppendPath pluginPath`, `addX`, `removeX` for the events of `callbacks.EVENTS`,
the knob classes of `make.CLASSES`, `Node Group Knob Format Box FrameRange FrameRanges Undo CancelledError GUI env`, the
`NUKE_VERSION_*`, the flags of `knobs.FLAGS`, `TABBEGINGROUP TABENDGROUP INPUTS EXPRESSIONS REPLACE`.
Methods of nodes and knobs: see `nodes.py`, `knobs.py`, `numeric.py`. Rendered classes: `operators.OPERATORS`.

Rules it holds to, where Nuke would crash, hang or go silently wrong:
- Nodes, knobs and functions belong to the main thread; `executeInMainThread*` to every other one. ProgressTask and
  QTimer belong to the main thread.
- Since 17.1 knobChanged fires for every change, by whomever, at once and again inside itself; before, for the artist,
  and while the panel is open. `inputChange`, `showPanel`, `hidePanel` come as dummy knobs.
- onCreate runs on creation, loading and pasting, a Group's after its nodes'; a hook knob runs before registered ones.
- An exception inside a callback goes on upwards: Nuke prints it and goes on, a test must see it.
- `node["x"]` of no such knob raises; `node.knob("x")` is None and is noted in `asked_in_vain`.
- A choice or channel that does not exist raises; Nuke shows `none`. A Write's `datatype` and such exist while file_type
  is exr. File names are Tcl: `[` and backslashes are taken.
- A Read keeps what it read, and that a frame was missing, until `reload` runs or `file` changes; that marks the script
  modified, as every change of a knob does.
- In proxy mode `execute` renders small. A missing folder is made with `create_directories` only.
- Pixels outside a bounding box are black (Nuke repeats the edge of some pictures: not modelled).
"""

from __future__ import annotations

import contextlib
import os
import runpy
from pathlib import Path
from typing import Any, Callable, Dict, List, Optional, Tuple, Union

from . import channels, loading, merges, saving, sources, surface, tree
from .errors import Cancelled, NoSuchKnob, NotInNuke, NotModelled, RenderError, WrongThread
from .interface import Artist, Menu
from .module import build, installed
from .nodes import Node
from .picture import Picture
from .qt import modules
from .script import Script
from .threads import MainLoop, claim

RENDERS = (channels, merges, sources)


class Stage:
    """One Nuke: in the interface (`gui`) or as `nuke -t`. Everything of it is gone at the end of the `with`."""

    def __init__(self, *, gui: bool = True, version: Tuple[int, int] = (17, 1), indie: bool = False) -> None:
        claim()
        self.artist = Artist()
        self.loop = MainLoop(interface=gui)
        self.script = Script(gui=gui, version=version)
        self.nuke: Any = build(self.script, self.artist, self.loop, indie=indie)
        self._modules: Dict[str, Any] = {
            "nuke": self.nuke,
            **modules(self.loop, "PySide6" if version >= (16, 0) else "PySide2"),
        }
        self._exits = contextlib.ExitStack()

    def __enter__(self) -> Stage:
        self._exits.enter_context(installed(self._modules))
        return self

    def __exit__(self, *error: Any) -> None:
        self._exits.close()

    # -- what the artist does
    def startup(self, *folders: Union[str, Path]) -> None:
        """As Nuke starts with these folders on NUKE_PATH, leftmost first: init.py of each, the last folder's first."""
        paths = [str(Path(folder).resolve()) for folder in folders]
        for path in reversed(paths):
            surface.PLUGIN_PATH.insert(0, path)
            self.nuke.pluginAddPath(path)
        for name in ("init.py", "menu.py") if self.script.gui else ("init.py",):
            for path in reversed(paths):
                file = os.path.join(path, name)
                if os.path.isfile(file):
                    self.script.main_names["__file__"] = file
                    self.script.main_names.update(
                        {k: v for k, v in runpy.run_path(file).items() if not k.startswith("__")}
                    )

    def paste(self, text: str) -> List[Node]:
        """Nodes from the text of a script."""
        found = tree.parse(text)
        if found.faults:
            raise NotInNuke("; ".join(found.faults))
        for layer in found.layers:
            name, *parts = layer.split()
            self.script.layers.add(name, parts)
        return loading.place(self.script, found, self.script.context[-1])

    def node(self, what: Union[str, Node]) -> Node:
        found = self.script.at(what) if isinstance(what, str) else what
        if found is None:
            raise NotInNuke(f"there is no node {what!r}")
        return found

    def press(self, node: Union[str, Node], button: str) -> None:
        """A click on a button, which must be there to be clicked."""
        knob: Any = self.node(node)[button]
        if not (knob.enabled() and knob.visible()):
            raise NotInNuke(f"{knob.fullyQualifiedName()} is greyed out or hidden")
        knob.execute()

    def change(self, node: Union[str, Node], name: str, value: Any) -> None:
        """A knob changed by hand in the open panel."""
        found = self.node(node)
        opened = found in self.script.panels
        if not opened:
            self.script.panels.append(found)
        try:
            found[name].setValue(value)
        finally:
            if not opened:
                self.script.panels.remove(found)

    def click(self, path: str) -> Any:
        """A menu entry: `Nodes/Align & Attend/Remove`."""
        name, _, rest = path.partition("/")
        item: Any = self.artist.menus[name].findItem(rest) if name in self.artist.menus else None
        if item is None or isinstance(item, Menu):
            raise NotInNuke(f"there is no menu entry {path!r}")
        return item._command() if callable(item._command) else self.script.execute(item._command)

    def reopen(self, path: Optional[Union[str, Path]] = None) -> None:
        """Saves, closes and opens again."""
        target = str(path or self.nuke.scriptName())
        self.nuke.scriptSaveAs(target)
        self.nuke.scriptOpen(target)

    def draw(
        self,
        roto: Union[str, Node],
        kind: str,
        keys: Dict[float, Tuple[float, float, float, float]],
        *,
        soft: float = 0.0,
    ) -> None:
        """A shape in a Roto: `rectangle` or `ellipse`, keys of frame -> x, y, r, t in pixels, y upwards."""
        if kind not in ("rectangle", "ellipse"):
            raise NotInNuke(f"a rectangle or an ellipse, no {kind!r}")
        knob = self.node(roto)["curves"]
        more = sources.curves(kind, keys, soft)
        knob.setValue(f"{knob._raw}\n{more}" if knob._raw else more)

    # -- what goes on
    def run(self, *, until: Optional[Callable[[], Any]] = None, seconds: float = 10.0) -> bool:
        """Turns the event loop until `until()` is true; False when it never was. Once, without `until`."""
        if not self.script.gui:
            raise NotInNuke("in terminal mode no event loop turns")
        return self.loop.run(until=until, seconds=seconds)

    def idle(self) -> None:
        """updateUI of every node, as Nuke calls it now and then."""
        for node in list(self.script.everything()):
            self.script.tell("UpdateUI", node)

    def picture(self, node: Union[str, Node], frame: float, view: str = "main") -> Picture:
        return self.script.renderer.picture(self.node(node), float(frame), view)

    # -- what there is to see
    @property
    def text(self) -> str:
        """The script as it would be saved."""
        return saving.save(self.script)

    @property
    def times_modified(self) -> int:
        """How often the script went from saved to changed."""
        return self.script.times_modified

    @property
    def asked_in_vain(self) -> List[Tuple[str, str]]:
        return self.script.asked_in_vain

    @property
    def written(self) -> List[str]:
        found: List[str] = self.nuke._execution.written
        return found

    @property
    def opened(self) -> List[str]:
        return self.script.renderer.opened

    @property
    def undo(self) -> List[str]:
        found: List[str] = self.nuke.Undo.closed
        return found

    @property
    def cancel_after(self) -> Optional[int]:
        found: Optional[int] = self.nuke._execution.cancel_after
        return found

    @cancel_after.setter
    def cancel_after(self, frames: Optional[int]) -> None:
        self.nuke._execution.cancel_after = frames


__all__ = ["Cancelled", "NoSuchKnob", "NotInNuke", "NotModelled", "RenderError", "Stage", "WrongThread"]
