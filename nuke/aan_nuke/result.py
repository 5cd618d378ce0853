"""Shows the result in the node: the internal Read, the solved frames, the versions, and the baked Read.

Frames arrive while the artist works. So nothing here waits for the engine, makes an undo step or marks a saved script
as modified.
"""

from __future__ import annotations

from typing import List, Sequence

import nuke

from . import paths, versions
from .host.errors import HostError
from .knobs import NO_VERSION
from .no_undo import without_undo


def cache_folder(node: nuke.Node) -> str:
    """The node's folder on disk; empty if it has none yet."""
    return str(node["cache_folder"].evaluate() or "").rstrip("/")


def show_version(node: nuke.Node, version: versions.ResultVersion, *, span: Sequence[int] = ()) -> None:
    """Show this version; `span` are frames that are expected."""
    views = nuke.views()
    text = paths.for_knob(versions.frame_pattern(cache_folder(node), version.name, views, "%V"))
    read = node.node("Result")
    with without_undo():
        _update_version_menu(node, version.name)
        if read["file"].value() != text:
            read["file"].setValue(text)
        node["reach"].setValue(version.reach)
        node["patched"].setValue(version.patch)
        if node.knob("layered") is not None:  # a script from before this knob existed has the node without it
            node["layered"].setValue(version.layered)
        _extend_range(read, span)
    update_solved(node)


def update_solved(node: nuke.Node) -> List[int]:
    """Update the curve `solved` from the files on disk; returns the solved frames."""
    found = (
        versions.complete_frames(cache_folder(node), shown_version(node), nuke.views())
        if cache_folder(node) and shown_version(node)
        else []
    )
    read = node.node("Result")
    with without_undo():
        solved = node["solved"]
        text = solved_curve(found)
        if solved.toScript() != text:
            solved.fromScript(text)
        _extend_range(read, found)
    return found


def _extend_range(read: nuke.Node, frames: Sequence[int]) -> None:
    """Extend the Read's range to these frames. It never shrinks: each change clears Nuke's cache of it."""
    if not frames:
        return
    first, last = int(read["first"].value()), int(read["last"].value())
    unset = first == last  # a new node's range
    wanted = (frames[0], frames[-1]) if unset else (min(first, frames[0]), max(last, frames[-1]))
    if wanted != (first, last):
        for name, value in zip(("first", "last", "origfirst", "origlast"), wanted * 2):
            read[name].setValue(value)


def reload_read(node: nuke.Node) -> None:
    """Reload the Read: it caches files, and also that a file was missing."""
    with without_undo():
        node.node("Result")["reload"].execute()


def shown_version(node: nuke.Node) -> str:
    """The version that is shown; empty for none."""
    name = node["version"].value()
    return "" if name == NO_VERSION else str(name)


def sync_with_disk(node: nuke.Node) -> None:
    """Show what is on disk: after a script was opened, or the folder changed."""
    there = versions.list_versions(cache_folder(node)) if cache_folder(node) else []
    name = shown_version(node)
    if name not in there:
        name = there[-1] if there else ""
    if name:
        show_version(node, versions.read_version(cache_folder(node), name))
    else:
        with without_undo():
            _update_version_menu(node, NO_VERSION)
        update_solved(node)
    update_disk_usage(node)


def update_disk_usage(node: nuke.Node) -> None:
    """Update the knob `size`."""
    files, size = versions.disk_usage(cache_folder(node)) if cache_folder(node) else (0, 0)
    text = f"{files} files, {size / 1e6:.1f} MB" if files else "nothing"
    if node["size"].value() != text:
        with without_undo():
            node["size"].setValue(text)


def solved_curve(frames: List[int]) -> str:
    """A curve that is 1 at these frames and 0 at all others, as a knob's script text."""
    keys = {}
    for first, last in paths.frame_ranges(frames):
        keys.update({first - 1: 0, first: 1, last: 1, last + 1: 0})
    for first, last in paths.frame_ranges(frames):
        keys.update({first: 1, last: 1})
    return "{curve K %s}" % " ".join(f"x{at} {value}" for at, value in sorted(keys.items())) if keys else "0"


def bake(node: nuke.Node) -> nuke.Node:
    """Make a Read of the shown version beside the node; for a patch, also a Merge over the plate.

    Raises:
        HostError: when there is no result.
    """
    frames = update_solved(node)
    if not frames:
        raise HostError("there is nothing to bake yet", hint="Solve first.")
    views = nuke.views()
    text = paths.for_knob(versions.frame_pattern(cache_folder(node), shown_version(node), views, "%V"))
    with node.parent():
        read = nuke.nodes.Read(name=f"{node.name()}_{shown_version(node)}", raw=True, file_type="exr")
        for name, value in zip(("first", "last", "origfirst", "origlast"), (frames[0], frames[-1]) * 2):
            read[name].setValue(value)
        read["file"].setValue(text)
        read.setXYpos(node.xpos() + 110, node.ypos())
        if not node["patched"].value():
            return read
        merge = nuke.nodes.Merge2(inputs=[node.input(0), read], bbox="B", name=f"{node.name()}_over")
        merge.setXYpos(node.xpos() + 110, node.ypos() + 80)
        return merge


def _update_version_menu(node: nuke.Node, name: str) -> None:
    """Have the knob `version` list the versions on disk, and select this one."""
    knob = node["version"]
    there = versions.list_versions(cache_folder(node)) if cache_folder(node) else []
    wanted = [*there, *([] if name in there else [name])]
    if knob.values() != wanted:
        knob.setValues(wanted)
    if knob.value() != name:
        knob.setValue(name)
