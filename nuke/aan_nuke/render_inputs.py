"""Plates and mattes rendered for the engine by the node's internal Writes: only frames whose picture changed.

What is written lies under `<cache>/plates`; beside each sequence a small JSON file says, frame by frame, which state
of the tree it shows.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Tuple

import nuke

from . import paths, read_files, versions
from .host.errors import HostError
from .host.sequence import frame_path

HALVES = ("16-bit half float", "8-bit fixed", "10-bit fixed", "12-bit fixed")


class Roll(NamedTuple):
    """A picture that can be sent: which input, and the names of the nodes that write it."""

    place: int
    word: str
    write: str
    entrance: str


PLATE = Roll(0, "plate", "PlateOut", "plate")
MATTE = Roll(1, "matte", "MatteOut", "matte")
CLEAN = Roll(2, "clean", "CleanOut", "clean_plate")
HOLDOUT = Roll(3, "holdout", "HoldoutOut", "holdout")


def develop(node: Any, roll: Roll, frames: List[int], *, view: str, folder: str) -> str:
    """Have these frames on disk as the tree shows them now; returns their pattern. Called with proxies off.

    Raises:
        HostError: when Nuke cannot render them, or the artist stopped it.
    """
    place = f"{folder}/{versions.RENDERED}/{view}"
    pattern = f"{place}/{roll.word}.####.exr"
    write = node.node(roll.write)
    if roll is PLATE:
        write["datatype"].setValue(_depth(node))
    states = _states(node, roll, frames, settings=_settings(node, write))
    known = _read(place, roll)
    stale = [f for f in frames if known.get(str(f)) != states[f] or not os.path.exists(frame_path(pattern, f))]
    if stale:
        _write_down(place, roll, {f: state for f, state in known.items() if int(f) not in stale})
        _render(write, pattern, stale, view)
        _write_down(place, roll, {**known, **{str(f): states[f] for f in stale}})
    return pattern


def frame_window(node: Any, frames: List[int]) -> None:
    """Where the plate's bounding box wanders, give every frame the one that holds them all: the engine wants one."""
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
    x, y, r, t = (edge(side) for edge, side in zip((min, min, max, max), zip(*boxes)))
    box = [max(x, -width), max(y, -height), min(r, 2 * width), min(t, 2 * height)]
    crop["box"].setValue([float(edge) for edge in box])
    crop["disable"].setValue(False)


def _depth(node: Any) -> str:
    chosen = node["depth"].value()
    if chosen == "as the plate":
        bits = node.node("plate").metadata("input/bitsperchannel")
        chosen = "half" if bits in HALVES else "float"
    return "16 bit half" if chosen == "half" else "32 bit float"


def _settings(node: Any, write: Any) -> str:
    """What decides a rendered picture beside the tree above it."""
    plate, crop = node.node("plate"), node.node("Window")
    box = "" if crop["disable"].value() else crop["box"].toScript()
    channel = node.node("MatteIn")["from0"].value()
    return f"{write['datatype'].value()} {box} {channel} {plate.width()} {plate.height()}"


def _states(node: Any, roll: Roll, frames: List[int], *, settings: str) -> Dict[int, str]:
    """What each frame's picture depends on, as one word: Nuke's own hash, and the files that it is read from."""
    entrance = node.node(roll.entrance)
    reads = list(read_files.above(entrance))
    found = {}
    for frame in frames:
        nuke.frame(frame)
        files = [_stamp(nuke.filename(read, nuke.REPLACE)) for read in reads]
        words = f"{entrance.opHashes()} {files} {settings}"
        found[frame] = hashlib.sha1(words.encode("utf-8", "surrogateescape")).hexdigest()
    return found


def _stamp(path: Optional[str]) -> Optional[Tuple[int, int]]:
    try:
        info = os.stat(path or "")
    except OSError:
        return None
    return info.st_size, info.st_mtime_ns


def _render(write: Any, pattern: str, frames: List[int], view: str) -> None:
    ranges = nuke.FrameRanges(" ".join(f"{first}-{last}" for first, last in paths.runs(frames)))
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


def _ledger(place: str, roll: Roll) -> str:
    return f"{place}/{roll.word}.json"


def _read(place: str, roll: Roll) -> Dict[str, str]:
    try:
        with open(_ledger(place, roll), encoding="ascii") as file:
            found = json.load(file)
    except (OSError, ValueError):
        return {}
    return found if isinstance(found, dict) else {}


def _write_down(place: str, roll: Roll, states: Dict[str, str]) -> None:
    try:
        os.makedirs(place, exist_ok=True)
        with open(_ledger(place, roll), "w", encoding="ascii") as file:
            json.dump(states, file)
    except OSError as error:
        raise HostError(f"{place} cannot be written to ({error.strerror})", hint="Choose another folder.") from None
