"""The module `nuke` as an adapter sees it: what is put in here is declared, everything else raises NotInNuke."""

from __future__ import annotations

import contextlib
import os
import sys
from typing import Any, Callable, ClassVar, Dict, Iterator, List, Optional

from . import make, surface, values
from .errors import Cancelled, NotInNuke
from .execute import Execution
from .interface import Artist, Menu, progress_task
from .knobs import FLAGS, Knob
from .nodes import Group, Node
from .qt import Strict
from .script import Script
from .surface import PLUGIN_PATH
from .threads import MainLoop, main_thread

CONSTANTS = {
    **FLAGS,
    **{"TABKNOB": 0, "TABBEGINGROUP": 1, "TABBEGINCLOSEDGROUP": 2, "TABENDGROUP": -1},
    **{"INPUTS": 1, "HIDDEN_INPUTS": 2, "EXPRESSIONS": 4, "REPLACE": 1, "kUserCanCancel": 1},
}


class Environment:
    """`nuke.env`: the keys that are known."""

    def __init__(self, script: Script, indie: bool) -> None:
        major, minor = script.version
        self._values: Dict[str, Any] = {
            "gui": script.gui,
            "interactive": script.gui,
            "indie": indie,
            "nc": False,
            "nukex": False,
            "studio": False,
            "hiero": False,
            "NukeVersionMajor": major,
            "NukeVersionMinor": minor,
            "NukeVersionRelease": 1,
            "NukeVersionString": f"{major}.{minor}v1",
            "ExecutablePath": sys.executable,
            "PluginExt": ".so",
            "numCPUs": os.cpu_count(),
        }

    def __getitem__(self, key: str) -> Any:
        if key not in self._values:
            raise NotInNuke(f"nuke.env has no {key!r}")
        return self._values[key]

    def get(self, key: str, default: Any = None) -> Any:
        return self[key]


def build(script: Script, artist: Artist, loop: MainLoop, *, indie: bool) -> Strict:
    """A fresh `nuke` over this script."""
    nuke = Strict("nuke")
    script.module = nuke
    execution = Execution(script)
    groups = (*surface.functions(script), _interface(script, artist))
    for group in groups:
        for name, value in group.items():
            setattr(nuke, name, main_thread(value) if not isinstance(value, type) else value)
    for name, value in script.callbacks.adders().items():
        setattr(nuke, name, main_thread(value))
    for name, value in {**CONSTANTS, **make.CLASSES}.items():
        setattr(nuke, name, value)
    plain: Dict[str, Any] = {
        "GUI": script.gui,
        "env": Environment(script, indie),
        "NUKE_VERSION_MAJOR": script.version[0],
        "NUKE_VERSION_MINOR": script.version[1],
        "NUKE_VERSION_RELEASE": 1,
        "NUKE_VERSION_STRING": f"{script.version[0]}.{script.version[1]}v1",
        **{"Node": Node, "Group": Group, "Knob": Knob, "Format": values.Format, "Box": values.Box},
        **{"FrameRange": values.FrameRange, "FrameRanges": values.FrameRanges, "CancelledError": Cancelled},
        "Undo": _undo(),
        "ProgressTask": progress_task(artist),
        "nodes": surface.Nodes(script),
        "execute": main_thread(execution.execute),
        "executeMultiple": main_thread(execution.execute_multiple),
        "executeInMainThread": _bridge(loop, wait=False),
        "executeInMainThreadWithResult": _bridge(loop, wait=True),
        "tprint": artist.prints.append,
    }
    for name, value in plain.items():
        setattr(nuke, name, value)
    nuke._execution = execution  # type: ignore[attr-defined]
    return nuke


def _bridge(loop: MainLoop, *, wait: bool) -> Callable[..., Any]:
    def request(call: Any, args: Any = (), kwargs: Optional[Dict[str, Any]] = None) -> Any:
        if not loop.interface:
            raise NotInNuke("in terminal mode no event loop turns: call directly")
        return loop.request(call, args, dict(kwargs or {}), wait=wait)

    return request


def _interface(script: Script, artist: Artist) -> Dict[str, Any]:
    def menu(name: str) -> Menu:
        if not script.gui:
            raise NotInNuke("there are no menus in terminal mode: menu.py is not run there")
        if name not in ("Nuke", "Nodes", "Viewer", "Pane", "Properties", "Animation", "Axis", "Node Graph"):
            raise NotInNuke(f"there is no menu {name!r}")
        return artist.menus.setdefault(name, Menu(name))

    def add_path(path: str, addToSysPath: bool = True) -> None:
        if not os.path.isabs(path):
            here = script.main_names.get("__file__")
            path = os.path.join(os.path.dirname(here), path) if here else os.path.abspath(path)
        if path not in PLUGIN_PATH:
            PLUGIN_PATH.insert(0, path)
        if addToSysPath and path not in sys.path:
            sys.path.insert(0, path)

    return {
        "message": artist.messages.append,
        "warning": artist.warnings.append,
        "error": artist.warnings.append,
        "debug": artist.prints.append,
        "ask": artist.ask,
        "menu": menu,
        "toolbar": lambda name, create=True: menu("Nodes" if name == "Nodes" else name),
        "pluginAddPath": add_path,
        "pluginAppendPath": add_path,
        "pluginPath": lambda: list(PLUGIN_PATH),
    }


def _undo() -> type:
    class Undo:
        """Groups of undo; `Stage.undo` lists the names, and those open are counted."""

        open_groups: ClassVar[List[str]] = []
        closed: ClassVar[List[str]] = []
        disabled = 0

        def __init__(self, name: str = "") -> None:
            self._name = name

        def __enter__(self) -> Undo:
            Undo.begin(self._name)
            return self

        def __exit__(self, *error: Any) -> None:
            Undo.end()

        @staticmethod
        def begin(name: str = "") -> None:
            Undo.open_groups.append(name)

        @staticmethod
        def name(name: str) -> None:
            Undo.open_groups[-1] = name

        @staticmethod
        def end() -> None:
            if not Undo.open_groups:
                raise NotInNuke("Undo.end() without begin()")
            Undo.closed.append(Undo.open_groups.pop())

        @staticmethod
        def disable() -> None:
            Undo.disabled += 1

        @staticmethod
        def enable() -> None:
            Undo.disabled -= 1

    return Undo


@contextlib.contextmanager
def installed(modules: Dict[str, Any]) -> Iterator[None]:
    """These modules, until the block ends; then the interpreter imports as before."""
    before = {name: sys.modules.get(name) for name in modules}
    path, plugins = list(sys.path), list(PLUGIN_PATH)
    sys.modules.update(modules)
    try:
        yield
    finally:
        sys.path[:], PLUGIN_PATH[:] = path, plugins
        for name, module in before.items():
            if module is None:
                sys.modules.pop(name, None)
            else:
                sys.modules[name] = module
