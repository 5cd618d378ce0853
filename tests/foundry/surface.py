"""The functions of `nuke` that make, find, open and save: `toNode`, `createNode`, `scriptOpen` and their like."""

from __future__ import annotations

import os
from typing import Any, Callable, Dict, List, Optional, Sequence, Tuple

from . import loading, saving, words
from .errors import NotInNuke
from .nodes import Group, Node
from .script import Script
from .sources import expand
from .threads import main_thread

PLUGIN_PATH: List[str] = []


def functions(script: Script) -> Tuple[Dict[str, Any], ...]:
    return _values(script), _looking(script), _making(script), _scripts(script)


def _values(script: Script) -> Dict[str, Any]:
    def frame(number: Optional[float] = None) -> int:
        if number is not None:
            script.frame = float(number)
        return int(script.frame)

    def layers(node: Optional[Node] = None) -> List[str]:
        return sorted({name.split(".")[0] for name in node.channels()} if node else script.layers.known)

    def channels(node: Optional[Node] = None) -> List[str]:
        return (
            node.channels() if node else [name for layer in script.layers.known for name in script.layers.full(layer)]
        )

    def layer(name: str, parts: Sequence[str] = ()) -> None:
        script.layers.add(name, list(parts))

    return {
        "frame": frame,
        "layers": layers,
        "channels": channels,
        "Layer": layer,
        "views": lambda: list(script.views),
        "addFormat": script.add_format,
        "formats": lambda: list(script.formats.values()),
    }


def _looking(script: Script) -> Dict[str, Any]:
    def this_node() -> Node:
        return script.now[-1][0] if script.now else script.context[-1]

    def all_nodes(
        filter: Optional[str] = None,
        group: Optional[Group] = None,
        recurseGroups: bool = False,
    ) -> List[Node]:
        found: List[Node] = []
        for node in (group or script.context[-1])._children:
            found.append(node)
            if recurseGroups and isinstance(node, Group):
                found += all_nodes(None, node, True)
        return [node for node in found if filter is None or node._class == filter]

    def selected_nodes(filter: Optional[str] = None) -> List[Node]:
        return [node for node in all_nodes(filter) if node.isSelected()]

    def selected_node() -> Node:
        found = selected_nodes()
        if not found:
            raise ValueError("No node selected")
        return found[0]

    def to_node(name: str) -> Optional[Node]:
        if not isinstance(name, str):
            raise NotInNuke(f"toNode takes a name, got {name!r}")
        return script.at(name)

    def this_group() -> Node:
        node = this_node()
        return node if isinstance(node, Group) else node._parent or script.root

    def filename(node: Optional[Node] = None, replace: int = 0) -> Optional[str]:
        knob = (node or this_node())._present().get("file")
        if knob is None:
            return None
        path = knob.evaluate()  # type: ignore[attr-defined]
        return expand(path, int(script.frame), script.views[0]) if replace else str(path)

    return {
        "root": lambda: script.root,
        "Root": lambda: script.root,
        "thisRoot": lambda: script.root,
        "thisNode": this_node,
        "thisKnob": lambda: script.now[-1][1] if script.now else None,
        "thisGroup": this_group,
        "thisParent": lambda: this_node()._parent,
        "thisClass": lambda: this_node()._class,
        "toNode": to_node,
        "exists": lambda path: script.at(path) is not None,
        "allNodes": all_nodes,
        "selectedNodes": selected_nodes,
        "selectedNode": selected_node,
        "filename": filename,
        "activeViewer": lambda: None,
    }


class Nodes:
    """`nuke.nodes.Read(file=...)`: a node that nobody plugs in and no panel opens for."""

    def __init__(self, script: Script) -> None:
        self._script = script

    def __getattr__(self, node_class: str) -> Callable[..., Node]:
        def make_one(**knobs: Any) -> Node:
            inputs = knobs.pop("inputs", ())
            node = self._script.add(node_class, self._script.context[-1], knobs.pop("name", None))
            _quietly(self._script, lambda: [node[name].setValue(value) for name, value in knobs.items()])
            for index, other in enumerate(inputs):
                node._wire(index, other)
            self._script.touched(node)
            self._script.tell("OnCreate", node)
            return node

        return main_thread(make_one)


def _quietly(script: Script, work: Callable[[], Any]) -> None:
    outside, script.loading = script.loading, True
    try:
        work()
    finally:
        script.loading = outside


def _making(script: Script) -> Dict[str, Any]:
    def create_node(node: str, knobs: str = "", inpanel: bool = True) -> Node:
        """Plugged into the selected node, and selected. A gizmo of the plug-in path by its file's name."""
        if not isinstance(inpanel, bool):
            raise NotInNuke("createNode(node, knobs='', inpanel=True)")
        here = script.context[-1]
        chosen = [each for each in here._children if each.isSelected()]
        path = _gizmo(node)
        made = loading.load(script, path)[-1] if path else script.add(node, here)
        pairs_ = words.split(knobs)
        pairs = [(a.text, b.text) for a, b in zip(pairs_[::2], pairs_[1::2])]
        _quietly(script, lambda: [made[name].fromScript(value) for name, value in pairs if name != "name"])
        for name, value in pairs:
            if name == "name":
                made.setName(value)
        if chosen and made.maxInputs():
            made._wire(0, chosen[0])
        for each in chosen:
            each.setSelected(False)
        made.setSelected(True)
        script.touched(made)
        if not path:
            script.tell("OnCreate", made)
        script.tell("OnUserCreate", made)
        if inpanel:
            script.panel(made, "showPanel")
        return made

    def delete(node: Node) -> None:
        script.delete(node)

    def node_paste(path: str) -> Optional[Node]:
        made = loading.load(script, path)
        for node in made:
            script.touched(node)
        return made[-1] if made else None

    def node_copy(path: str) -> None:
        chosen = [each for each in script.context[-1]._children if each.isSelected()]
        with open(path, "w", encoding="utf-8") as file:
            file.write(saving.save_nodes(chosen))

    return {"createNode": create_node, "delete": delete, "nodePaste": node_paste, "nodeCopy": node_copy}


def _gizmo(name: str) -> Optional[str]:
    for folder in PLUGIN_PATH:
        for ending in (".gizmo", ".nk"):
            path = os.path.join(folder, name + ending)
            if os.path.isfile(path):
                return path
    return None


def _scripts(script: Script) -> Dict[str, Any]:
    def close() -> None:
        script.tell("OnScriptClose", script.root)
        for node in list(script.root._children):
            script.delete(node)
        script.clear()

    def script_open(path: str) -> None:
        close()
        loading.load(script, path)
        script.root._knobs["name"]._raw = str(path).replace("\\", "/")
        script.is_modified = False
        script.tell("OnScriptLoad", script.root)

    def script_save(path: str = "") -> bool:
        target = str(path or script.root._knobs["name"]._raw)
        if not target:
            raise RuntimeError("no filename was given to save to")
        script.tell("OnScriptSave", script.root)
        if not script.root._knobs["name"]._raw:
            script.root._knobs["name"]._raw = target
        with open(target, "w", encoding="utf-8") as file:
            file.write(saving.save(script))
        script.is_modified = False
        return True

    def script_save_as(path: str, overwrite: int = -1) -> None:
        script.root._knobs["name"]._raw = path
        script_save(path)

    def script_name() -> str:
        name = str(script.root._knobs["name"]._raw)
        if not name:
            raise RuntimeError("no script name")
        return name

    def script_read_file(path: str) -> None:
        for node in loading.load(script, path):
            script.touched(node)

    return {
        "scriptOpen": script_open,
        "scriptSave": script_save,
        "scriptSaveAs": script_save_as,
        "scriptClear": close,
        "scriptClose": lambda ignoreUnsavedChanges=False: close() or True,
        "scriptName": script_name,
        "scriptReadFile": script_read_file,
    }
