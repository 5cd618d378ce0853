"""Paths between Nuke and the disk: knobs hold Tcl, views and padding, the engine wants a plain pattern."""

from __future__ import annotations

import os
import re
from typing import Callable

_PLACEHOLDER = re.compile(r"#+|%0?[0-9]*d")


def for_knob(path: str) -> str:
    """A path as text for a file knob, which is Tcl: brackets, dollars and backslashes are told that they are text.

    On Windows backslashes become slashes, so that UNC paths read `//server/share`.
    """
    return re.sub(r"([\\\[\]$])", r"\\\1", with_slashes(path))


def with_slashes(path: str) -> str:
    """A path as Nuke likes it: with slashes on Windows too. Elsewhere a backslash may be part of a name."""
    return path.replace("\\", "/") if os.name == "nt" else path


def has_tcl(text: str) -> bool:
    """Whether a knob's text means something else than it says."""
    return bool(re.search(r"[\[$\\]", text))


def sequence_pattern(text: str, evaluate: Callable[[], str], *, frame: int) -> str:
    """What a file knob means, with a placeholder where the frame number belongs.

    Nuke's versions do not agree on whether `evaluate` also fills in the frame number: where it did, it is taken back.
    """
    if not has_tcl(text):
        return text
    folder, name = os.path.split(evaluate())
    if _PLACEHOLDER.search(name):
        return os.path.join(folder, name)
    digits = [match for match in re.finditer(r"\d+", name) if int(match[0]) == frame]
    if not digits:
        return os.path.join(folder, name)
    last = digits[-1]
    return os.path.join(folder, f"{name[: last.start()]}{'#' * len(last[0])}{name[last.end() :]}")


def has_view(text: str) -> bool:
    """Whether a path differs from view to view."""
    return "%V" in text or "%v" in text


def for_view(text: str, view: str) -> str:
    """`%V` and `%v` filled in."""
    return text.replace("%V", view).replace("%v", view[:1])


def frame_ranges(frames: list[int]) -> list[tuple[int, int]]:
    """Frames as unbroken runs, first and last of each."""
    found: list[tuple[int, int]] = []
    for frame in sorted(set(frames)):
        if found and frame == found[-1][1] + 1:
            found[-1] = (found[-1][0], frame)
        else:
            found.append((frame, frame))
    return found
