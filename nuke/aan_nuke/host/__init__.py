"""The host half under a name of our own, so that nothing of another studio's collides with it.

In an installed copy its modules lie beside this file; in a checkout they are the repository's own `plugin_host`. The
pyzmq that fits this Python and platform is looked for in `vendor/`, after whatever the studio provides itself.
"""

from __future__ import annotations

import os
import sys

_HERE = os.path.dirname(os.path.abspath(__file__))
_ROOT = os.path.dirname(os.path.dirname(_HERE))


def vendor_tag() -> str:
    """Which of the vendored folders is this Nuke's: `cp311-linux`, `cp310-windows`, `cp311-macos`."""
    system = {"linux": "linux", "darwin": "macos", "win32": "windows"}.get(sys.platform, sys.platform)
    return "cp{}{}-{}".format(*sys.version_info[:2], system)


if not os.path.exists(os.path.join(_HERE, "errand.py")):
    __path__.append(os.path.join(os.path.dirname(_ROOT), "plugin_host"))

_VENDORED = os.path.join(_ROOT, "vendor", vendor_tag())
if os.path.isdir(_VENDORED) and _VENDORED not in sys.path:
    sys.path.append(_VENDORED)
