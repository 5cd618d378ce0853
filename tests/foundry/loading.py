"""Scripts and gizmos from files into the open script."""

from __future__ import annotations

from typing import Any, Dict, List, Optional

from . import make, tree, userknobs, words
from .declared import mask_input
from .errors import NotInNuke
from .nodes import Group, Node


def load(script: Any, path: Any) -> List[Node]:
    """The nodes of a file, onCreate called; the outermost ones are returned."""
    found = tree.read(path)
    if found.faults:
        raise NotInNuke(f"{path}: {'; '.join(found.faults)}")
    for layer in found.layers:
        name, *channels = (word.text for word in words.split(layer))
        script.layers.add(name, channels)
    return place(script, found, script.context[-1])


def place(script: Any, found: tree.Tree, parent: Group) -> List[Node]:
    made: Dict[int, Node] = {}
    outside, script.loading = script.loading, True
    try:
        for leaf in found.nodes:
            made[leaf.id] = _node(script, leaf, made, parent)
        for leaf in found.nodes:
            _wires(leaf, made)
    finally:
        script.loading = outside
    for leaf in _inner_last(found.nodes):
        if leaf.node_class != "Root":
            script.tell("OnCreate", made[leaf.id])
    return [made[leaf.id] for leaf in found.nodes if leaf.group == 0 and leaf.node_class != "Root"]


def _inner_last(leaves: List[tree.Leaf]) -> List[tree.Leaf]:
    """A group after what lies in it: its onCreate may look for its nodes."""
    found: List[tree.Leaf] = []

    def walk(group: int) -> None:
        for leaf in leaves:
            if leaf.group == group:
                walk(leaf.id)
                found.append(leaf)

    walk(0)
    return found


def _node(script: Any, leaf: tree.Leaf, made: Dict[int, Node], parent: Group) -> Node:
    if leaf.node_class == "Root":
        node: Node = script.root
    else:
        outer = made[leaf.group] if leaf.group else parent
        assert isinstance(outer, Group)
        node = script.add("Group" if leaf.node_class == "Gizmo" else leaf.node_class, outer, leaf.knob("name"))
    for name, value in leaf.body:
        if name == "inputs" or (name == "name" and leaf.node_class != "Root"):
            continue
        if name == "addUserKnob":
            definition = userknobs.parse(value)
            knob = make.from_definition(definition)
            knob._definition = definition  # type: ignore[attr-defined]
            node._adopt(knob)
        elif name == "views" and leaf.node_class == "Root":
            script.views = [word.text for line in value.split("\n") for word in words.split(line)[:1]]
            node[name].fromScript(value)
        else:
            node[name].fromScript(value)
    return node


def _wires(leaf: tree.Leaf, made: Dict[int, Node]) -> None:
    """`inputs 2+1`: two, and the mask, which was pushed first."""
    plain, _, mask = leaf.written.partition("+")
    for index, other in enumerate(leaf.inputs):
        place: Optional[int] = index
        if mask and index >= int(plain):
            place = mask_input(leaf.node_class)
        if other and place is not None:
            made[leaf.id]._wire(place, made[other])
