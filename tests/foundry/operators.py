"""What each class of node makes of its inputs: time, views, groups and wires here, the rest in its neighbours."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any, Callable, Dict, List

import numpy as np

from .errors import NotModelled, RenderError
from .picture import Array, Bounds, Picture


@dataclass(frozen=True)
class Task:
    """One node is to make one frame of one view."""

    renderer: Any
    node: Any
    frame: float
    view: str

    def input(self, index: int = 0) -> Picture:
        return self.renderer.input(self.node, index, self.frame, self.view)

    def connected(self, index: int) -> bool:
        return self.node.input(index) is not None

    def number(self, knob: str, index: int = 0) -> float:
        return float(self.node._knobs[knob]._number(self.frame, index))

    def numbers(self, knob: str) -> List[float]:
        return list(self.node._knobs[knob]._components(self.frame))

    def word(self, knob: str) -> str:
        return str(self.node._knobs[knob].value())

    def channels(self, knob: str, picture: Picture) -> List[str]:
        return list(self.renderer.script.layers.channels(self.word(knob), list(picture.channels)))

    def channel(self, knob: str) -> str:
        return str(self.renderer.script.layers.one(self.word(knob)))

    def refuse(self, what: str) -> NotModelled:
        return NotModelled(f"{self.node._full()}: {what}")

    def plain(self, **knobs: Any) -> None:
        """These knobs are modelled at these values only."""
        for name, wanted in knobs.items():
            value = self.node._knobs[name].value()
            if value != wanted:
                raise self.refuse(f"{name} at {value!r}")

    def mask(self, index: int, box: Bounds) -> Array:
        """How much of the effect shows: the mask input's channel, `mix`, nothing else. 1 without a mask."""
        knobs = self.node._knobs
        self.plain(fringe=False, inject=False)
        share: Array = np.ones(box.shape, np.float32)
        if self.connected(index):
            share = self.input(index).plane(self.channel("maskChannelMask"), box)
        elif self.word("maskChannelInput") != "none":
            share = self.input(0).plane(self.channel("maskChannelInput"), box)
        if knobs["invert_mask"].value():
            share = 1 - share
        return share * np.float32(self.number("mix")) if "mix" in knobs else share


def mixed(before: Picture, after: Picture, share: Array) -> Picture:
    """`after` as far as `share` goes, else `before`; both have the same box. Where share is 0 every bit is `before`."""
    changed = {}
    for name, values in after.channels.items():
        old = before.plane(name, after.box)
        changed[name] = np.where(share == 0, old, np.where(share == 1, values, old + (values - old) * share))
    return after.having(changed)


def _pass(task: Task) -> Picture:
    return task.input()


def _group(task: Task) -> Picture:
    output = task.node.output()
    if output is None:
        raise RenderError(f"{task.node._full()}: a group without an Output")
    found: Picture = task.renderer.picture(output, task.frame, task.view)
    return found


def _group_input(task: Task) -> Picture:
    return task.renderer.input(task.node._parent, int(task.number("number")), task.frame, task.view)


def _switch(task: Task) -> Picture:
    last = max(task.node.inputs() - 1, 0)
    return task.input(min(max(int(task.number("which")), 0), last))


def _time(task: Task) -> Picture:
    if task.node._class == "TimeOffset":
        task.plain(reverse_input=False)
    frame = moved(task.node, task.frame)
    return task.renderer.input(task.node, 0, frame, task.view)


def moved(node: Any, frame: float) -> float:
    """The frame that a node wants of what is above it."""
    if node._class == "TimeOffset":
        return frame - node._knobs["time_offset"]._number(frame)
    if node._class == "FrameHold":
        first, step = node._knobs["firstFrame"]._number(frame), node._knobs["increment"]._number(frame)
        return first if not step else first + step * ((frame - first) // step)
    return frame


def _one_view(task: Task) -> Picture:
    return task.renderer.input(task.node, 0, task.frame, task.word("view"))


def _join_views(task: Task) -> Picture:
    return task.input(task.renderer.script.views.index(task.view))


def _copy_metadata(task: Task) -> Picture:
    image, other = task.input(0), task.input(1)
    task.plain(metadatafilter="", imageMetadatafilter="")
    order = {
        "Image+Meta": [image, other],
        "Meta only": [other],
        "Meta+Image": [other, image],
        "Image only": [image],
    }[task.word("mergeMode")]
    metadata: Dict[str, Any] = {}
    for each in order:
        metadata.update(each.metadata)
    return replace(image, metadata=metadata)


def _write(task: Task) -> Picture:
    task.plain(reading=False)
    return task.input()


OPERATORS: Dict[str, Callable[[Task], Picture]] = {
    **dict.fromkeys(("Dot", "NoOp", "Output", "Viewer", "FrameRange"), _pass),
    **dict.fromkeys(("Group", "Gizmo"), _group),
    **dict.fromkeys(("TimeOffset", "FrameHold"), _time),
    "Input": _group_input,
    "Switch": _switch,
    "OneView": _one_view,
    "JoinViews": _join_views,
    "CopyMetaData": _copy_metadata,
    "Write": _write,
}


def operator(*classes: str) -> Callable[[Callable[[Task], Picture]], Callable[[Task], Picture]]:
    """Registers what makes the pictures of these classes."""

    def register(work: Callable[[Task], Picture]) -> Callable[[Task], Picture]:
        OPERATORS.update(dict.fromkeys(classes, work))
        return work

    return register
