"""Finds out whether an input is an unprocessed Read, whose own files can be handed to the engine."""

from __future__ import annotations

import os
from typing import Iterator, List, NamedTuple, Optional

import nuke

from . import paths
from .host.errors import HostError
from .host.sequence import expand, has_siblings

LINEAR_SPACES = ("linear", "scene_linear")


class ReadFiles(NamedTuple):
    """The files of a Read; `first` .. `last` are the frames that the Read shows.

    `auto_alpha` says that the Read adds an alpha channel which is not in the files.
    """

    pattern: str
    first: int
    last: int
    auto_alpha: bool


def files_of_input(node: nuke.Node, number: int, *, view: str) -> Optional[ReadFiles]:
    """The files of input `number`, or None when it must be rendered."""
    read = read_node_above(node, number)
    if read is None or not _is_unprocessed(read):
        return None
    if len(nuke.views()) > 1 and not paths.has_view(read["file"].value()):
        return None  # one file for all views: it is rendered for each
    first, last = int(read["first"].value()), int(read["last"].value())
    text = paths.sequence_pattern(read["file"].value(), read["file"].evaluate, frame=nuke.frame())
    text = _absolute(paths.for_view(text, view))
    try:
        expand(text)
    except HostError:
        return None  # the render will show Nuke's own error
    return ReadFiles(text, first, last, bool(read["auto_alpha"].value()))


def is_trimmed(files: ReadFiles) -> bool:
    """Whether the Read shows fewer frames than there are on disk."""
    frames = [frame for frame, _ in expand(files.pattern)]
    return len(frames) > 1 and (frames[0] < files.first or frames[-1] > files.last)


def covers_frames(files: ReadFiles, frames: List[int]) -> bool:
    """Whether the files are what the Read shows at each of these frames.

    Outside its files a Read holds, loops or is black. The engine takes one file of a sequence for the whole sequence,
    so a Read that holds it does not show the same.
    """
    found = expand(files.pattern)
    if len(found) == 1:
        return not has_siblings(found[0][1])
    return set(frames) <= {frame for frame, _ in found} and not is_trimmed(files)


def matte_pattern(files: ReadFiles) -> str:
    """The files as the engine's matte: a single file goes by its own name, so that it is held over the shot."""
    found = expand(files.pattern)
    return found[0][1] if len(found) == 1 else files.pattern


def read_node_above(node: nuke.Node, number: int) -> Optional[nuke.Node]:
    """The Read above an input, when only wires, dots and disabled nodes are between."""
    above = node.input(number)
    for _ in range(100):
        if above is None or above.Class() == "Read":
            return above
        if above.Class() == "Input":
            group = above.parent()
            above = group.input(int(above["number"].value()))
        elif above.Class() == "Dot" or _is_disabled(above):
            above = above.input(0)
        else:
            return None
    return None


def upstream_reads(node: nuke.Node) -> Iterator[nuke.Node]:
    """All Reads upstream of a node."""
    seen: List[str] = []
    waiting: List[Optional[nuke.Node]] = [node]
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


def _is_disabled(node: nuke.Node) -> bool:
    knob = node.knob("disable") if node.Class() != "Root" else None
    return bool(knob and knob.value() and not knob.isAnimated() and not knob.hasExpression())


def _is_unprocessed(read: nuke.Node) -> bool:
    """Whether the Read outputs the files' frame numbers, pixels and colours unchanged."""
    if _is_disabled(read) or read["premultiplied"].value() or str(read["frame"].value()).strip():
        return False
    return os.path.splitext(read["file"].value())[1].lower() == ".exr" and (read["raw"].value() or _is_linear(read))


def _is_linear(read: nuke.Node) -> bool:
    """Whether the Read's colour space is Nuke's working space. If unknown, no: the input is rendered then."""
    root = nuke.root()
    space = str(read["colorspace"].value())
    if space.startswith("default (") and space.endswith(")"):
        space = space[len("default (") : -1]
    if root["colorManagement"].value() == "Nuke":
        return space in LINEAR_SPACES or (space == "default" and root["floatLut"].value() in LINEAR_SPACES)
    return space in (*LINEAR_SPACES, root["workingSpaceLUT"].value())


def _absolute(path: str) -> str:
    if os.path.isabs(path):
        return path
    return paths.with_slashes(os.path.join(nuke.root()["project_directory"].evaluate() or os.getcwd(), path))
