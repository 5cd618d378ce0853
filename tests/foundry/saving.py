"""The open script as text, as Nuke saves it: only what differs from birth, user knobs with their definitions."""

from __future__ import annotations

from typing import Any, Dict, Iterable, List

from . import userknobs, words
from .declared import BUILT_IN_LAYERS, USER_TYPES
from .knobs import FLAGS, Knob, Link_Knob, PyScript_Knob, Tab_Knob, Text_Knob
from .nodes import Group, Node
from .numeric import Array_Knob, Enumeration_Knob

TYPE_IDS = {kind: number for number, kind in USER_TYPES.items()}
ALIKE = {"EvalString_Knob": "String_Knob", "PythonKnob": "PyScript_Knob", "Channel_Knob": "ChannelMask_Knob"}
ALIKE.update({"BeginTabGroup_Knob": "Tab_Knob", "EndTabGroup_Knob": "Tab_Knob", "Array_Knob": "Double_Knob"})


def save(script: Any) -> str:
    major, minor = script.version
    lines = ["#! fake-nuke", f"version {major}.{minor} v1", *_body(script.root, 0)]
    for name, parts in script.layers.known.items():
        if name not in BUILT_IN_LAYERS and name != "other":
            lines.append("add_layer {%s %s}" % (name, " ".join(f"{name}.{part}" for part in parts)))
    lines += _nodes(script.root._children, 0)
    return "\n".join(lines) + "\n"


def save_nodes(nodes: Iterable[Node]) -> str:
    """A few nodes, as they are copied."""
    return "set cut_paste_input [stack 0]\n" + "\n".join(_nodes(list(nodes), 0)) + "\n"


def _nodes(nodes: List[Node], depth: int) -> List[str]:
    lines: List[str] = []
    names: Dict[int, str] = {}
    for node in _sorted(nodes):
        for index in reversed(range(node.inputs())):
            other = node.input(index)
            lines.append(" " * depth + ("push $" + names[id(other)] if id(other) in names else "push 0"))
        lines += _body(node, depth)
        if isinstance(node, Group):
            lines += [*_nodes(node._children, depth + 1), " " * depth + "end_group"]
        names[id(node)] = f"N{len(names) + 1:x}_{depth}"
        lines.append(f"{' ' * depth}set {names[id(node)]} [stack 0]")
    return lines


def _sorted(nodes: List[Node]) -> List[Node]:
    """Each after what it is plugged into."""
    found: List[Node] = []

    def visit(node: Node) -> None:
        if node in found or node not in nodes:
            return
        for other in node.dependencies():
            visit(other)
        found.append(node)

    for node in nodes:
        visit(node)
    return found


def _body(node: Node, depth: int) -> List[str]:
    margin = " " * depth
    count = 0 if node._class == "Root" else node.inputs()
    lines = [f"{margin}{node._class} {{", f"{margin} inputs {count}"]
    for knob in node._present().values():
        if knob._user:
            lines.append(f"{margin} addUserKnob {{{_definition(knob)}}}")
        if knob._holds and not knob.getFlag(FLAGS["DO_NOT_WRITE"]) and _worth(knob):
            lines.append(f"{margin} {words.quote(knob._name)} {_value(knob)}")
    return [*lines, margin + "}"]


def _worth(knob: Knob) -> bool:
    if isinstance(knob, Link_Knob):
        return False
    if knob._user and isinstance(knob, (PyScript_Knob, Text_Knob)):
        return False
    return not knob._is_default()


def _value(knob: Knob) -> str:
    text = knob.toScript()
    if isinstance(knob, Enumeration_Knob) and not (knob.hasExpression() or knob.isAnimated()):
        return text
    if isinstance(knob, Array_Knob):
        return "{%s}" % text if " " in text or text.startswith("{") else text
    return words.quote(text)


def _definition(knob: Knob) -> str:
    kind = ALIKE.get(type(knob).__name__, type(knob).__name__)
    group = knob._group if isinstance(knob, Tab_Knob) else 0
    flags = {"STARTLINE": True} if knob.getFlag(FLAGS["STARTLINE"]) else {}
    flags.update({name: True for name in ("INVISIBLE", "HIDDEN", "DISABLED") if knob.getFlag(FLAGS[name])})
    text = str(knob._raw) if isinstance(knob, (PyScript_Knob, Text_Knob, Link_Knob)) else ""
    return userknobs.define(
        TYPE_IDS[kind],
        knob._name,
        label=knob._label,
        tooltip=knob._tooltip,
        flags=flags,
        values=knob.values() if isinstance(knob, Enumeration_Knob) else None,
        limits=list(getattr(knob, "_range", ())) or None,
        text=text,
        group=group,
    )
