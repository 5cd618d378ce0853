"""Writes AlignAttend.gizmo from the table of knobs: `python nuke/packaging/gizmo.py`. A test compares the two.

The file contains a Group, so a script with the node opens where the plug-in is not installed. Nuke's own nodes inside
merge the result where the matte is above 0; no Python is needed to show what was solved.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path
from typing import Dict, List, Tuple

NUKE = Path(__file__).resolve().parents[1]
FILE = NUKE / "AlignAttend.gizmo"
sys.path.insert(0, str(NUKE))

from aan_nuke import knobs  # noqa: E402
from aan_nuke.knobs import KnobSpec  # noqa: E402

LAYERS = (
    "confidence confidence.a",
    "source source.frame source.u source.v",
    "unseen unseen.a",
)
HELP = (
    "Removes what the matte covers: hidden pixels are taken from the frames that show them.\\n\\n"
    "Plug in plate and matte, set the range, press Solve range. Outside the matte the plate passes untouched."
)

# A node: class, name, inputs (input 0 first), knobs.
NodeSpec = Tuple[str, str, Tuple[str, ...], Dict[str, str]]

WRITE_KNOBS = {
    "file_type": "exr",
    "raw": "true",
    "create_directories": "true",
    "disable": "true",
    "compression": '"Zip (1 scanline)"',
}
# The matte in the plate's format and bounding box: pixels have the positions that Nuke's Viewer shows.
COPY_ALPHA = {"from0": "rgba.alpha", "to0": "rgba.alpha", "bbox": "B"}

NODES: Tuple[NodeSpec, ...] = (
    ("Input", "plate", (), {"inputs": "0"}),
    ("Input", "matte", (), {"inputs": "0", "number": "1"}),
    ("Input", "clean_plate", (), {"inputs": "0", "number": "2"}),
    ("Input", "holdout", (), {"inputs": "0", "number": "3"}),
    # The engine's inputs. The Writes are enabled only while they render.
    ("Crop", "Window", ("plate",), {"disable": "true"}),
    ("Copy", "MatteIn", ("Window", "matte"), COPY_ALPHA),
    ("Copy", "HoldoutIn", ("Window", "holdout"), COPY_ALPHA),
    (
        "Copy",
        "CleanIn",
        ("Window", "clean_plate"),
        {"from0": "none", "to0": "none", "channels": "rgb", "bbox": "B"},
    ),
    ("Write", "PlateOut", ("Window",), {"channels": "rgb", **WRITE_KNOBS}),
    ("Write", "CleanOut", ("CleanIn",), {"channels": "rgb", **WRITE_KNOBS}),
    ("Write", "MatteOut", ("MatteIn",), {"channels": "alpha", **WRITE_KNOBS, "datatype": '"32 bit float"'}),
    ("Write", "HoldoutOut", ("HoldoutIn",), {"channels": "alpha", **WRITE_KNOBS, "datatype": '"32 bit float"'}),
    # The engine's result.
    (
        "Read",
        "Result",
        (),
        {
            "inputs": "0",
            "localizationPolicy": "off",
            "before": "black",
            "after": "black",
            "on_error": "black",
            "raw": "true",
        },
    ),
    ("Expression", "Hard", ("MatteIn",), {"expr3": '"a > 0"'}),
    (
        "Dilate",
        "Grown",
        ("Hard",),
        {"channels": "alpha", "size": "{{parent.reach}}", "disable": '{{"parent.reach <= 0"}}'},
    ),
    (
        "ChannelMerge",
        "Area",
        ("Grown", "Result"),
        {"operation": "multiply", "bbox": '"B"', "disable": "{{!parent.patched}}"},
    ),
    ("Keymix", "Fill", ("plate", "Result", "Area"), {"channels": "rgb", "bbox": "B"}),
    # Where more is filled than rgb, the result has every channel of the plate.
    ("Keymix", "FillAll", ("plate", "Result", "Area"), {"channels": "all", "bbox": "B"}),
    ("Switch", "Filled", ("Fill", "FillAll"), {"which": "{{parent.layered}}"}),
    (
        "Copy",
        "Layers",
        ("Filled", "Result"),
        {
            "channels": "source",
            "from0": "confidence.a",
            "to0": "confidence.a",
            "from1": "unseen.a",
            "to1": "unseen.a",
            "bbox": "B",
        },
    ),
    # The result alone: alpha is 1 where it is valid.
    ("Remove", "Void", ("plate",), {}),
    ("Copy", "Cut", ("Result", "Area"), {"from0": "rgba.alpha", "to0": "rgba.alpha"}),
    ("Keymix", "Patch", ("Void", "Cut", "Area"), {"channels": "rgba", "bbox": "B"}),
    # Red where the engine is unsure, green where it is sure.
    (
        "Expression",
        "Tint",
        ("Layers",),
        {
            "expr0": '"r * 0.5 + (1 - confidence.a) * 0.5"',
            "expr1": '"g * 0.5 + confidence.a * 0.5"',
            "expr2": '"b * 0.5"',
        },
    ),
    ("Keymix", "Overlay", ("Layers", "Tint", "Area"), {"channels": "rgb", "bbox": "B"}),
    ("Switch", "Pick", ("Layers", "Patch", "Overlay"), {"which": '{{"max(parent.show - 2, 0)"}}'}),
    # Shown for unsolved frames.
    ("Multiply", "Half", ("plate",), {"channels": "rgb", "value": "0.5"}),
    ("Keymix", "Dimmed", ("plate", "Half", "Hard"), {"channels": "rgb", "bbox": "B"}),
    ("Multiply", "Black", ("plate",), {"channels": "rgba", "value": "0"}),
    ("Switch", "Hold", ("plate", "Dimmed", "Black"), {"which": "{{parent.hold}}"}),
    ("Switch", "Solved", ("Hold", "Pick"), {"which": '{{"parent.solved > 0.5"}}'}),
    ("Expression", "MatteView", ("MatteIn",), {"expr0": "a", "expr1": "a", "expr2": "a"}),
    ("Switch", "Show", ("plate", "MatteView", "Solved"), {"which": '{{"min(parent.show, 2)"}}'}),
    ("Output", "Output1", ("Show",), {}),
)


def callback_code(function: str, arguments: str) -> str:
    """The Python text of a callback. Where the plug-in is not installed, it does nothing."""
    found = "try:\n    import aan_nuke.callbacks\nexcept ImportError:\n    pass\nelse:\n"
    return f"{found}    aan_nuke.callbacks.{function}({arguments})"


CALLBACKS = {
    "onCreate": callback_code("on_create", "nuke.thisNode()"),
    "onDestroy": callback_code("on_destroy", "nuke.thisNode()"),
    "knobChanged": callback_code("on_knob_changed", "nuke.thisNode(), nuke.thisKnob()"),
}


def tcl_word(text: str) -> str:
    """Text quoted as one word of a Tcl list."""
    if text and not re.search(r"[\s\"{}\[\]$\\;#]", text):
        return text
    for sign in '\\"[]${}':
        text = text.replace(sign, "\\" + sign)
    return '"%s"' % text.replace("\n", "\\n")


def knob_definition(draft: KnobSpec) -> List[str]:
    """A knob's `addUserKnob` line, and its initial value."""
    parts = [str(draft.kind), draft.name]
    parts += ["l", tcl_word(draft.label)]
    parts += ["t", tcl_word(draft.tip)] if draft.tip else []
    parts += [draft.flags] if draft.flags else []
    parts += ["M", "{%s}" % " ".join(map(tcl_word, draft.choices))] if draft.choices else []
    parts += ["R", *(f"{limit:.15g}" for limit in draft.limits)] if draft.limits != (0, 0) else []
    parts += ["T", tcl_word(draft.text)] if draft.text else []
    lines = [f" addUserKnob {{{' '.join(parts)}}}"]
    if draft.value:
        lines.append(f" {draft.name} {draft.value if draft.value.startswith('{') else tcl_word(draft.value)}")
    return lines


def group_lines() -> List[str]:
    """The Group's name, callbacks and knobs."""
    lines = [" name AlignAttend1", f' help "{HELP}"', " tile_color 0x4d7f6bff"]
    lines += [f" {name} {tcl_word(code)}" for name, code in CALLBACKS.items()]
    for name, label, drafts in knobs.TABS:
        lines.append(f" addUserKnob {{20 {name} l {tcl_word(label)}}}")
        lines += [line for draft in drafts for line in knob_definition(draft)]
    return lines


def node_lines() -> List[str]:
    """The nodes inside, each with the pushes for its inputs."""
    lines: List[str] = []
    for number, (node_class, name, plugged, values) in enumerate(NODES):
        lines += [f" push ${other}" for other in reversed(plugged)]
        inputs = [f"  inputs {len(plugged)}"] if len(plugged) > 1 else []
        body = [f"  {knob} {value}" for knob, value in values.items()]
        place = [f"  xpos {110 * (number % 6)}", f"  ypos {60 * (number // 6)}"]
        lines += [f" {node_class} {{", *inputs, *body, f"  name {name}", *place, " }", f" set {name} [stack 0]"]
    return lines


def gizmo_text() -> str:
    """The whole file."""
    layers = [f"add_layer {{{layer}}}" for layer in LAYERS]
    lines = ["#! Nuke - Align & Attend, made by packaging/gizmo.py: edit there", *layers]
    return "\n".join([*lines, "Group {", *group_lines(), "}", *node_lines(), "end_group", ""])


if __name__ == "__main__":
    FILE.write_text(gizmo_text(), "utf-8")
