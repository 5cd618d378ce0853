"""Tcl inside strings: `[value knob]`, `[file dirname ...]`, `\\[` - the declared commands, anything else raises.

The trap this is for: a File knob's text is Tcl. A folder called `shot[1]` asks Nuke to run the command `1`, and the
backslashes of `C:\\plates` vanish, unless whoever sets the knob writes forward slashes and `\\[`.
"""

from __future__ import annotations

import os
from typing import Any, Callable, List

from . import words
from .errors import NotInNuke, NotModelled


def substitute(text: str, command: Callable[[str], Any]) -> str:
    """`text` as Nuke evaluates it: brackets run, backslashes taken, `$name` refused."""
    found: List[str] = []
    at = 0
    while at < len(text):
        sign = text[at]
        if sign == "\\":
            found.append(words.unescape(text[at : at + 2]) if at + 1 < len(text) else "\\")
            at += 2
        elif sign == "[":
            end = _closing(text, at)
            found.append(str(command(text[at + 1 : end])))
            at = end + 1
        elif sign == "$":
            raise NotModelled(f"a Tcl variable in {text!r}")
        else:
            found.append(sign)
            at += 1
    return "".join(found)


def _closing(text: str, at: int) -> int:
    depth = 0
    for index in range(at, len(text)):
        depth += {"[": 1, "]": -1}.get(text[index], 0)
        if not depth:
            return index
    raise NotInNuke(f"Tcl: missing close-bracket in {text!r}")


def run(command: str, *, value: Callable[[str], Any], frame: float) -> str:
    """One command in brackets: `value` and `knob` of a knob, `frame`, `file dirname|tail|rootname`, `getenv`."""
    inner = substitute(command, lambda nested: run(nested, value=value, frame=frame)) if "[" in command else command
    parts = [word.text for word in words.split(inner)]
    if not parts:
        return ""
    name, given = parts[0], parts[1:]
    if name in ("value", "knob") and len(given) == 1:
        return str(value(given[0]))
    if name == "frame" and not given:
        return f"{frame:g}"
    if name == "format" and len(given) == 2 and given[0].startswith("%") and given[0].endswith("d"):
        return given[0] % int(float(given[1]))
    if name == "getenv" and given:
        return os.environ.get(given[0], given[1] if len(given) > 1 else "")
    if name == "file" and len(given) == 2 and given[0] in ("dirname", "tail", "rootname"):
        work = {"dirname": os.path.dirname, "tail": os.path.basename, "rootname": lambda p: os.path.splitext(p)[0]}
        return work[given[0]](given[1]).replace("\\", "/")
    raise NotModelled(f"the Tcl command [{command}]")
