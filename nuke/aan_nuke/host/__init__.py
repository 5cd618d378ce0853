"""plugin_host under a name inside this package, so that it cannot collide with a module of another plug-in.

In an installed package its modules are copied into this folder; in a checkout they are loaded from `plugin_host/`. The
pyzmq for this Python and platform is in `vendor/`. It comes last on sys.path, so a studio's own pyzmq is preferred.
"""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(os.path.dirname(_HERE))


def vendor_tag() -> str:
    """The name of this Nuke's folder in `vendor/`: `cp311-linux`, `cp310-windows`, `cp311-macos`."""
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    return "cp{}{}-{}".format(*sys.version_info[:2], system)


if not os.path.exists(os.path.join(_HERE, "host_job.py")):
    __path__.append(os.path.join(os.path.dirname(_ROOT), "plugin_host"))

_VENDORED = os.path.join(_ROOT, "vendor", vendor_tag())
if os.path.isdir(_VENDORED) and _VENDORED not in sys.path:
    sys.path.append(_VENDORED)
