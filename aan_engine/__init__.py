"""Align & Attend, the clean-up engine: plates and mattes in, filled frames out. No socket, no host, no window in here.

    from aan_engine import FrameFile, Shot, fill

    shot = Shot(plates=(FrameFile(1001, Path("plate.1001.exr")), ...), mattes=(FrameFile(1001, ...), ...))
    for frame in fill(shot):
        frame.write(Path(f"clean.{frame.frame}.exr"))

`tests/examples/fill_a_shot.py` is this as a whole script. The names in `__all__` are the public interface; everything
else may change with any version. Importing them leaves the caller's environment variables as they are; a program that
owns its process may call `aan_engine.threads.set_thread_limits` first. torch is loaded when `fill` is first asked for.

Read in this order: `shot` (a job as values) and `errors`; `pipeline` (`fill`: a shot in, filled frames out); then down
the floors as the pipeline uses them: `rendering`, `selection`, `candidates`, `motion`, `registration`, `plates`,
`grain`, `colour`, `network`, `core`. `reporting` writes a job's report, `provenance` says where a result comes from.
`training` and `evaluation` use all of these, and nothing that ships uses them.
"""

from __future__ import annotations

import importlib
import os
from typing import TYPE_CHECKING

from aan_engine import errors
from aan_engine._version import __version__
from aan_engine.shot import Controls, FrameFile, Known, Shot

if TYPE_CHECKING:
    from aan_engine.pipeline import Progress, fill
    from aan_engine.rendering.filled_frame import FilledFrame

__all__ = [
    "Controls",
    "FilledFrame",
    "FrameFile",
    "Known",
    "Progress",
    "Shot",
    "__version__",
    "errors",
    "fill",
]

# These need torch, which takes seconds to load; hosts and the command line import `errors` and `shot` without it.
_MODULE_OF = {
    "FilledFrame": "aan_engine.rendering.filled_frame",
    "Progress": "aan_engine.pipeline",
    "fill": "aan_engine.pipeline",
}


def __getattr__(name: str) -> object:
    """Load a public name when it is first asked for (PEP 562)."""
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    before = dict(os.environ)
    try:
        value: object = getattr(importlib.import_module(_MODULE_OF[name]), name)
    finally:
        # OpenCV and OpenImageIO set LD_LIBRARY_PATH and OpenImageIO_ROOT when they are imported. The engine needs
        # neither, and the former would reach every process that the caller starts.
        for added in os.environ.keys() - before.keys():
            del os.environ[added]
        os.environ.update(before)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
