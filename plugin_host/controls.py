"""The artist's controls: the names, defaults and texts that every host and the command line show.

A host builds its knobs from `CONTROLS`, in this order, and passes their values to `JobSpec` under the same names. The
command line builds its options from the same table. Nothing here knows a GUI toolkit.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Dict, Optional, Tuple, Union

ControlValue = Union[str, int, float, bool, None]

MOST_GROWN = 12
"""Pixels by which `grow_auto` grows a matte at most, beside `grow`: the engine's `matte_residue.MAX_REACH`."""


@dataclass(frozen=True)
class Control:
    """One control.

    `kind` is one of `files` (a pattern, see `sequence`; None for none), `choice`, `number`, `frame` (a frame number,
    None for no limit), `count`, `switch` and `text`. `low` and `high` bound numbers, both included. `rare` ones are
    folded away by hosts with a window.
    """

    name: str
    label: str
    help: str
    kind: str
    default: ControlValue = None
    choices: Tuple[str, ...] = ()
    low: float = 0
    high: float = 0
    rare: bool = False


CONTROLS: Tuple[Control, ...] = (
    Control(
        "grow",
        "Grow matte",
        "Pixels by which the matte is grown, or shrunk where negative.",
        "number",
        0.0,
        (),
        -100,
        100,
    ),
    Control(
        "grow_auto",
        "Grow automatically",
        "Grow the matte further, by as many pixels as the object is found to reach beyond it.",
        "switch",
        False,
    ),
    Control(
        "feather",
        "Feather",
        "Pixels over which the grown matte fades outwards into the plate.",
        "number",
        0.0,
        (),
        0,
        100,
    ),
    Control(
        "light",
        "Match light",
        "How a source's light and softness are matched: off, global (one change a frame) or local (varying softly).",
        "choice",
        "local",
        ("off", "global", "local"),
    ),
    Control(
        "grain",
        "Match grain",
        "Give blended, resampled and synthesised pixels the grain of the plate around them.",
        "switch",
        True,
    ),
    Control(
        "unseen",
        "Never seen",
        "What no frame shows: texture, copied from what looks like it in the shot; smooth, a soft guess.",
        "choice",
        "texture",
        ("texture", "smooth"),
    ),
    Control(
        "smoothing",
        "Smoothing",
        "How strongly a frame leans on what was decided for the one before: 0 not at all, 1 as strongly as is of use.",
        "number",
        0.0,
        (),
        0,
        1,
    ),
    Control("holdout", "Holdout matte", "What passes in front: never filled, never used as a source.", "files"),
    Control("clean", "Clean plate", "A clean plate, one frame or a sequence: a further source.", "files"),
    Control(
        "clean_use",
        "Use clean plate",
        "also: a source beside the shot's own frames; only: the one source, what it lacks is synthesised.",
        "choice",
        "also",
        ("also", "only"),
    ),
    Control(
        "painted",
        "Painted frames",
        "Frames that were painted by hand, numbered as the plates: they win over everything.",
        "files",
    ),
    Control(
        "exclude",
        "Do not use",
        "A matte over what must not serve as a source, such as a reflection or a shadow.",
        "files",
        rare=True,
    ),
    Control("reference_first", "Sources from", "First frame that may serve as a source.", "frame", rare=True),
    Control("reference_last", "Sources to", "Last frame that may serve as a source.", "frame", rare=True),
    Control(
        "reference_step",
        "Sources every",
        "Only every so many frames serve as a source, counted from the first one.",
        "count",
        1,
        (),
        1,
        1000,
        rare=True,
    ),
    Control(
        "missing",
        "Missing frames",
        "Gaps in plates and mattes: stop and name them, or have the nearest frame stand in (nearest).",
        "choice",
        "stop",
        ("stop", "nearest"),
        rare=True,
    ),
    Control(
        "plate_layer",
        "Plate layer",
        "The layer or part that is filled, such as beauty. Without one: the picture's own, or the job asks.",
        "text",
        rare=True,
    ),
    Control(
        "fill_layers",
        "Fill layers",
        "Further layers to fill from the same places, comma-separated, such as A,Z,normals.*; all others stay.",
        "text",
        rare=True,
    ),
    Control(
        "plate_first",
        "Movie begins at",
        "Number of a plate movie's first frame, where mattes are numbered otherwise than from 1.",
        "frame",
        rare=True,
    ),
    Control("matte_invert", "Invert matte", "The matte is white where the plate stays.", "switch", False, rare=True),
    Control(
        "matte_low",
        "Matte black",
        "The matte's value that counts as 0: the plate stays there and below.",
        "number",
        0.0,
        (),
        -1_000_000,
        1_000_000,
        rare=True,
    ),
    Control(
        "matte_high",
        "Matte white",
        "The matte's value that counts as 1: the plate is hidden there and above.",
        "number",
        1.0,
        (),
        -1_000_000,
        1_000_000,
        rare=True,
    ),
    Control(
        "matte_floor",
        "Matte floor",
        "Matte values up to this one are invisible: their pixels stay as they are, and serve as a source.",
        "number",
        1 / 255,
        (),
        0,
        1,
        rare=True,
    ),
    Control(
        "matte_missing",
        "Missing mattes",
        "Frames without a matte: stop and name them, nothing is hidden (empty), or neither filled nor a source"
        " (leave-out).",
        "choice",
        "stop",
        ("stop", "empty", "leave-out"),
        rare=True,
    ),
    Control(
        "matte_offset",
        "Matte offset",
        "Added to the matte's frame numbers, where they are not the plates' own.",
        "count",
        0,
        (),
        -1_000_000,
        1_000_000,
        rare=True,
    ),
    Control(
        "colorspace",
        "Colour space",
        "The plates' colour space by its OpenColorIO name. Without one: EXR scene-linear, others as their format says.",
        "text",
        rare=True,
    ),
    Control(
        "view",
        "View",
        "The eye of a stereo file that is filled, the first unless named; the other in a second job, on the result.",
        "text",
        rare=True,
    ),
    Control(
        "write",
        "Write",
        "full; patch: the matte's box, with alpha; overlay: a patch in whole frames; auto: an overlay for movies.",
        "choice",
        "auto",
        ("auto", "full", "patch", "overlay"),
        rare=True,
    ),
    Control("seed", "Seed", "Another number, another grain.", "count", 0, (), 0, 1_000_000, rare=True),
)
"""Every control, in the order in which hosts show them."""

BY_NAME: Dict[str, Control] = {control.name: control for control in CONTROLS}


def validation_error(name: str, value: ControlValue) -> Optional[str]:
    """What is wrong with a control's value, in words; None when it is valid."""
    control = BY_NAME[name]
    if control.kind == "choice" and value not in control.choices:
        return f"{control.label} is {value!r}: choose {', '.join(control.choices[:-1])} or {control.choices[-1]}"
    if control.kind in ("number", "count"):
        bad = isinstance(value, bool) or not isinstance(value, (int, float))
        if bad or not control.low <= value <= control.high:  # type: ignore[operator]
            return f"{control.label} is {value!r}: choose a number from {control.low:g} to {control.high:g}"
    return None
