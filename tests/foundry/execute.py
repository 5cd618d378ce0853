"""Renders to files: what `nuke.execute` makes Write nodes do, frame by frame, with the callbacks around."""

from __future__ import annotations

import os
from dataclasses import replace
from typing import Any, Dict, Iterable, List, Optional, Sequence, Union

from . import exr
from .errors import Cancelled, NotInNuke, NotModelled, RenderError
from .picture import Bounds, Picture
from .sources import expand, sequence_frame
from .values import FrameRange, FrameRanges, Size


class Execution:
    """Of one script. `cancel_after` frames the artist presses Cancel; None: she does not."""

    def __init__(self, script: Any) -> None:
        self.script = script
        self.cancel_after: Optional[int] = None
        self.written: List[str] = []

    def execute(
        self,
        what: Any,
        start: Union[int, FrameRanges, None] = None,
        end: Optional[int] = None,
        incr: int = 1,
        views: Any = None,
        continueOnError: bool = False,
    ) -> None:
        """`execute(node, first, last, step, views)` or `execute(node, FrameRanges, views)`."""
        node = self._node(what)
        if isinstance(start, (FrameRanges, FrameRange)):
            frames, views = _frames([start]), views if views is not None else end
        else:
            first = node.firstFrame() if start is None else start
            frames = list(range(int(first), int(first if end is None else end) + 1, incr))
        self._run([node], frames, _views(views, self.script), continueOnError)

    def execute_multiple(
        self,
        nodes: Sequence[Any],
        ranges: Any = (),
        views: Any = None,
        continueOnError: bool = False,
    ) -> None:
        """All nodes frame by frame, in the order of their `render_order`."""
        found = sorted((self._node(node) for node in nodes), key=lambda node: node["render_order"].value())
        frames = [f for first, last, step in ranges for f in range(int(first), int(last) + 1, int(step))]
        self._run(found, frames, _views(views, self.script), continueOnError)

    def _node(self, what: Any) -> Any:
        node = self.script.at(what) if isinstance(what, str) else what
        if node is None or not hasattr(node, "_class"):
            raise NotInNuke(f"execute takes a node or its name, got {what!r}")
        if node._class != "Write":
            raise NotInNuke(f"{node._full()} is a {node._class}: a Write is what can be executed")
        self.script.alive(node)
        return node

    def _run(self, nodes: List[Any], frames: List[int], views: List[str], go_on: bool) -> None:
        before, done, failure = self.script.frame, 0, None
        for node in nodes:
            self.script.tell("BeforeRender", node)
        try:
            for frame in frames:
                for node in nodes:
                    if node["use_limit"].value() and not node["first"].value() <= frame <= node["last"].value():
                        continue
                    if self.cancel_after is not None and done >= self.cancel_after:
                        raise Cancelled("Cancelled")
                    self.script.frame = float(frame)
                    self.script.tell("BeforeFrameRender", node)
                    try:
                        for view in views:
                            self._frame(node, frame, view)
                    except RenderError as error:
                        failure = failure or error
                        if not go_on:
                            raise
                    self.script.tell("AfterFrameRender", node)
                    done += 1
        finally:
            self.script.frame = before
        for node in nodes:
            self.script.tell("AfterRender", node)
        if failure:
            raise failure

    def _frame(self, node: Any, frame: int, view: str) -> None:
        if node["file_type"].value() != "exr":
            raise NotModelled(f"{node._full()}: file_type {node['file_type'].value()!r}, the fake writes exr")
        if not node["raw"].value() and node["colorspace"].value() not in ("default", "linear", "scene_linear"):
            raise NotModelled(f"{node._full()}: colorspace {node['colorspace'].value()}, raw or linear only")
        for name in ("write_ACES_compliant_EXR", "premultiplied"):
            if node[name].value():
                raise NotModelled(f"{node._full()}: {name}")
        if node["interleave"].value() != "channels, layers and views":
            raise NotModelled(f"{node._full()}: interleave {node['interleave'].value()}")
        number = round(sequence_frame(node, float(frame)))
        path = expand(node["file"].evaluate(float(frame)), number, view)
        folder = os.path.dirname(path)
        if not path:
            raise RenderError(f"{node._full()}: no file name")
        if not os.path.isdir(folder):
            if not node["create_directories"].value():
                raise RenderError(f"{node._full()}: {path}: No such file or directory")
            os.makedirs(folder, exist_ok=True)
        picture = self.script.renderer.picture(node, float(frame), view)
        names = self.script.layers.channels(node["channels"].value(), list(picture.channels))
        picture = replace(picture, channels={name: picture.plane(name, picture.box) for name in names})
        picture = self._proxy(_autocropped(picture) if node["autocrop"].value() else picture)
        exr.write(
            path,
            picture,
            half=node["datatype"].value() == "16 bit half",
            compression=node["compression"].value(),
            extra=_attributes(node["metadata"].value(), picture.metadata),
        )
        self.written.append(path)

    def _proxy(self, picture: Picture) -> Picture:
        """With proxy mode on, Nuke renders small: forgetting to switch it off must show."""
        root = self.script.root
        if not root["proxy"].value():
            return picture
        if root["proxy_type"].value() != "scale":
            raise NotModelled("a proxy by format")
        step = round(1 / root["proxy_scale"].value())
        size = Size(max(picture.format.width // step, 1), max(picture.format.height // step, 1))
        box = Bounds(*(edge // step for edge in picture.box))
        height, width = box.shape
        small = {name: values[::step, ::step][:height, :width] for name, values in picture.channels.items()}
        return replace(picture, format=size, box=box, channels=small)


def _views(views: Any, script: Any) -> List[str]:
    found = list(script.views) if not views else [views] if isinstance(views, str) else list(views)
    for view in found:
        if view not in script.views:
            raise NotInNuke(f"there is no view {view!r}: {script.views}")
    return found


def _frames(ranges: Iterable[Any]) -> List[int]:
    return sorted(
        {frame for each in ranges for frame in (each.toFrameList() if hasattr(each, "toFrameList") else each)}
    )


def _autocropped(picture: Picture) -> Picture:
    there = sum((values != 0).astype(int) for values in picture.channels.values())
    rows, columns = there.any(axis=1).nonzero()[0], there.any(axis=0).nonzero()[0]
    if not len(rows):
        return picture.over(Bounds(0, 0, 1, 1))
    x, y = picture.box.x, picture.box.y
    return picture.over(Bounds(x + columns[0], y + rows[0], x + columns[-1] + 1, y + rows[-1] + 1))


def _attributes(mode: str, metadata: Dict[str, Any]) -> Dict[str, Any]:
    """What of the metadata goes into the file. The timecode and rate of `default metadata` are not modelled."""
    if mode in ("no metadata", "default metadata"):
        return {}
    simple = {name: value for name, value in metadata.items() if isinstance(value, (str, int, float))}
    found = {name[4:]: value for name, value in simple.items() if name.startswith("exr/")}
    for name, value in simple.items():
        if not name.startswith("exr/") and (
            mode == "all metadata" or (mode[:9] == "all metad" and name[:6] != "input/")
        ):
            found[f"nuke/{name}"] = value
    return found
