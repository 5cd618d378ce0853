"""What the node's own hooks do: when it is created, loaded or pasted, when a knob changes, when it goes.

Hooks run often and in the midst of other things: they are cheap, may be called again inside themselves, and touch no
network; at most they have the timer run.
"""

from __future__ import annotations

import functools
import traceback
from typing import Any, Callable, List

import nuke

from . import engine_timer, result, versions
from .host.errors import HostError
from .no_undo import quietly

OWN = "align_attend"


def ours() -> List[Any]:
    """Every node of ours in the script."""
    return [node for node in nuke.allNodes("Group", nuke.root(), True) if node.knob(OWN) is not None]


def _told(work: Callable[..., None]) -> Callable[..., None]:
    """What goes wrong in a hook is told in the terminal; the artist's script must not stumble over it."""

    @functools.wraps(work)
    def guarded(*args: Any) -> None:
        try:
            work(*args)
        except (HostError, OSError, RuntimeError, ValueError, ImportError):
            nuke.tprint(traceback.format_exc())

    return guarded


@_told
def created(node: Any) -> None:
    """Made, loaded with a script, pasted, or brought back by undo."""
    if not result.folder(node):
        return
    if _is_copy(node):
        with quietly():
            node["cache_folder"].setValue("")
            node["job"].setValue("")
        return
    result.catch_up(node)
    if nuke.GUI and node["job"].value():
        _find_again(node)


@_told
def destroyed(node: Any) -> None:
    """Deleted, or the script is closed: the job goes on, and is found again if the node comes back."""
    engine_timer.let_go(node)


@_told
def changed(node: Any, knob: Any) -> None:
    """A knob changed, whoever did it."""
    name = knob.name()
    if name == "showPanel":
        _open(node)
    elif name == "hidePanel":
        engine_timer.unwatch(node)
    elif name == "engine":
        engine_timer.choose(node)
    elif name == "version" and result.shown(node) and result.folder(node):
        result.show(node, versions.read(result.folder(node), result.shown(node)))


def _open(node: Any) -> None:
    try:
        engine_timer.contact()
    except HostError as error:
        if node["engine_state"].value() != str(error):
            with quietly():
                node["engine_state"].setValue(str(error))
    else:
        engine_timer.watch(node)


def _find_again(node: Any) -> None:
    """Go on with the job that the script was saved with, unless everything of it is there."""
    try:
        engine_timer.contact()
        from .node_job import lacking, unpacked
    except HostError as error:
        with quietly():
            node["state"].setValue(str(error))
        return
    tickets = lacking(unpacked(node["job"].value()))
    if tickets:
        engine_timer.find_again(node, tickets)
    else:
        with quietly():
            node["job"].setValue("")
            node["state"].setValue("Finished")


def _is_copy(node: Any) -> bool:
    """Whether another node has the same folder: two must not write into one."""
    mine = result.folder(node)
    return any(other != node and result.folder(other) == mine for other in ours())
