"""Nuke without an interface: on a farm the node reads what was solved, and starts no engine unless asked.

Asked it is by the knob `solve_on_farm`, or for all nodes by the environment variable `AAN_NUKE_SOLVE=1`.
"""

from __future__ import annotations

import os
from typing import Any, List

import nuke

VARIABLE = "AAN_NUKE_SOLVE"


def opened() -> None:
    """A script was opened: solve where asked to, and say where frames are missing."""
    from . import buttons, callbacks

    for each in callbacks.ours():
        lacking = missing(each)
        if lacking and (each["solve_on_farm"].value() or os.environ.get(VARIABLE) == "1"):
            buttons.press("solve_missing", each)
            lacking = missing(each)
        if lacking:
            words = (
                f"{len(lacking)} frames of its range are not solved, from {lacking[0]} on; {each['hold'].value()} shows"
            )
            nuke.tprint(f"{each.name()}: {words}")


def missing(node: Any) -> List[int]:
    """The frames of a node's range that have a plate and are not solved."""
    from . import result

    plate, there = node.input(0), set(result.follow(node))
    if plate is None:
        return []
    first = max(int(node["first"].value()), int(plate.firstFrame()))
    last = min(int(node["last"].value()), int(plate.lastFrame()))
    return [frame for frame in range(first, last + 1) if frame not in there]
