"""Holds a gizmo or script against what Nuke is known to have. `check(path)` lists every fault in words; [] is good.

Checked are: the Tcl itself (nk.tcl), node classes, knob names, values by the kind of knob, choices, channels and
layers, inputs, addUserKnob, links, every expression and whether what it names exists, and that each piece of Python
compiles as Python 3.9. `python_of` gives those pieces, to be run against the fake.
"""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any, Dict, Iterator, List, NamedTuple, Set, Tuple, Union

from . import declared, make, tree, userknobs, words
from .declared import HOOKS
from .errors import NotInNuke
from .expression import Expression
from .knobs import Knob, Link_Knob
from .layers import Layers
from .numeric import Array_Knob

GROUPS = ("Group", "Gizmo")


class Payload(NamedTuple):
    """Python inside a node: of a button, or of a hook that Nuke calls."""

    node: str
    knob: str
    code: str


def check(path: Union[str, Path]) -> List[str]:
    return _Checker(tree.read(path)).faults()


def check_text(text: str) -> List[str]:
    return _Checker(tree.parse(text)).faults()


def python_of(path: Union[str, Path]) -> List[Payload]:
    return list(_payloads(tree.read(path)))


def _payloads(found: tree.Tree) -> Iterator[Payload]:
    for leaf in found.nodes:
        for name, value in leaf.body:
            if name == "addUserKnob":
                try:
                    definition = userknobs.parse(value)
                except NotInNuke:
                    continue
                if definition.type == 22 and definition.text:
                    yield Payload(leaf.title, definition.name, definition.text)
            elif name in HOOKS and value:
                yield Payload(leaf.title, name, value)


class _Stand:
    """Stands in for a script while a knob reads its value: only its layers are asked."""

    def __init__(self, layers: Layers) -> None:
        self.layers = layers
        self.frame = 1.0


class _Owner:
    """Stands in for a node."""

    def __init__(self, layers: Layers, title: str) -> None:
        self._script, self._title = _Stand(layers), title

    def fullName(self) -> str:
        return self._title

    def _changed(self, knob: Knob) -> None:
        """Nobody is told."""


class _Checker:
    def __init__(self, found: tree.Tree) -> None:
        self.tree = found
        self.found: List[str] = list(found.faults)
        self.layers = Layers()
        self.knobs: Dict[int, Dict[str, Knob]] = {}

    def faults(self) -> List[str]:
        for layer in self.tree.layers:
            name, *channels = (word.text for word in words.split(layer))
            self._guard("add_layer", lambda name=name, channels=channels: self.layers.add(name, channels))
        for leaf in self.tree.nodes:
            self._node(leaf)
        for leaf in self.tree.nodes:
            for knob in self.knobs.get(leaf.id, {}).values():
                self._references(leaf, knob)
        for payload in _payloads(self.tree):
            try:
                ast.parse(payload.code, feature_version=(3, 9))
            except SyntaxError as error:
                self._fault(payload.node, f"{payload.knob}: no Python 3.9: {error.msg}, line {error.lineno}")
        self._names()
        return self.found

    def _fault(self, where: str, what: Any) -> None:
        self.found.append(f"{where}: {what}")

    def _guard(self, where: str, work: Any) -> Any:
        try:
            return work()
        except (NotInNuke, ValueError) as error:
            self._fault(where, error)
            return None

    # -- a node by itself
    def _node(self, leaf: tree.Leaf) -> None:
        node_class = "Group" if leaf.node_class == "Gizmo" else leaf.node_class
        table = self._guard(leaf.title, lambda: declared.knobs_of(node_class))
        if table is None:
            return
        self._inputs(leaf, node_class)
        knobs = {name: make.from_table(name, row) for name, row in table.items()}
        owner = _Owner(self.layers, leaf.title)
        for knob in knobs.values():
            knob._node = owner
        self.knobs[leaf.id] = knobs
        tabs = 0
        for name, value in leaf.body:
            if name == "inputs":
                continue
            if name == "addUserKnob":
                definition = self._guard(leaf.title, lambda value=value: userknobs.parse(value))
                if definition is None:
                    continue
                tabs += (definition.group > 0) - (definition.group < 0) if definition.type == 20 else 0
                if definition.name in knobs and definition.name:
                    self._fault(leaf.title, f"addUserKnob {definition.name}: there is such a knob already")
                made = self._guard(leaf.title, lambda definition=definition: make.from_definition(definition))
                if made is not None:
                    made._node = owner
                    knobs[definition.name] = made
                continue
            if name not in knobs and node_class == "Write" and name in declared.EXR_KNOBS:
                if knobs["file_type"].value() != "exr":
                    self._fault(leaf.title, f"{name} comes before file_type exr: there is no such knob yet")
                    continue
                knobs[name] = make.from_table(name, declared.EXR_KNOBS[name])
                knobs[name]._node = owner
            if name not in knobs:
                self._fault(leaf.title, f"no knob {name!r}")
                continue
            self._guard(leaf.title, lambda name=name, value=value: self._value(knobs[name], value))
        if tabs:
            self._fault(leaf.title, "tab groups do not end as often as they begin (n 1 ... n -1)")

    @staticmethod
    def _value(knob: Knob, value: str) -> None:
        """Reads the value as the knob would; what it cannot read is a fault."""
        if not knob._holds:
            raise NotInNuke(f"{knob.name()} is a tab and has no value")
        knob._raw = knob._parsed(value) if not isinstance(knob, Link_Knob) else value

    def _inputs(self, leaf: tree.Leaf, node_class: str) -> None:
        most = declared.most_inputs(node_class)
        plain, _, mask = leaf.written.partition("+")
        if not most and leaf.written != "0" and node_class not in ("Root", *GROUPS):
            self._fault(leaf.title, "takes no input and lacks `inputs 0`")
        if mask and declared.mask_input(node_class) is None:
            self._fault(leaf.title, f"inputs {leaf.written}: a {node_class} has no mask")
        if plain and most and int(plain) > most:
            self._fault(leaf.title, f"inputs {leaf.written}: a {node_class} takes {most}")
        if node_class in GROUPS:
            numbers = [child for child in self.tree.nodes if child.group == leaf.id and child.node_class == "Input"]
            if leaf.written and int(plain) > len(numbers):
                self._fault(leaf.title, f"inputs {leaf.written}, but {len(numbers)} Input nodes")
            if not any(child.node_class == "Output" for child in self.tree.nodes if child.group == leaf.id):
                self._fault(leaf.title, "a group without an Output")

    # -- nodes among each other
    def _names(self) -> None:
        for group in {leaf.group for leaf in self.tree.nodes}:
            seen: Set[str] = set()
            for leaf in self.tree.nodes:
                name = leaf.knob("name")
                if leaf.group == group and name and leaf.node_class != "Root":
                    if name in seen:
                        self._fault(leaf.title, "two nodes of one group have this name")
                    seen.add(name)

    def _references(self, leaf: tree.Leaf, knob: Knob) -> None:
        where = f"{leaf.title}.{knob.name()}"
        if isinstance(knob, Link_Knob):
            if knob._raw:
                self._reach(leaf, str(knob._raw), where)
            return
        if isinstance(knob, Array_Knob):
            for raw in knob._raw:
                if isinstance(raw, str):
                    self._expression(leaf, raw, where, ())
        elif leaf.node_class == "Expression" and knob.name().startswith(("expr", "temp_expr")) and knob._raw:
            own = [str(self.knobs[leaf.id][f"temp_name{place}"]._raw) for place in range(4)]
            self._expression(leaf, str(knob._raw), where, ("x", "y", "cx", "cy", "width", "height", *"rgba", *own))
        elif knob.Class() in ("EvalString_Knob", "Multiline_Eval_String_Knob", "File_Knob"):
            for command in _brackets(str(knob._raw)):
                self._command(leaf, command, where)

    def _expression(self, leaf: tree.Leaf, text: str, where: str, own: Tuple[str, ...]) -> None:
        found = self._guard(where, lambda: Expression(text))
        if found is None:
            return
        for command in found.commands:
            self._command(leaf, command, where)
        for name in found.names:
            layer, _, part = name.partition(".")
            channel = bool(own) and (
                name in ("red", "green", "blue", "alpha") or part in self.layers.known.get(layer, ())
            )
            if name != "frame" and name not in own and not channel:
                self._reach(leaf, name, where)

    def _command(self, leaf: tree.Leaf, command: str, where: str) -> None:
        parts = [word.text for word in words.split(command)]
        if parts[:1] == ["value"] or parts[:1] == ["knob"]:
            self._reach(leaf, parts[1], where) if len(parts) == 2 else self._fault(where, f"[{command}]")
        elif parts[:1] not in (["frame"], ["format"], ["file"], ["getenv"]):
            self._fault(where, f"the Tcl command [{command}] is not among those declared")

    def _reach(self, leaf: tree.Leaf, path: str, where: str) -> None:
        """Follows a path from knob to knob as the fake's nodes do, by what is in this file."""
        steps = path.split(".")
        here: Any = leaf
        first = True
        while steps:
            step = steps[0]
            if (
                here is not None
                and step in self.knobs.get(here.id, {})
                and not (first and len(steps) > 1 and step in self.tree.children(leaf.group))
            ):
                return
            if here is None:
                break
            if step in ("root", "input") or step.startswith("input"):
                return  # what lies outside of the file, or above, is not known here
            if step == "parent":
                if not here.group:
                    return
                here = next(each for each in self.tree.nodes if each.id == here.group)
            elif step != "this":
                inner = self.tree.children(here.id).get(step)
                beside = self.tree.children(here.group).get(step) if first else None
                here = inner or beside
            first = False
            steps.pop(0)
        self._fault(where, f"nothing is called {path!r}")


def _brackets(text: str) -> List[str]:
    """The Tcl commands in a string, outermost ones; escaped brackets are text."""
    found, at = [], 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        if text[at] == "[":
            depth, end = 1, at + 1
            while end < len(text) and depth:
                depth += {"[": 1, "]": -1}.get(text[end], 0)
                end += 1
            found.append(text[at + 1 : end - 1])
            at = end
            continue
        at += 1
    return found
