"""The names that scripts saved with earlier versions call; `callbacks` has the functions.

A node in a `.nk` script carries its callbacks as text, such as `aan_nuke.node.created(nuke.thisNode())`.
"""

from __future__ import annotations

from .callbacks import on_create as created
from .callbacks import on_destroy as destroyed
from .callbacks import on_knob_changed as changed

__all__ = ["changed", "created", "destroyed"]
