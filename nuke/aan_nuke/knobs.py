"""The table of the node's knobs: names, labels and tooltips, in the order of the panel. It imports no Nuke.

The gizmo is generated from this table (see `packaging/gizmo.py`); `callbacks` and `job_spec` use the same names. Names,
labels and tooltips of the controls come from `plugin_host.controls`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Tuple

from .host.controls import CONTROLS, Control

STRING, FILE, INT, CHOICE, SWITCH, NUMBER, BUTTON, TEXT, LINK = 1, 2, 3, 4, 6, 7, 22, 26, 41
KNOB_TYPES = {
    "files": FILE,
    "choice": CHOICE,
    "number": NUMBER,
    "count": INT,
    "switch": SWITCH,
    "frame": STRING,
    "text": STRING,
}

NOT_KNOBS = {
    "clean": "the input `clean_plate`",
    "holdout": "the input `holdout`",
    "colorspace": "nothing: what leaves Nuke is scene-linear EXR",
    "view": "the script's views: each is a job of its own",
    "plate_first": "nothing: plates have the script's frame numbers",
    "matte_invert": "an Invert above the input `matte`: the node merges where its alpha is above 0",
    "matte_low": "a Grade above the input `matte`",
    "matte_high": "a Grade above the input `matte`",
    "matte_missing": "the Read's own `missing frames`: every plate gets the matte that the tree shows",
    "matte_offset": "a TimeOffset above the input `matte`",
}
"""Controls without a knob, and what replaces them."""

KNOB_NAMES = {"unseen": "never_seen"}
"""Controls whose knob has another name: the knob `unseen` switches the layer of that name."""

SHOW_CHOICES = ("plate", "matte", "result", "result patch", "confidence overlay")
HOLD_CHOICES = ("plate", "dimmed matte", "black")
DEPTH_CHOICES = ("as the plate", "half", "float")
AOVS = ("confidence", "source", "unseen")
NO_VERSION = "none"


@dataclass(frozen=True)
class KnobSpec:
    """One knob as written into the gizmo. `value` is its initial value as a script has it."""

    kind: int
    name: str
    label: str
    tip: str = ""
    value: str = ""
    choices: Tuple[str, ...] = ()
    limits: Tuple[float, float] = (0, 0)
    flags: str = ""
    text: str = ""


def knob_name(control: str) -> str:
    """The knob of a control."""
    return KNOB_NAMES.get(control, control)


def from_control(control: Control) -> KnobSpec:
    """A control as a knob. A frame number is a string knob, as it may be empty: no limit."""
    tip = control.help + (" Empty: no limit." if control.kind == "frame" else "")
    limits = (control.low, control.high) if control.kind in ("number", "count") else (0, 0)
    value = "true" if control.default is True else str(control.default or "")
    return KnobSpec(
        KNOB_TYPES[control.kind],
        knob_name(control.name),
        control.label,
        tip,
        value,
        control.choices,
        limits,
        "+STARTLINE",
    )


def button(name: str, label: str, tip: str, *, line: bool = False) -> KnobSpec:
    """A button; its action is in `buttons`, under the same name."""
    return KnobSpec(BUTTON, name, label, tip, flags="+STARTLINE" if line else "-STARTLINE", text=_button_code(name))


def _button_code(name: str) -> str:
    return (
        "try:\n    import aan_nuke.buttons\nexcept ImportError as error:\n"
        "    nuke.message('Align & Attend is not installed here (%s). What was solved shows all the same.' % error)\n"
        f"else:\n    aan_nuke.buttons.press('{name}', nuke.thisNode())"
    )


SHOWN_CONTROLS: Tuple[Control, ...] = tuple(control for control in CONTROLS if control.name not in NOT_KNOBS)

MAIN: Tuple[KnobSpec, ...] = (
    KnobSpec(INT, "first", "Range", "First frame to be cleaned.", "{{root.first_frame}}", flags="+STARTLINE"),
    KnobSpec(INT, "last", "to", "Last frame to be cleaned.", "{{root.last_frame}}", flags="-STARTLINE"),
    button("from_plate", "From plate", "Take the range of what is plugged into `plate`."),
    button("preview", "Preview frame", "Clean the frame that is shown, to try the settings.", line=True),
    button("solve", "Solve range", "Clean every frame of the range into a new version."),
    button("solve_missing", "Solve missing", "Clean the frames of the range that this version lacks."),
    button("cancel", "Cancel", "Stop after the frame in work, pressed again at once. What is finished stays."),
    KnobSpec(TEXT, "state", "State", "State of the job and the engine.", flags="+STARTLINE", text="not solved yet"),
    KnobSpec(
        FILE,
        "engine",
        "Engine",
        "The Python that has the engine, or its virtual environment. Empty: AAN_ENGINE, else the usual place.",
        flags="+STARTLINE",
    ),
    KnobSpec(TEXT, "engine_state", "", "Whether there is an engine.", flags="+STARTLINE", text="not looked for yet"),
    KnobSpec(CHOICE, "show", "Show", "What the node gives.", "result", SHOW_CHOICES, flags="+STARTLINE"),
    KnobSpec(
        CHOICE, "hold", "Unsolved frames", "What stands in for frames that are not solved yet.", "plate", HOLD_CHOICES
    ),
    KnobSpec(LINK, "matte_channel", "Matte channel", "Channel of the input `matte`.", text="MatteIn.from0"),
    *(from_control(control) for control in SHOWN_CONTROLS if not control.rare),
)
ADVANCED: Tuple[KnobSpec, ...] = (
    *(from_control(control) for control in SHOWN_CONTROLS if control.rare),
    KnobSpec(
        CHOICE,
        "depth",
        "Depth",
        "Pixel type of plates that are rendered for the engine: as the plate, 16 bit half or 32 bit float.",
        "as the plate",
        DEPTH_CHOICES,
        flags="+STARTLINE",
    ),
    KnobSpec(CHOICE, "device", "Device", "What the engine computes on.", "auto", ("auto", "cpu", "cuda")),
    KnobSpec(SWITCH, "confidence", "Confidence", "Layer `confidence`: how sure.", "true", flags="+STARTLINE"),
    KnobSpec(SWITCH, "source", "Source", "Layer `source`: from which frame and place, an STMap.", "true"),
    KnobSpec(SWITCH, "unseen", "Unseen", "Layer `unseen`: the share that no frame showed.", "true"),
    KnobSpec(
        SWITCH,
        "solve_on_farm",
        "Solve in terminal mode",
        "Solve what is missing when the script is opened without interface, as on a farm. Off: it only reads.",
        flags="+STARTLINE",
    ),
)
DIAGNOSTICS: Tuple[KnobSpec, ...] = (
    KnobSpec(TEXT, "unseen_share", "Unseen", "Share of the hidden pixels that no frame showed.", text="not solved yet"),
    KnobSpec(TEXT, "worst", "Look at first", "The worst frames, the worst one first.", text=" "),
    button("next_worst", "Next of them", "Go to the next of the worst frames.", line=True),
    KnobSpec(STRING, "report", "Report", "The engine's report; its picture lies beside it.", flags="+STARTLINE"),
)
CACHE: Tuple[KnobSpec, ...] = (
    KnobSpec(
        FILE,
        "cache_folder",
        "Folder",
        "Where plates and results of this node lie. Empty: beside the script, when first needed.",
    ),
    KnobSpec(CHOICE, "version", "Version", "Which result is shown.", NO_VERSION, (NO_VERSION,), flags="+STARTLINE"),
    KnobSpec(TEXT, "size", "Size", "What lies in the folder.", flags="+STARTLINE", text="nothing"),
    button("refresh", "Refresh", "Look at the folder again, and read the result afresh.", line=True),
    button("clear", "Clear", "Delete every version and rendered plate of this node."),
    button("bake", "Bake to Read", "Put a Read of the shown version beside this node."),
)
HIDDEN: Tuple[KnobSpec, ...] = (
    KnobSpec(STRING, "job", "job", "The job under way, for when the script is opened again.", flags="+INVISIBLE"),
    KnobSpec(NUMBER, "solved", "solved", "1 at the frames that are solved.", flags="+INVISIBLE"),
    KnobSpec(NUMBER, "reach", "reach", "Pixels by which the shown version goes beyond the matte.", flags="+INVISIBLE"),
    KnobSpec(SWITCH, "patched", "patched", "Whether the shown version is a patch with alpha.", flags="+INVISIBLE"),
    KnobSpec(SWITCH, "layered", "layered", "Whether the shown version fills more than rgb.", flags="+INVISIBLE"),
)
TABS: Tuple[Tuple[str, str, Tuple[KnobSpec, ...]], ...] = (
    ("align_attend", "Align & Attend", (*MAIN, *HIDDEN)),
    ("advanced", "Advanced", ADVANCED),
    ("diagnostics", "Diagnostics", DIAGNOSTICS),
    ("cache", "Cache", CACHE),
)
