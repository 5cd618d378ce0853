"""Turns the node's knobs and inputs into jobs for the engine, and renders the inputs that have no usable files.

An input whose Read is not processed is handed over as its own files. Every other input is rendered by the node's
internal Writes, in the plate's format and bounding box. Frame numbers are the script's throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

import nuke

from . import knobs, paths, read_files, render_inputs
from .host.controls import BY_NAME, MOST_GROWN, ControlValue
from .host.errors import HostError
from .host.job import JobSpec
from .host.sequence import expand, parse
from .no_undo import full_resolution
from .render_inputs import CLEAN, HOLDOUT, MATTE, PLATE, NodeInput

PATCHES = ("patch", "overlay")
"""Values of `write` with which the result has alpha, and nothing beyond the matte."""

EXR_NAMES = {"rgba.red": "R", "rgba.green": "G", "rgba.blue": "B", "rgba.alpha": "A"}


@dataclass(frozen=True)
class ViewJob:
    """The job of one view, without its range; `frames` are the wanted frames that have a plate."""

    view: str
    spec: JobSpec
    frames: List[int]


def view_jobs(node: nuke.Node, first: int, last: int, *, folder: str) -> List[ViewJob]:
    """The jobs for the frames `first` .. `last`, one for each view.

    Raises:
        HostError: when an input is missing, cannot be read or rendered, or a knob's value is invalid.
    """
    _check_inputs(node, first, last)
    with full_resolution():
        nuke.frame(first)
        return [_view_job(node, first, last, view=view, folder=folder) for view in nuke.views()]


def reach(node: nuke.Node) -> float:
    """Pixels by which the result extends beyond the matte, plus one; at most, where the matte grows automatically.

    Further out the result is the plate: it does no harm to show more of it.
    """
    margin = node["grow"].value() + node["feather"].value()
    if _control_value(node, "grow_auto", "switch"):
        margin += MOST_GROWN
    return float(math.ceil(margin) + 1) if margin > 0 else 0.0


def fills_layers(node: nuke.Node) -> bool:
    """Whether another layer is filled than rgb, or more: the engine then gets and returns the whole plate."""
    return any(_control_value(node, name, "text") for name in ("plate_layer", "fill_layers"))


def _check_inputs(node: nuke.Node, first: int, last: int) -> None:
    if last < first:
        raise HostError(f"the range {first} - {last} is empty", hint="Set its first and last frame.")
    for source in (PLATE, MATTE):
        _connected(node, source)


def _connected(node: nuke.Node, source: NodeInput) -> nuke.Node:
    found = node.input(source.number)
    if found is None:
        raise HostError(f"nothing is plugged into the input {source.name}", hint="Plug it in.")
    return found


def _view_job(node: nuke.Node, first: int, last: int, *, view: str, folder: str) -> ViewJob:
    controls = _control_values(node)
    layered = fills_layers(node)
    if layered and controls["write"] in PATCHES:
        raise HostError(
            f"layers beside rgb cannot be filled with Write at {controls['write']}", hint="Set Write to full."
        )
    files = read_files.files_of_input(node, PLATE.number, view=view)
    if files is not None and parse(files.pattern).width is None:
        files = None  # a still has one frame number, which is not the script's
    if files is not None and layered and files.auto_alpha:
        files = None  # the result would lack a channel of the tree
    available = _plate_frames(node, files)
    wanted = _reference_frames(controls, available, first, last)
    targets = [frame for frame in wanted if first <= frame <= last]
    if not targets:
        hint = f"The plate runs from {available[0]} to {available[-1]}." if available else "The plate has no frames."
        raise HostError(f"no plate lies in the range {first} - {last}", hint=hint)
    if files is None or read_files.is_trimmed(files) or wanted != available:
        controls = {
            **controls,
            "reference_first": _or_default(controls["reference_first"], wanted[0]),
            "reference_last": _or_default(controls["reference_last"], wanted[-1]),
        }
    # Every plate on disk gets a matte, also those that must not be used: the engine has none to miss.
    matte_frames = wanted if files is None else [frame for frame, _ in expand(files.pattern)]
    options: Dict[str, Any] = {"node": node, "frames": matte_frames, "view": view, "folder": folder}
    if files is None:
        node.node(PLATE.write_node)["channels"].setValue("all" if layered else "rgb")
        render_inputs.unify_bounding_box(node, wanted)
    else:
        node.node("Window")["disable"].setValue(True)
    plate = files.pattern if files is not None else render_inputs.render(node, PLATE, wanted, view=view, folder=folder)
    matte, channel = _matte_files(MATTE, node.node("MatteIn")["from0"].value(), **options)
    holdout = _matte_files(HOLDOUT, "rgba.alpha", **options)[0] if node.input(HOLDOUT.number) is not None else None
    clean = _clean_plate_files(**options) if node.input(CLEAN.number) is not None else None
    spec = JobSpec(
        plate,
        matte,
        matte_channel=channel,
        aov=tuple(name for name in knobs.AOVS if node[name].value()),
        device=str(node["device"].value()),
        holdout=holdout,
        clean=clean,
        **controls,
    )
    return ViewJob(view, spec, targets)


def _plate_frames(node: nuke.Node, files: Optional[read_files.ReadFiles]) -> List[int]:
    """All frames of the plate."""
    if files is not None:
        return [frame for frame, _ in expand(files.pattern) if files.first <= frame <= files.last]
    plate = _connected(node, PLATE)
    return list(range(int(plate.firstFrame()), int(plate.lastFrame()) + 1))


def _reference_frames(controls: Dict[str, Any], available: List[int], first: int, last: int) -> List[int]:
    """The plate's frames that the engine may use: the script's and the wanted range, within the artist's limits."""
    root = nuke.root()
    low, high = min(first, root.firstFrame()), max(last, root.lastFrame())
    low = max(low, _or_default(controls["reference_first"], low))
    high = min(high, _or_default(controls["reference_last"], high))
    return [frame for frame in available if low <= frame <= high or first <= frame <= last]


def _or_default(chosen: ControlValue, default: int) -> int:
    return default if chosen is None else int(chosen)


def _matte_files(
    source: NodeInput, channel: str, *, node: nuke.Node, frames: List[int], view: str, folder: str
) -> tuple[str, str]:
    """A matte's files, and its channel in them."""
    channel = channel if "." in channel else f"rgba.{channel}"
    if channel not in node.node(source.input_node).channels():
        raise HostError(f"the input {source.name} has no channel {channel}", hint="Choose another Matte channel.")
    files = (
        read_files.files_of_input(node, source.number, view=view)
        if channel in EXR_NAMES and _has_plate_format(node, source)
        else None
    )
    if files is not None and not files.auto_alpha and read_files.covers_frames(files, frames):
        return read_files.matte_pattern(files), EXR_NAMES[channel]
    return render_inputs.render(node, source, frames, view=view, folder=folder), "A"


def _clean_plate_files(*, node: nuke.Node, frames: List[int], view: str, folder: str) -> str:
    files = read_files.files_of_input(node, CLEAN.number, view=view)
    if files is not None and _has_plate_format(node, CLEAN):
        return files.pattern
    picture = _connected(node, CLEAN)
    if picture.firstFrame() == picture.lastFrame():
        frames = frames[:1]
    return render_inputs.render(node, CLEAN, frames, view=view, folder=folder)


def _has_plate_format(node: nuke.Node, source: NodeInput) -> bool:
    """Whether an input has the plate's format."""
    plate, other = node.node(PLATE.input_node), node.node(source.input_node)
    return (plate.width(), plate.height()) == (other.width(), other.height())


def _control_values(node: nuke.Node) -> Dict[str, Any]:
    """The controls' values by name, as `JobSpec` has them."""
    return {control.name: _control_value(node, control.name, control.kind) for control in knobs.SHOWN_CONTROLS}


def _control_value(node: nuke.Node, name: str, kind: str) -> ControlValue:
    knob = node.knob(knobs.knob_name(name))
    if knob is None:
        return BY_NAME[name].default  # a script from before this control existed has the node without it
    if kind == "files":
        text = str(knob.value()).strip()
        return paths.sequence_pattern(text, knob.evaluate, frame=nuke.frame()) if text else None
    if kind == "frame":
        text = str(knob.value()).strip()
        try:
            return int(text) if text else None
        except ValueError:
            label = BY_NAME[name].label
            raise HostError(f"{label} is {text!r}", hint="Give a frame number, or nothing.") from None
    value: ControlValue = knob.value()
    return value or None if kind == "text" else value
