"""Renders the node's inputs for the engine with its internal Writes: only frames whose picture changed.

The files are in `<cache>/plates`. Beside each sequence, a small JSON file has the hash of each rendered frame.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Dict, List, NamedTuple, Optional, Tuple

import nuke

from . import paths, read_files, versions
from .host.errors import HostError
from .host.sequence import frame_path

HALF_METADATA = ("16-bit half float", "8-bit fixed", "10-bit fixed", "12-bit fixed")


class NodeInput(NamedTuple):
    """An input of the node: its number, its name in file names and messages, and the nodes inside that belong to it."""

    number: int
    name: str
    write_node: str
    input_node: str


PLATE = NodeInput(0, "plate", "PlateOut", "plate")
MATTE = NodeInput(1, "matte", "MatteOut", "matte")
CLEAN = NodeInput(2, "clean", "CleanOut", "clean_plate")
HOLDOUT = NodeInput(3, "holdout", "HoldoutOut", "holdout")


def render(node: nuke.Node, source: NodeInput, frames: List[int], *, view: str, folder: str) -> str:
    """Render the frames that are missing or outdated; returns the files' pattern. Proxy mode has to be off.

    Raises:
        HostError: when Nuke cannot render them, or the artist cancelled.
    """
    folder = f"{folder}/{versions.RENDER_FOLDER}/{view}"
    pattern = f"{folder}/{source.name}.####.exr"
    write = node.node(source.write_node)
    if source is PLATE:
        write["datatype"].setValue(_datatype(node, all_channels=write["channels"].value() == "all"))
    states = _frame_states(node, source, frames, settings=_render_settings(node, write))
    known = _read_states(folder, source)
    stale = [f for f in frames if known.get(str(f)) != states[f] or not os.path.exists(frame_path(pattern, f))]
    if stale:
        _write_states(folder, source, {f: state for f, state in known.items() if int(f) not in stale})
        _execute_write(write, pattern, stale, view)
        _write_states(folder, source, {**known, **{str(f): states[f] for f in stale}})
    return pattern


def unify_bounding_box(node: nuke.Node, frames: List[int]) -> None:
    """Where the plate's bounding box changes, crop every frame to the union: the engine needs one for all."""
    plate, crop = node.node("plate"), node.node("Window")
    boxes = []
    for frame in frames:
        nuke.frame(frame)
        box = plate.bbox()
        boxes.append((box.x(), box.y(), box.r(), box.t()))
    if len(set(boxes)) < 2:
        crop["disable"].setValue(True)
        return
    width, height = plate.width(), plate.height()
    x, y, r, t = (pick(sides) for pick, sides in zip((min, min, max, max), zip(*boxes)))
    union = [max(x, -width), max(y, -height), min(r, 2 * width), min(t, 2 * height)]
    crop["box"].setValue([float(side) for side in union])
    crop["disable"].setValue(False)


def _datatype(node: nuke.Node, *, all_channels: bool) -> str:
    """The pixel type of rendered plates. A Write has one for all channels, and half is too little for depth and ids."""
    chosen = node["depth"].value()
    if chosen == "as the plate":
        bits = node.node("plate").metadata("input/bitsperchannel")
        chosen = "half" if bits in HALF_METADATA and not all_channels else "float"
    return "16 bit half" if chosen == "half" else "32 bit float"


def _render_settings(node: nuke.Node, write: nuke.Node) -> str:
    """All that affects a rendered picture beside the nodes above it."""
    plate, crop = node.node("plate"), node.node("Window")
    box = "" if crop["disable"].value() else crop["box"].toScript()
    channel = node.node("MatteIn")["from0"].value()
    channels = f"{write['channels'].value()} {channel}"
    return f"{write['datatype'].value()} {box} {channels} {plate.width()} {plate.height()}"


def _frame_states(node: nuke.Node, source: NodeInput, frames: List[int], *, settings: str) -> Dict[int, str]:
    """A hash for each frame, of Nuke's own hash, the files' size and time, and the render settings."""
    input_node = node.node(source.input_node)
    reads = list(read_files.upstream_reads(input_node))
    found = {}
    for frame in frames:
        nuke.frame(frame)
        files = [_file_stamp(nuke.filename(read, nuke.REPLACE)) for read in reads]
        text = f"{input_node.opHashes()} {files} {settings}"
        found[frame] = hashlib.sha1(text.encode("utf-8", "surrogateescape")).hexdigest()
    return found


def _file_stamp(path: Optional[str]) -> Optional[Tuple[int, int]]:
    try:
        info = os.stat(path or "")
    except OSError:
        return None
    return info.st_size, info.st_mtime_ns


def _execute_write(write: nuke.Node, pattern: str, frames: List[int], view: str) -> None:
    ranges = nuke.FrameRanges(" ".join(f"{first}-{last}" for first, last in paths.frame_ranges(frames)))
    write["file"].setValue(paths.for_knob(pattern))
    write["disable"].setValue(False)
    try:
        nuke.execute(write, ranges, [view])
    except RuntimeError as error:
        if "ancel" in str(error):
            raise HostError("stopped while the plates were rendered", hint="Nothing was handed over.") from None
        raise HostError(f"Nuke cannot render {write.name()}: {error}", hint="Look at what is plugged in.") from None
    finally:
        write["disable"].setValue(True)


def _state_file(folder: str, source: NodeInput) -> str:
    return f"{folder}/{source.name}.json"


def _read_states(folder: str, source: NodeInput) -> Dict[str, str]:
    try:
        with open(_state_file(folder, source), encoding="ascii") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_states(folder: str, source: NodeInput, states: Dict[str, str]) -> None:
    try:
        os.makedirs(folder, exist_ok=True)
        with open(_state_file(folder, source), "w", encoding="ascii") as file:
            json.dump(states, file)
    except OSError as error:
        raise HostError(f"{folder} cannot be written to ({error.strerror})", hint="Choose another folder.") from None
