"""Doing things to a script that the artist need not notice: no undo, no "save changes?", everything put back."""

from __future__ import annotations

from contextlib import contextmanager
from typing import Iterator

import nuke


@contextmanager
def without_undo() -> Iterator[None]:
    """Changes that are no work of the artist's: not to be undone, and a saved script stays a saved one."""
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
    """The script without proxies; afterwards everything is as it was, the frame as well."""
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
