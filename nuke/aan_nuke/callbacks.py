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
from .no_undo import without_undo

MARKER_KNOB = "align_attend"


def align_attend_nodes() -> List[Any]:
    """Every node of ours in the script."""
    return [node for node in nuke.allNodes("Group", nuke.root(), True) if node.knob(MARKER_KNOB) is not None]


def _log_errors(callback: Callable[..., None]) -> Callable[..., None]:
    """What goes wrong in a hook is told in the terminal; the artist's script must not stumble over it."""

    @functools.wraps(callback)
    def guarded(*args: Any) -> None:
        try:
            callback(*args)
        except (HostError, OSError, RuntimeError, ValueError, ImportError):
            nuke.tprint(traceback.format_exc())

    return guarded


@_log_errors
def on_create(node: Any) -> None:
    """Made, loaded with a script, pasted, or brought back by undo."""
    if not result.cache_folder(node):
        return
    if _is_copy(node):
        with without_undo():
            node["cache_folder"].setValue("")
            node["job"].setValue("")
        return
    result.sync_with_disk(node)
    if nuke.GUI and node["job"].value():
        _reconnect(node)


@_log_errors
def on_destroy(node: Any) -> None:
    """Deleted, or the script is closed: the job goes on, and is found again if the node comes back."""
    engine_timer.forget(node)


@_log_errors
def on_knob_changed(node: Any, knob: Any) -> None:
    """A knob changed, whoever did it."""
    name = knob.name()
    if name == "showPanel":
        _panel_opened(node)
    elif name == "hidePanel":
        engine_timer.stop_showing_engine_state(node)
    elif name == "engine":
        engine_timer.use_engine_of(node)
    elif name == "version" and result.shown_version(node) and result.cache_folder(node):
        result.show_version(node, versions.read_version(result.cache_folder(node), result.shown_version(node)))


def _panel_opened(node: Any) -> None:
    try:
        engine_timer.engine_monitor()
    except HostError as error:
        if node["engine_state"].value() != str(error):
            with without_undo():
                node["engine_state"].setValue(str(error))
    else:
        engine_timer.show_engine_state(node)


def _reconnect(node: Any) -> None:
    """Go on with the job that the script was saved with, unless everything of it is there."""
    try:
        engine_timer.engine_monitor()
        from .node_job import decode_jobs, incomplete
    except HostError as error:
        with without_undo():
            node["state"].setValue(str(error))
        return
    handles = incomplete(decode_jobs(node["job"].value()))
    if handles:
        engine_timer.reconnect_job(node, handles)
    else:
        with without_undo():
            node["job"].setValue("")
            node["state"].setValue("Finished")


def _is_copy(node: Any) -> bool:
    """Whether another node has the same folder: two must not write into one."""
    mine = result.cache_folder(node)
    return any(other != node and result.cache_folder(other) == mine for other in align_attend_nodes())
