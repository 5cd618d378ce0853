"""Names of files that are being written: hidden, unique, recognisable, and no longer than the file system allows.

A file is written beside its target and renamed at the end, so that it appears whole or not at all. A process that dies
meanwhile leaves its temporary file behind; `is_temporary_of` finds it.

    o.1001.exr         ->  .o.1001.exr.3f9c21aa.part
    a name of 250 bytes -> .~END-OF-THE-NAME.3f9c21aa.part
"""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable
from pathlib import Path

SUFFIX = ".part"
USUAL_LIMIT = 255
"""Bytes of a file name that every common file system allows."""

_CUT = "~"
_TOKEN_BYTES = 4


def temporary_path(target: Path) -> Path:
    """A new name beside `target`, for the file that becomes `target` when it is complete."""
    return hidden_path(target, f".{secrets.token_hex(_TOKEN_BYTES)}{SUFFIX}")


def hidden_path(target: Path, ending: str) -> Path:
    """`.NAME` with an ending, beside `target`; of a name that would become too long, its end."""
    room = name_limit(target.parent) - len(ending) - 1
    name = target.name
    if len(os.fsencode(name)) > room:
        name = _CUT + _end_of(name, room - len(_CUT))
    return target.with_name(f".{name}{ending}")


def is_temporary_of(name: str, is_target: Callable[[str], bool], *, head: str) -> bool:
    """Whether a file name is one that `temporary_path` gives.

    Args:
        name: the file name, without folder.
        is_target: whether a target has that name.
        head: what the targets' names begin with: the end of a long name is completed by it.
    """
    if not (name.startswith(".") and name.endswith(SUFFIX)) or name.count(".") < 3:
        return False
    target = name[1:].rsplit(".", 2)[0]
    if not target.startswith(_CUT):
        return is_target(target)
    return any(is_target(head[:length] + target[len(_CUT) :]) for length in range(1, len(head) + 1))


def name_limit(folder: Path) -> int:
    """The most bytes that a file name may have in a folder."""
    try:
        return min(os.pathconf(folder, "PC_NAME_MAX"), USUAL_LIMIT)
    except (AttributeError, OSError, ValueError):  # no such call on this system, or no such folder yet
        return USUAL_LIMIT


def _end_of(name: str, size: int) -> str:
    """The end of a name, of at most `size` bytes; no character is cut in two, which some file systems refuse."""
    while len(os.fsencode(name)) > size:
        name = name[1:]
    return name
