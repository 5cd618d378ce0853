"""Converts paths between file knobs (Tcl, views, frame padding) and the engine (a plain pattern)."""

from __future__ import annotations

import os
import re
from typing import Callable

_PLACEHOLDER = re.compile(r"#+|%0?[0-9]*d")


def for_knob(path: str) -> str:
    """A path as text for a file knob, which is Tcl: brackets, dollars and backslashes are escaped.

    On Windows backslashes become slashes, so that UNC paths read `//server/share`.
    """
    return re.sub(r"([\\\[\]$])", r"\\\1", with_slashes(path))


def with_slashes(path: str) -> str:
    """A path with slashes on Windows too. Elsewhere a backslash may be part of a name."""
    return path.replace("\\", "/") if os.name == "nt" else path


def has_tcl(text: str) -> bool:
    """Whether a knob's text is evaluated by Tcl to something else."""
    return bool(re.search(r"[\[$\\]", text))


def sequence_pattern(text: str, evaluate: Callable[[], str], *, frame: int) -> str:
    """A file knob's evaluated path, with a placeholder for the frame number.

    Nuke's versions differ in whether `evaluate` also inserts the frame number. Where it does, the number is replaced.
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
    """Whether a path contains the view's name."""
    return "%V" in text or "%v" in text


def for_view(text: str, view: str) -> str:
    """The path of one view: `%V` and `%v` replaced."""
    return text.replace("%V", view).replace("%v", view[:1])


def frame_ranges(frames: list[int]) -> list[tuple[int, int]]:
    """Consecutive frames as ranges, first and last of each."""
    found: list[tuple[int, int]] = []
    for frame in sorted(set(frames)):
        if found and frame == found[-1][1] + 1:
            found[-1] = (found[-1][0], frame)
        else:
            found.append((frame, frame))
    return found
