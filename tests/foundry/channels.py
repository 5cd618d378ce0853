"""One picture's channels, colours and bounding box: Shuffle2, Expression, Premult, Grade, Crop and their like."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Callable, Dict, List

import numpy as np

from . import words
from .expression import Expression
from .operators import Task, mixed, operator
from .picture import Array, Bounds, Picture, whole
from .values import Size

PARTS = ("red", "green", "blue", "alpha")


@operator("Shuffle2")
def shuffle(task: Task) -> Picture:
    """By `mappings`: count, then for each `source which-in place target which-out place`; -1 are black and white."""
    pictures = [task.input(_source(task, "fromInput1")), task.input(_source(task, "fromInput2"))]
    base = task.input(0)
    text = str(task.node._knobs["mappings"]._raw).split()
    script = task.renderer.script
    changed: Dict[str, Array] = {}
    if not text:
        source, target = (script.layers.channels(task.word(knob), ()) for knob in ("in1", "out1"))
        changed = {to: pictures[0].plane(name, base.box) for name, to in zip(source, target)}
    for at in range(1, len(text), 6):
        name, which, _, target = text[at : at + 4]
        script.layers.check(target, task.node._full())
        if which == "-1":
            changed[target] = np.full(base.box.shape, 1.0 if name == "white" else 0.0, np.float32)
        else:
            script.layers.check(name, task.node._full())
            changed[target] = pictures[int(which)].plane(name, base.box)
    return base.having(changed)


def _source(task: Task, knob: str) -> int:
    found = words.split(str(task.node._knobs[knob]._raw))
    letter = found[-1].text if found else "B"
    return {"B": 0, "A": 1}[letter]


@operator("AddChannels")
def add_channels(task: Task) -> Picture:
    picture = task.input()
    values = dict(zip(PARTS, task.numbers("color")))
    names = [
        name for knob in ("channels", "channels2", "channels3", "channels4") for name in task.channels(knob, picture)
    ]
    fresh = {name: np.float32(values.get(name.rpartition(".")[2], values["red"])) for name in names}
    return picture.having({name: value for name, value in fresh.items() if name not in picture.channels})


@operator("Remove")
def remove(task: Task) -> Picture:
    picture = task.input()
    named = {
        name for knob in ("channels", "channels2", "channels3", "channels4") for name in task.channels(knob, picture)
    }
    keep = task.word("operation") == "keep"
    return picture.keeping(name for name in picture.channels if (name in named) == keep)


@operator("Expression")
def expression(task: Task) -> Picture:
    task.plain(mix_luminance=0.0, unpremult="none")
    before = task.input()
    scene = _Scene(task, before)
    for place in range(4):
        name, text = task.word(f"temp_name{place}"), task.word(f"temp_expr{place}")
        if name and text:
            scene.names[name] = scene.value(text)
    changed = {}
    for place in range(4):
        text = task.word(f"expr{place}")
        for name in task.channels(f"channel{place}", before) if text else ():
            changed[name] = scene.value(text)
    return mixed(before, before.having(changed), task.mask(1, before.box))


class _Scene:
    """What names mean in an Expression node: channels, places, knobs."""

    def __init__(self, task: Task, picture: Picture) -> None:
        self.task, self.picture = task, picture
        box = picture.box
        y, x = np.mgrid[box.y : box.t, box.x : box.r].astype(np.float64)
        size = picture.format
        self.names: Dict[str, Any] = {
            "x": x,
            "y": y,
            "cx": (x - size.width / 2 + 0.5) / (size.width / 2),
            "cy": (y - size.height / 2 + 0.5) / (size.width / 2),
            "width": float(size.width),
            "height": float(size.height),
            "frame": task.frame,
        }
        for short, part in zip("rgba", PARTS):
            self.names[short] = self.names[part] = picture.plane(f"rgba.{part}", box)

    def value(self, text: str) -> Any:
        gui = {"gui": float(self.task.renderer.script.gui)}
        return Expression(text).value(self.resolve, self.task.node._command, gui)

    def resolve(self, name: str) -> Any:
        if name in self.names:
            return self.names[name]
        layer, _, part = name.partition(".")
        if part in self.task.renderer.script.layers.known.get(layer, ()):
            return self.picture.plane(name, self.picture.box)
        return self.task.node._value_of(name, self.task.frame)


@operator("Premult", "Unpremult")
def premult(task: Task) -> Picture:
    picture = task.input()
    alpha = picture.plane(task.channel("alpha"), picture.box)
    if task.node._knobs["invert"].value():
        alpha = 1 - alpha
    names = [name for name in task.channels("channels", picture) if name in picture.channels]
    if task.node._class == "Unpremult":
        alpha = np.where(alpha == 0, np.float32(1), 1 / np.where(alpha == 0, np.float32(1), alpha))
    return picture.having({name: picture.channels[name] * alpha for name in names})


def _per_channel(task: Task, work: Callable[[Array, int], Array]) -> Picture:
    """A colour knob's four numbers go to red, green, blue, alpha; the first to any other channel."""
    task.plain(unpremult="none")
    before = task.input()
    names: List[str] = [name for name in task.channels("channels", before) if name in before.channels]
    places = {name: PARTS.index(name[5:]) if name.startswith("rgba.") else 0 for name in names}
    after = before.having({name: work(before.channels[name], places[name]) for name in names})
    return mixed(before, after, task.mask(1, before.box))


@operator("Multiply")
def multiply(task: Task) -> Picture:
    return _per_channel(task, lambda values, place: values * np.float32(task.number("value", place)))


@operator("Dilate")
def dilate(task: Task) -> Picture:
    """Whole pixels, a square all around; the box grows with it.

    Source: Foundry, reference guide, Erode (fast): "Also known as the Dilate node"; positive sizes let light pixels
    grow. That it counts whole pixels: `Nuke 101`, Erode, Dilate, and Erode.
    """
    across, up = (int(number) for number in task.numbers("size"))
    before = task.input()
    if across < 0 or up < 0:
        raise task.refuse("a negative size")
    box = before.box
    if box.empty or not (across or up):
        return before
    before = before.over(Bounds(box.x - across, box.y - up, box.r + across, box.t + up))
    changed: Dict[str, Array] = {}
    for name in (name for name in task.channels("channels", before) if name in before.channels):
        found = before.channels[name]
        for axis, size in ((0, up), (1, across)):
            edges = [(size, size) if place == axis else (0, 0) for place in (0, 1)]
            wide = np.pad(found, edges)
            found = np.lib.stride_tricks.sliding_window_view(wide, 2 * size + 1, axis=axis).max(axis=-1)
        changed[name] = found
    return mixed(before, before.having(changed), task.mask(1, before.box))


@operator("Clamp")
def clamp(task: Task) -> Picture:
    task.plain(MinClampTo_enable=False, MaxClampTo_enable=False, minimum_enable=True, maximum_enable=True)
    return _per_channel(
        task, lambda values, place: np.clip(values, task.number("minimum", place), task.number("maximum", place))
    )


@operator("Grade")
def grade(task: Task) -> Picture:
    def work(values: Array, place: int) -> Array:
        get = {
            name: task.number(name, place) for name in ("blackpoint", "whitepoint", "black", "white", "multiply", "add")
        }
        if task.number("gamma", place) != 1 or task.node._knobs["reverse"].value():
            raise task.refuse("gamma, reverse")
        slope = get["multiply"] * (get["white"] - get["black"]) / (get["whitepoint"] - get["blackpoint"])
        shift = get["add"] + get["black"] - slope * get["blackpoint"]
        graded = values * np.float32(slope) + np.float32(shift)
        graded = np.maximum(graded, 0) if task.node._knobs["black_clamp"].value() else graded
        return np.minimum(graded, 1) if task.node._knobs["white_clamp"].value() else graded

    return _per_channel(task, work)


@operator("Crop")
def crop(task: Task) -> Picture:
    task.plain(softness=[0.0, 0.0], preset="format")
    picture = task.input()
    x, y, r, t = (int(edge) for edge in task.numbers("box"))
    box = Bounds(x, y, max(r, x), max(t, y))
    if task.node._knobs["intersect"].value():
        box = box.intersect(picture.box)
    if not task.node._knobs["crop"].value():
        raise task.refuse("crop without black outside")
    picture = picture.over(box)
    if not task.node._knobs["reformat"].value():
        return picture
    moved = Bounds(box.x - x, box.y - y, box.r - x, box.t - y)
    return replace(picture, format=Size(r - x, t - y), box=moved)


@operator("CopyBBox")
def copy_bbox(task: Task) -> Picture:
    """Input 0's picture within input 1's box."""
    return task.input(0).over(task.input(1).box)


@operator("AdjBBox")
def adjust_bbox(task: Task) -> Picture:
    picture = task.input()
    across, up = (int(number) for number in task.numbers("numpixels"))
    box = picture.box
    return picture.over(Bounds(box.x - across, box.y - up, box.r + across, box.t + up))


@operator("Reformat")
def reformat(task: Task) -> Picture:
    """To another canvas without scaling; with scaling only where it changes nothing."""
    task.plain(flip=False, flop=False, turn=False)
    picture = task.input()
    kind = task.word("type")
    if kind == "to format":
        found = task.renderer.script.format_of(task.node._knobs["format"])
        size = Size(found.width(), found.height())
    elif kind == "to box" and task.node._knobs["box_fixed"].value():
        size = Size(int(task.number("box_width")), int(task.number("box_height")))
    else:
        raise task.refuse(f"type {kind}")
    if task.word("resize") != "none" and size != picture.format:
        raise task.refuse(f"resize {task.word('resize')}")
    across = (size.width - picture.format.width) // 2 if task.node._knobs["center"].value() else 0
    up = (size.height - picture.format.height) // 2 if task.node._knobs["center"].value() else 0
    box = Bounds(picture.box.x + across, picture.box.y + up, picture.box.r + across, picture.box.t + up)
    placed = replace(picture, format=size, box=box)
    return placed.over(box.intersect(whole(size))) if task.node._knobs["black_outside"].value() else placed
