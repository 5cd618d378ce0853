"""The actions of the node's buttons, each under its knob's name. Errors are shown as messages, never as tracebacks."""

from __future__ import annotations

import os
import secrets
import tempfile
from dataclasses import replace
from typing import Callable, Dict, List

import nuke

from . import engine_timer, paths, result, versions
from .host.errors import HostError
from .no_undo import without_undo


def press(name: str, node: nuke.Node) -> None:
    """Run a button's action. Saved scripts call this. In terminal mode errors are raised, so that farms see them."""
    try:
        ACTIONS[name](node)
    except HostError as error:
        with without_undo():
            node["state"].setValue(str(error))
        if not nuke.GUI:
            raise RuntimeError(f"{node.name()}: {error}") from None
        nuke.message(f"{node.name()}: {error}")


def from_plate(node: nuke.Node) -> None:
    """Set the range to the plate's."""
    plate = node.input(0)
    if plate is None:
        raise HostError("nothing is plugged into the input plate", hint="Plug it in.")
    for name, frame in (("first", plate.firstFrame()), ("last", plate.lastFrame())):
        node[name].clearAnimated()
        node[name].setValue(int(frame))


def preview(node: nuke.Node) -> None:
    """Solve the current frame."""
    _solve(node, nuke.frame(), nuke.frame(), preview=True)


def solve(node: nuke.Node) -> None:
    """Solve the whole range, into a new version."""
    _solve(node, *_range(node))


def solve_missing(node: nuke.Node) -> None:
    """Solve the frames of the range that the shown version lacks."""
    shown = result.shown_version(node)
    _solve(node, *_range(node), into="" if shown == versions.PREVIEW else shown)


def cancel(node: nuke.Node) -> None:
    """Cancel the node's job."""
    job = engine_timer.job_of(node)
    if job is None or job.closed:
        raise HostError("nothing is being cleaned here")
    job.cancel()


def next_worst(node: nuke.Node) -> None:
    """Go to the next of the worst frames."""
    text = str(node["worst"].value()).strip()
    try:
        frames = [int(word) for word in text.split()]
    except ValueError:
        raise HostError(text) from None
    if not frames:
        raise HostError("nothing is solved yet", hint="Solve the range first.")
    here = frames.index(nuke.frame()) if nuke.frame() in frames else -1
    nuke.frame(frames[(here + 1) % len(frames)])


def refresh(node: nuke.Node) -> None:
    """Show what is on disk."""
    result.sync_with_disk(node)
    result.reload_read(node)


def clear(node: nuke.Node) -> None:
    """Delete all files of this node."""
    _check_idle(node)
    folder = result.cache_folder(node)
    files, size = versions.disk_usage(folder) if folder else (0, 0)
    if files and nuke.GUI and not nuke.ask(f"Delete {files} files ({size / 1e6:.1f} MB) in {folder}?"):
        return
    if folder:
        versions.delete_files(folder)
    result.sync_with_disk(node)


def bake(node: nuke.Node) -> None:
    """Make a Read of the result."""
    result.bake(node)


ACTIONS: Dict[str, Callable[[nuke.Node], None]] = {
    action.__name__: action
    for action in (from_plate, preview, solve, solve_missing, cancel, next_worst, refresh, clear, bake)
}


def _range(node: nuke.Node) -> tuple[int, int]:
    return int(node["first"].value()), int(node["last"].value())


def _check_idle(node: nuke.Node) -> None:
    job = engine_timer.job_of(node)
    if job is not None and job.active:
        raise HostError(f"{node.name()} is being cleaned already", hint="Cancel it first.")


def _solve(node: nuke.Node, first: int, last: int, *, preview: bool = False, into: str = "") -> None:
    """Prepare the jobs and start them. `into` is the version to be completed; without it a new one is made."""
    from . import job_spec
    from .host.job_handle import JobHandle

    _check_idle(node)
    engine_timer.engine_monitor()  # fails before anything is rendered
    folder = _cache_folder(node)
    view_jobs = job_spec.view_jobs(node, first, last, folder=folder)
    views = nuke.views()
    patch, layered = view_jobs[0].spec.write in job_spec.PATCHES, job_spec.fills_layers(node)
    reach = job_spec.reach(node)
    version = versions.ResultVersion(into, reach, patch, layered)
    if not into:
        version = versions.create_version(folder, reach=reach, patch=patch, layered=layered, preview=preview)
    else:
        version = versions.extend_version(folder, version)
    handles: List[JobHandle] = []
    for view_job in view_jobs:
        existing = versions.frames_of_view(folder, version.name, views, view_job.view) if into else []
        output = versions.frame_pattern(folder, version.name, views, view_job.view)
        for first_frame, last_frame in paths.frame_ranges(
            [frame for frame in view_job.frames if frame not in existing]
        ):
            handles.append(JobHandle(replace(view_job.spec, first=first_frame, last=last_frame), output))
    if not handles:
        raise HostError(f"{version.name} lacks no frame of {first} - {last}")
    nuke.root().setModified(True)
    result.show_version(node, version, span=view_jobs[0].frames)
    engine_timer.start_job(node, handles)


def _cache_folder(node: nuke.Node) -> str:
    """The node's folder; one beside the script is chosen when it is first needed."""
    folder = result.cache_folder(node)
    if folder:
        return folder
    script = str(nuke.root()["name"].value())
    base = (
        os.path.dirname(os.path.abspath(script)) if script else os.environ.get("NUKE_TEMP_DIR") or tempfile.gettempdir()
    )
    stem = os.path.splitext(os.path.basename(script))[0] if script else "unsaved"
    folder = "/".join((paths.with_slashes(base), "align_attend", stem, f"{node.name()}_{secrets.token_hex(3)}"))
    node["cache_folder"].setValue(paths.for_knob(folder))
    return folder
