"""A script or gizmo as the nodes it holds, evaluated by a real Tcl (`tclsh`): see nk.tcl."""

from __future__ import annotations

import json
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Dict, List, NamedTuple, Optional, Tuple, Union

TCL = shutil.which("tclsh") or shutil.which("tclsh8.6")
HERE = Path(__file__).resolve().parent


class Leaf(NamedTuple):
    """One node of a script. `group` is the id of the Group it lies in, 0 for none; `inputs` are ids, 0 for nothing.

    `written` is the word after `inputs`, such as `2+1`, "" where there is none; `body` the knobs in their order.
    """

    id: int
    node_class: str
    group: int
    written: str
    inputs: Tuple[int, ...]
    body: Tuple[Tuple[str, str], ...]

    def knob(self, name: str) -> Optional[str]:
        found = [value for key, value in self.body if key == name]
        return found[-1] if found else None

    @property
    def title(self) -> str:
        return f"{self.node_class} {self.knob('name') or '(unnamed)'}"


class Tree(NamedTuple):
    nodes: List[Leaf]
    layers: List[str]
    faults: List[str]

    def children(self, group: int) -> Dict[str, Leaf]:
        return {leaf.knob("name") or "": leaf for leaf in self.nodes if leaf.group == group}


def read(path: Union[str, Path]) -> Tree:
    """The nodes of a file, and what is wrong with it as Tcl."""
    if TCL is None:
        raise RuntimeError("there is no tclsh on this machine")
    done = subprocess.run(
        [TCL, str(HERE / "nk.tcl"), str(path)], capture_output=True, encoding="utf-8", timeout=30, check=True
    )
    found = json.loads(done.stdout)
    nodes = [
        Leaf(
            row["id"],
            row["class"],
            row["group"],
            row["written"],
            tuple(row["inputs"]),
            tuple(zip(row["body"][::2], row["body"][1::2])),
        )
        for row in found["nodes"]
    ]
    return Tree(nodes, found["layers"], found["faults"])


def parse(text: str) -> Tree:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "script.nk"
        path.write_text(text, "utf-8")
        return read(path)
