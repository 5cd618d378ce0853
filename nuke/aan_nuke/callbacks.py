"""The node's callbacks: onCreate, onDestroy and knobChanged. Saved scripts call them, also by the names in `node`.

Nuke calls them often and in the middle of other work. Therefore they are cheap, may be re-entered, and use no network;
at most they start the timer.
"""

from __future__ import annotations

import functools
import traceback
from typing import Callable, List

import nuke

from . import engine_timer, result, versions
from .host.errors import HostError
from .no_undo import without_undo

MARKER_KNOB = "align_attend"


def align_attend_nodes() -> List[nuke.Node]:
    """All Align & Attend nodes in the script."""
    return [node for node in nuke.allNodes("Group", nuke.root(), True) if node.knob(MARKER_KNOB) is not None]


def _log_errors(callback: Callable[..., None]) -> Callable[..., None]:
    """Print a callback's errors in the terminal instead of raising them, so that scripts can be opened."""

    @functools.wraps(callback)
    def guarded(*args: object) -> None:
        try:
            callback(*args)
        except (HostError, OSError, RuntimeError, ValueError, ImportError):
            nuke.tprint(traceback.format_exc())

    return guarded


@_log_errors
def on_create(node: nuke.Node) -> None:
    """The node was created, loaded with a script, pasted, or restored by undo."""
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
def on_destroy(node: nuke.Node) -> None:
    """The node was deleted or the script closed. The job goes on; it is found again when the node comes back."""
    engine_timer.forget(node)


@_log_errors
def on_knob_changed(node: nuke.Node, knob: nuke.Knob) -> None:
    """A knob was changed, by the artist or by Python."""
    name = knob.name()
    if name == "showPanel":
        _panel_opened(node)
    elif name == "hidePanel":
        engine_timer.stop_showing_engine_state(node)
    elif name == "engine":
        engine_timer.use_engine_of(node)
    elif name == "version" and result.shown_version(node) and result.cache_folder(node):
        result.show_version(node, versions.read_version(result.cache_folder(node), result.shown_version(node)))


def _panel_opened(node: nuke.Node) -> None:
    try:
        engine_timer.engine_monitor()
    except HostError as error:
        if node["engine_state"].value() != str(error):
            with without_undo():
                node["engine_state"].setValue(str(error))
    else:
        engine_timer.show_engine_state(node)


def _reconnect(node: nuke.Node) -> None:
    """Reconnect to the jobs that the script was saved with, unless all their frames are on disk."""
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


def _is_copy(node: nuke.Node) -> bool:
    """Whether another node has the same folder. Two nodes must not write into one."""
    mine = result.cache_folder(node)
    return any(other != node and result.cache_folder(other) == mine for other in align_attend_nodes())
