"""Pictures from nothing: Read, Constant, Roto."""

from __future__ import annotations

import math
import os
import re
from typing import Any, Dict, List, Optional, Tuple

import numpy as np

from . import exr
from .errors import RenderError
from .expression import Expression
from .operators import Task, operator
from .picture import Array, Bounds, Picture, black, whole
from .values import Size

ROTO = "fake-roto"


def expand(path: str, frame: int, view: str) -> str:
    """`%V %v #### %04d` of a file name filled in."""
    path = path.replace("%V", view).replace("%v", view[:1])
    path = re.sub(r"#+", lambda match: str(frame).zfill(len(match[0])), path)
    return re.sub(r"%0?(\d*)d", lambda match: str(frame).zfill(int(match[1] or 0)), path)


def sequence_frame(node: Any, frame: float) -> float:
    """The number in the file's name, by `frame_mode` and `frame`."""
    mode, text = node._knobs["frame_mode"].value(), str(node._knobs["frame"].value()).strip()
    if not text:
        return frame
    if mode == "start at":
        return frame - float(text) + node._knobs["first"]._number(frame)
    if mode == "offset":
        return frame + float(text)
    return float(Expression(text).value(lambda name: _frame_only(name, frame), node._command, {"gui": 0.0}))


def _frame_only(name: str, frame: float) -> float:
    if name != "frame":
        raise RenderError(f"{name!r} in a frame expression")
    return frame


def _within(number: int, first: int, last: int, before: str, after: str) -> Optional[int]:
    """`number` brought into first .. last; None for black."""
    if first <= number <= last:
        return number
    how = before if number < first else after
    if how == "black":
        return None
    if how == "hold":
        return min(max(number, first), last)
    length = last - first + 1
    if how == "loop":
        return first + (number - first) % length
    around = (number - first) % max(2 * (length - 1), 1)
    return first + min(around, 2 * (length - 1) - around)


@operator("Read")
def read(task: Task) -> Picture:
    node = task.node
    task.plain(premultiplied=False)
    if not node._knobs["raw"].value() and task.word("colorspace") not in ("default", "linear", "scene_linear"):
        raise task.refuse(f"colorspace {task.word('colorspace')}: raw or linear only")
    number = math.floor(sequence_frame(node, task.frame) + 0.5)
    first, last = int(task.number("first")), int(task.number("last"))
    found = _within(number, first, last, task.word("before"), task.word("after"))
    if found is None:
        return black(_format(task))
    pattern = node._knobs["file"].evaluate(task.frame)
    try:
        picture = _file(task, expand(pattern, found, task.view))
    except RenderError as error:
        picture = _instead(task, pattern, found, first, last, error)
    if node._knobs["auto_alpha"].value() and "rgba.alpha" not in picture.channels:
        picture = picture.having({"rgba.alpha": np.float32(1)})
    for name in picture.channels:
        layer = name.rpartition(".")[0]
        task.renderer.script.layers.add(layer, [name])
    return picture


def _file(task: Task, path: str) -> Picture:
    """A file as it was when first asked for; so is its absence."""
    files, key = task.renderer.files, (task.node, path)
    if key not in files:
        task.renderer.opened.append(path)
        try:
            files[key] = exr.read(path)
        except RenderError as error:
            files[key] = RenderError(f"{task.node._full()}: {error}")
    if isinstance(files[key], RenderError):
        raise files[key]
    found: Picture = files[key]
    return found


def _instead(task: Task, pattern: str, number: int, first: int, last: int, error: RenderError) -> Picture:
    how = task.word("on_error")
    if how == "black":
        return black(_format(task))
    if how == "nearest frame":
        for distance in range(1, last - first + 1):
            for near in (number - distance, number + distance):
                path = expand(pattern, near, task.view)
                if first <= near <= last and os.path.isfile(path):
                    return _file(task, path)
    if how == "checkerboard":
        size = _format(task)
        y, x = np.mgrid[: size.height, : size.width]
        board = ((x // 8 + y // 8) % 2).astype(np.float32)
        return Picture(size, whole(size), {f"rgba.{name}": board for name in ("red", "green", "blue", "alpha")})
    raise error


def _format(task: Task) -> Size:
    found = task.renderer.script.format_of(task.node._knobs["format"])
    return Size(found.width(), found.height())


@operator("Constant")
def constant(task: Task) -> Picture:
    size = _format(task)
    picture = Picture(size, whole(size), {})
    values = dict(zip(("red", "green", "blue", "alpha"), task.numbers("color")))
    names = task.channels("channels", picture)
    return picture.having({name: np.float32(values.get(name.rpartition(".")[2], values["red"])) for name in names})


@operator("Roto")
def roto(task: Task) -> Picture:
    """The shapes that a test drew with `Stage.draw`, over the background."""
    task.plain(premultiply="none", feather_on=True, inverted=False, replace=False, cliptype="format")
    behind = task.input(0)
    size = behind.format if task.connected(0) else _format(task)
    shapes = _shapes(task)
    box = behind.box
    for shape in shapes:
        box = box.union(shape.bounds(task.frame).intersect(whole(size)))
    picture = (behind if task.connected(0) else black(size)).over(box)
    if not shapes:
        return picture
    drawn: Array = np.zeros(box.shape, np.float32)
    for shape in shapes:
        drawn = np.maximum(drawn, shape.coverage(task.frame, box))
    drawn = drawn * np.float32(task.number("opacity"))
    names = task.channels("output", picture)
    return picture.having({name: drawn + picture.plane(name, box) * (1 - drawn) for name in names})


class Shape:
    """A rectangle or ellipse by keys: frame -> x, y, r, t. Its edge is as soft as `soft` pixels are wide."""

    def __init__(self, kind: str, soft: float, keys: Dict[float, List[float]]) -> None:
        self.kind, self.soft, self.keys = kind, soft, keys

    def at(self, frame: float) -> Tuple[float, ...]:
        frames = sorted(self.keys)
        return tuple(float(np.interp(frame, frames, [self.keys[each][place] for each in frames])) for place in range(4))

    def bounds(self, frame: float) -> Bounds:
        x, y, r, t = self.at(frame)
        grow = self.soft / 2
        return Bounds(math.floor(x - grow), math.floor(y - grow), math.ceil(r + grow), math.ceil(t + grow))

    def coverage(self, frame: float, box: Bounds) -> Array:
        x, y, r, t = self.at(frame)
        columns = np.arange(box.x, box.r, dtype=np.float64)[None, :] + 0.5
        rows = np.arange(box.y, box.t, dtype=np.float64)[:, None] + 0.5
        if self.kind == "rectangle":
            inside = np.minimum(np.minimum(columns - x, r - columns), np.minimum(rows - y, t - rows))
        else:
            across, up = (r - x) / 2, (t - y) / 2
            radius = np.hypot((columns - (x + r) / 2) / across, (rows - (y + t) / 2) / up)
            inside = (1 - radius) * min(across, up)
        return np.clip(0.5 + inside / max(self.soft, 1.0), 0, 1).astype(np.float32)


def _shapes(task: Task) -> List[Shape]:
    text = str(task.node._knobs["curves"]._raw)
    if not text:
        return []
    found = []
    for line in text.split("\n"):
        mark, kind, soft, *numbers = line.split()
        if mark != ROTO:
            raise task.refuse("curves that Stage.draw did not make")
        values = [float(number) for number in numbers]
        found.append(Shape(kind, float(soft), {values[i]: values[i + 1 : i + 5] for i in range(0, len(values), 5)}))
    return found


def curves(kind: str, keys: Dict[float, Tuple[float, float, float, float]], soft: float) -> str:
    numbers = " ".join(f"{frame:g} {' '.join(f'{edge:g}' for edge in edges)}" for frame, edges in sorted(keys.items()))
    return f"{ROTO} {kind} {soft:g} {numbers}"
