"""From the node's knobs and inputs to what the engine is asked for. Renders what must be rendered on the way.

A picture whose Read nothing touches goes as its own files; every other one is rendered by the node's internal Writes,
in the plate's format and bounding box. Frame numbers are the script's throughout.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Dict, List, Optional

import nuke

from . import knobs, paths, read_files, render_inputs
from .host.controls import BY_NAME, Value
from .host.errors import HostError
from .host.job import JobSpec
from .host.sequence import expand, parse
from .no_undo import full_size
from .render_inputs import CLEAN, HOLDOUT, MATTE, PLATE, Roll

EXR_NAMES = {"rgba.red": "R", "rgba.green": "G", "rgba.blue": "B", "rgba.alpha": "A"}


@dataclass(frozen=True)
class Order:
    """One view's job, without its range; `frames` are those of the wanted range that there is a plate for."""

    view: str
    spec: JobSpec
    frames: List[int]


def orders(node: Any, first: int, last: int, *, folder: str) -> List[Order]:
    """What is to be asked for to have `first` .. `last`, one order a view.

    Raises:
        HostError: when something is not plugged in, cannot be read or rendered, or a knob's value cannot be used.
    """
    _check(node, first, last)
    with full_size():
        nuke.frame(first)
        return [_order(node, first, last, view=view, folder=folder) for view in nuke.views()]


def reach(node: Any) -> float:
    """Pixels by which the result goes beyond the matte, with one to spare."""
    beyond = node["grow"].value() + node["feather"].value()
    return float(math.ceil(beyond) + 1) if beyond > 0 else 0.0


def _check(node: Any, first: int, last: int) -> None:
    if last < first:
        raise HostError(f"the range {first} - {last} is empty", hint="Set its first and last frame.")
    for roll in (PLATE, MATTE):
        if node.input(roll.place) is None:
            raise HostError(f"nothing is plugged into the input {roll.word}", hint="Plug it in.")


def _order(node: Any, first: int, last: int, *, view: str, folder: str) -> Order:
    asked = _controls(node)
    own = read_files.own_files(node, PLATE.place, view=view)
    if own is not None and parse(own.pattern).width is None:
        own = None  # a still has one number, and the script's frames have others
    there = _frames_there(node, own)
    wanted = _window(asked, there, first, last)
    targets = [frame for frame in wanted if first <= frame <= last]
    if not targets:
        held = f"The plate runs from {there[0]} to {there[-1]}." if there else "The plate has no frames."
        raise HostError(f"no plate lies in the range {first} - {last}", hint=held)
    if own is None or read_files.trimmed(own) or wanted != there:
        asked = {
            **asked,
            "reference_first": _either(asked["reference_first"], wanted[0]),
            "reference_last": _either(asked["reference_last"], wanted[-1]),
        }
    # Of every plate that the engine finds it wants a matte, of those as well that it may not look at.
    covered = wanted if own is None else [frame for frame, _ in expand(own.pattern)]
    send = {"node": node, "frames": covered, "view": view, "folder": folder}
    if own is None:
        render_inputs.frame_window(node, wanted)
    else:
        node.node("Window")["disable"].setValue(True)
    plate = own.pattern if own is not None else render_inputs.develop(node, PLATE, wanted, view=view, folder=folder)
    matte, channel = _matte(MATTE, node.node("MatteIn")["from0"].value(), **send)
    holdout = _matte(HOLDOUT, "rgba.alpha", **send)[0] if node.input(HOLDOUT.place) is not None else None
    clean = _clean(**send) if node.input(CLEAN.place) is not None else None
    spec = JobSpec(
        plate,
        matte,
        matte_channel=channel,
        aov=tuple(name for name in knobs.AOVS if node[name].value()),
        device=str(node["device"].value()),
        holdout=holdout,
        clean=clean,
        **asked,
    )
    return Order(view, spec, targets)


def _frames_there(node: Any, own: Optional[read_files.OwnFiles]) -> List[int]:
    """Every frame that the plate has."""
    if own is not None:
        return [frame for frame, _ in expand(own.pattern) if own.first <= frame <= own.last]
    plate = node.input(PLATE.place)
    return list(range(int(plate.firstFrame()), int(plate.lastFrame()) + 1))


def _window(asked: Dict[str, Value], there: List[int], first: int, last: int) -> List[int]:
    """The plate's frames that may be looked at: the script's and the wanted range, within the artist's limits."""
    root = nuke.root()
    low, high = min(first, root.firstFrame()), max(last, root.lastFrame())
    low = max(low, _either(asked["reference_first"], low))
    high = min(high, _either(asked["reference_last"], high))
    return [frame for frame in there if low <= frame <= high or first <= frame <= last]


def _either(chosen: Value, else_this: int) -> int:
    return else_this if chosen is None else int(chosen)


def _matte(roll: Roll, channel: str, *, node: Any, frames: List[int], view: str, folder: str) -> tuple[str, str]:
    """A matte's files and its channel in them."""
    channel = channel if "." in channel else f"rgba.{channel}"
    if channel not in node.node(roll.entrance).channels():
        raise HostError(f"the input {roll.word} has no channel {channel}", hint="Choose another Matte channel.")
    own = read_files.own_files(node, roll.place, view=view) if channel in EXR_NAMES and _fits(node, roll) else None
    if own is not None and not own.alpha_made and read_files.covers(own, frames):
        return own.pattern, EXR_NAMES[channel]
    return render_inputs.develop(node, roll, frames, view=view, folder=folder), "A"


def _clean(*, node: Any, frames: List[int], view: str, folder: str) -> str:
    own = read_files.own_files(node, CLEAN.place, view=view)
    if own is not None and _fits(node, CLEAN):
        return own.pattern
    picture = node.input(CLEAN.place)
    if picture.firstFrame() == picture.lastFrame():
        frames = frames[:1]
    return render_inputs.develop(node, CLEAN, frames, view=view, folder=folder)


def _fits(node: Any, roll: Roll) -> bool:
    """Whether a picture has the plate's format."""
    plate, other = node.node(PLATE.entrance), node.node(roll.entrance)
    return (plate.width(), plate.height()) == (other.width(), other.height())


def _controls(node: Any) -> Dict[str, Value]:
    """The artist's controls by name, as a job has them."""
    return {control.name: _value(node, control.name, control.kind) for control in knobs.CHOSEN}


def _value(node: Any, name: str, kind: str) -> Value:
    knob = node.knob(name)
    if knob is None:
        return BY_NAME[name].default  # a node from before there was this control: its Group lies in the script
    if kind == "files":
        text = str(knob.value()).strip()
        return paths.pattern(text, knob.evaluate, frame=nuke.frame()) if text else None
    if kind == "frame":
        text = str(knob.value()).strip()
        try:
            return int(text) if text else None
        except ValueError:
            label = BY_NAME[name].label
            raise HostError(f"{label} is {text!r}", hint="Give a frame number, or nothing.") from None
    value: Value = knob.value()
    return value or None if kind == "text" else value
