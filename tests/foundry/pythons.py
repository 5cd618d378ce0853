"""The environments in which the fake runs, on each Python that Nuke has or will have."""

from __future__ import annotations

from pathlib import Path

from tests import pythons

# The last that there are for 3.9 and 3.10, and one set for all later ones.
OLD = ("numpy==2.0.2", "OpenEXR==3.5.2", "pyzmq==27.3.0")
NEW = ("numpy==2.2.6", "OpenEXR==3.5.3", "pyzmq==27.3.0")


def environment(version: str) -> Path:
    """The Python of a virtual environment with numpy, OpenEXR and pyzmq; skips where there is none and none can be."""
    pythons.skip_unless_found(version)
    return pythons.environment(version, OLD if version in ("3.9", "3.10") else NEW, name="foundry-")
