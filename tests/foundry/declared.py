"""What Nuke is known to have: node classes, their knobs, layers. Read from the two tables beside this file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

from .errors import NotInNuke

HERE = Path(__file__).resolve().parent
SCAN: Dict[str, Any] = json.loads((HERE / "knobs.json").read_text("utf-8"))
ADDITIONS: Dict[str, Any] = json.loads((HERE / "additions.json").read_text("utf-8"))

BARE = ("Root", "Input", "Output", "StickyNote", "BackdropNode")
INPUTS: Dict[str, Tuple[int, Optional[int]]] = {
    name: tuple(value) for name, value in ADDITIONS["inputs"].items() if name != "source"
}
# Knobs that hold Python which Nuke runs by itself.
HOOKS = (
    *("onCreate", "onDestroy", "knobChanged", "updateUI", "autolabel", "rootNodeUpdated"),
    *("beforeRender", "afterRender", "beforeFrameRender", "afterFrameRender", "renderProgress"),
    *("onScriptLoad", "onScriptSave", "onScriptClose"),
)

# addUserKnob's type ids (seen in 357 public gizmos) -> the class of knob that Nuke makes of them.
USER_TYPES = {
    1: "String_Knob",
    2: "File_Knob",
    3: "Int_Knob",
    4: "Enumeration_Knob",
    6: "Boolean_Knob",
    7: "Double_Knob",
    12: "XY_Knob",
    13: "XYZ_Knob",
    14: "WH_Knob",
    15: "BBox_Knob",
    18: "Color_Knob",
    19: "AColor_Knob",
    20: "Tab_Knob",
    22: "PyScript_Knob",
    26: "Text_Knob",
    30: "UV_Knob",
    32: "Script_Knob",
    40: "ChannelMask_Knob",
    41: "Link_Knob",
    43: "Multiline_Eval_String_Knob",
}
USER_FLAGS = ("STARTLINE", "INVISIBLE", "HIDDEN", "DISABLED")

BUILT_IN_LAYERS = {
    "rgba": ("red", "green", "blue", "alpha"),
    "depth": ("Z",),
    "forward": ("u", "v"),
    "backward": ("u", "v"),
    "mask": ("a",),
    "rotopaint_mask": ("a",),
}


class Declared(NamedTuple):
    """A knob as the tables have it; `values` are the script's words of an enumeration, None for other knobs."""

    kind: str
    default: Any
    values: Optional[List[str]] = None
    open_ended: bool = False


def _rows(table: Dict[str, Any]) -> Dict[str, Declared]:
    return {
        name: Declared(row[0], row[1], _words(row[2]) if len(row) > 2 else None, len(row) > 3)
        for name, row in table.items()
    }


def _words(values: List[str]) -> List[str]:
    """The word that scripts hold comes before the first tab; what the artist reads comes after."""
    return [value.split("\t")[0] for value in values]


EXR_KNOBS = _rows(ADDITIONS["exr"]["knobs"])


def classes() -> List[str]:
    return sorted({*SCAN["classes"], *ADDITIONS["classes"]})


def knobs_of(node_class: str) -> Dict[str, Declared]:
    """Every knob that a node of this class has at birth, in the order common, then its own."""
    if node_class not in SCAN["classes"] and node_class not in ADDITIONS["classes"]:
        raise NotInNuke(f"there is no node class {node_class!r}: if Nuke has it, declare it in additions.json")
    found = _rows(ADDITIONS["common"]["knobs"])
    if node_class not in BARE:
        found.update(_rows(ADDITIONS["images"]["knobs"]))
        if most_inputs(node_class):
            found.update(_rows(ADDITIONS["arrows"]["knobs"]))
    found.update(_rows(SCAN["classes"].get(node_class, {})))
    found.update(_rows(ADDITIONS["classes"].get(node_class, {"knobs": {}})["knobs"]))
    return found


def most_inputs(node_class: str) -> int:
    return INPUTS[node_class][0]


def mask_input(node_class: str) -> Optional[int]:
    return INPUTS[node_class][1]


def is_exr_knob(node_class: str, name: str) -> bool:
    return node_class == "Write" and name in EXR_KNOBS
