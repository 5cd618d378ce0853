"""Whether what is plugged into the node is a Read that nothing touches: then its own files go to the engine."""

from __future__ import annotations

import os
from typing import Any, Iterator, List, NamedTuple, Optional

import nuke

from . import paths
from .host.errors import HostError
from .host.sequence import expand

LINEAR = ("linear", "scene_linear")


class OwnFiles(NamedTuple):
    """The files of an untouched Read. `first` .. `last` is what the Read shows of them.

    `alpha_made` says that the Read adds an alpha which is not in the files.
    """

    pattern: str
    first: int
    last: int
    alpha_made: bool


def own_files(node: Any, place: int, *, view: str) -> Optional[OwnFiles]:
    """The files behind input `place`, or None when the picture must be rendered."""
    read = reader(node, place)
    if read is None or not _plain(read):
        return None
    if len(nuke.views()) > 1 and not paths.has_view(read["file"].value()):
        return None  # one file for all views: each gets its own
    first, last = int(read["first"].value()), int(read["last"].value())
    text = paths.pattern(read["file"].value(), read["file"].evaluate, frame=nuke.frame())
    text = _absolute(paths.for_view(text, view))
    try:
        expand(text)
    except HostError:
        return None  # let Nuke say what it cannot read
    return OwnFiles(text, first, last, bool(read["auto_alpha"].value()))


def trimmed(files: OwnFiles) -> bool:
    """Whether the Read shows less than there is on disk."""
    frames = [frame for frame, _ in expand(files.pattern)]
    return len(frames) > 1 and (frames[0] < files.first or frames[-1] > files.last)


def covers(files: OwnFiles, frames: List[int]) -> bool:
    """Whether these files say of each frame what the Read shows: outside of them a Read holds, loops or is black."""
    there = [frame for frame, _ in expand(files.pattern)]
    return len(there) == 1 or (set(frames) <= set(there) and not trimmed(files))


def reader(node: Any, place: int) -> Optional[Any]:
    """The Read above an input, when nothing but wires, dots and disabled nodes lies between."""
    above = node.input(place)
    for _ in range(100):
        if above is None or above.Class() == "Read":
            return above
        if above.Class() == "Input":
            group = above.parent()
            above = group.input(int(above["number"].value()))
        elif above.Class() == "Dot" or _disabled(above):
            above = above.input(0)
        else:
            return None
    return None


def above(node: Any) -> Iterator[Any]:
    """Every Read that a picture may come from."""
    seen: List[str] = []
    waiting = [node]
    while waiting:
        each = waiting.pop()
        if each is None or each.fullName() in seen:
            continue
        seen.append(each.fullName())
        if each.Class() == "Read":
            yield each
        elif each.Class() == "Input":
            waiting.append(each.parent().input(int(each["number"].value())))
        elif each.Class() in ("Group", "Gizmo"):
            waiting.append(each.output())
        else:
            waiting += each.dependencies()


def _disabled(node: Any) -> bool:
    knob = node.knob("disable") if node.Class() != "Root" else None
    return bool(knob and knob.value() and not knob.isAnimated() and not knob.hasExpression())


def _plain(read: Any) -> bool:
    """Whether the files' numbers, pixels and colours are what the tree gets."""
    if _disabled(read) or read["premultiplied"].value() or str(read["frame"].value()).strip():
        return False
    return os.path.splitext(read["file"].value())[1].lower() == ".exr" and (read["raw"].value() or _linear(read))


def _linear(read: Any) -> bool:
    """Whether the Read's colour space is the one that Nuke works in. What cannot be told is rendered."""
    root = nuke.root()
    word = str(read["colorspace"].value())
    if word.startswith("default (") and word.endswith(")"):
        word = word[len("default (") : -1]
    if root["colorManagement"].value() == "Nuke":
        return word in LINEAR or (word == "default" and root["floatLut"].value() in LINEAR)
    return word in (*LINEAR, root["workingSpaceLUT"].value())


def _absolute(path: str) -> str:
    if os.path.isabs(path):
        return path
    return paths.slashed(os.path.join(nuke.root()["project_directory"].evaluate() or os.getcwd(), path))
