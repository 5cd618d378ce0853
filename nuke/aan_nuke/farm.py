"""Nuke in terminal mode: on a farm the node reads what was solved, and starts no engine unless told to.

It is told to by the knob `solve_on_farm`, or for all nodes by the environment variable `AAN_NUKE_SOLVE=1`.
"""

from __future__ import annotations

import os
from typing import List

import nuke

SOLVE_VARIABLE = "AAN_NUKE_SOLVE"


def script_loaded() -> None:
    """A script was opened: solve where told to, and print which frames are missing."""
    from . import buttons, callbacks

    for node in callbacks.align_attend_nodes():
        frames = missing_frames(node)
        if frames and (node["solve_on_farm"].value() or os.environ.get(SOLVE_VARIABLE) == "1"):
            buttons.press("solve_missing", node)
            frames = missing_frames(node)
        if frames:
            text = (
                f"{len(frames)} frames of its range are not solved, from {frames[0]} on; {node['hold'].value()} shows"
            )
            nuke.tprint(f"{node.name()}: {text}")


def missing_frames(node: nuke.Node) -> List[int]:
    """The frames of a node's range that have a plate and are not solved."""
    from . import result

    plate, solved = node.input(0), set(result.update_solved(node))
    if plate is None:
        return []
    first = max(int(node["first"].value()), int(plate.firstFrame()))
    last = min(int(node["last"].value()), int(plate.lastFrame()))
    return [frame for frame in range(first, last + 1) if frame not in solved]
