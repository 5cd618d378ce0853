"""The hosts that pass the suite. A further one needs its driver (see `host.Host`) and a line here."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from tests.host.compliance.blender_host import Blender
from tests.host.compliance.command_line import CommandLine
from tests.host.compliance.host import Host
from tests.host.compliance.nuke_host import Nuke

DRIVERS: dict[str, Callable[[Path, Any], Host]] = {"command line": CommandLine, "Nuke": Nuke, "Blender": Blender}
