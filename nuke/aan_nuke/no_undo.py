"""Context managers for changes that are not the artist's: no undo step, no modified script, everything restored."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

import nuke


@contextmanager
def without_undo() -> Iterator[None]:
    """Changes make no undo step, and an unmodified script stays unmodified."""
    saved = not nuke.root().modified()
    nuke.Undo.disable()
    try:
        yield
    finally:
        nuke.Undo.enable()
        if saved and nuke.root().modified():
            nuke.root().setModified(False)


@contextmanager
def full_resolution() -> Iterator[None]:
    """Proxy mode is off; afterwards it is as before, and so is the current frame."""
    proxy, frame = nuke.root()["proxy"], nuke.frame()
    was = proxy.value()
    with without_undo():
        try:
            if was:
                proxy.setValue(False)
            yield
        finally:
            if was:
                proxy.setValue(True)
            nuke.frame(frame)
