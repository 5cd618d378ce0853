"""The shipped gizmo and the script that makes it."""

from __future__ import annotations

import importlib.util
import sys
from types import ModuleType

from tests.foundry.shop import NUKE, forget

GIZMO = NUKE / "AlignAttend.gizmo"
NOT_KNOBS = {
    *("clean", "holdout", "colorspace", "view", "plate_first"),
    *("matte_invert", "matte_low", "matte_high", "matte_missing", "matte_offset"),
}
"""Controls that are no knobs: two are inputs, one follows what leaves Nuke, one the script's views."""

KNOB_NAMES = {"unseen": "never_seen"}
"""Controls whose knob has another name, as a layer's switch has theirs."""


def gizmo_module() -> ModuleType:
    """The script that makes the gizmo."""
    spec = importlib.util.spec_from_file_location("packaging_gizmo", NUKE / "packaging" / "gizmo.py")
    assert spec is not None
    assert spec.loader is not None
    found = importlib.util.module_from_spec(spec)
    path = list(sys.path)
    try:
        spec.loader.exec_module(found)
    finally:
        sys.path[:] = path
        forget()
    return found
