"""Tcl lists, as knobs hold them: `{{frame<5}} 3 {a b}` taken apart and put together. Knows no command."""

from __future__ import annotations

import re
from typing import List, NamedTuple


class Word(NamedTuple):
    text: str
    braced: bool = False


ESCAPES = {"n": "\n", "t": "\t", "r": "\r", "a": "\a", "b": "\b", "f": "\f", "v": "\v"}


def unescape(text: str) -> str:
    """Backslashes as Tcl takes them."""
    return re.sub(
        r"\\(?:u([0-9a-fA-F]{1,4})|(\n[ \t]*)|(.))",
        lambda m: chr(int(m[1], 16)) if m[1] else " " if m[2] else ESCAPES.get(m[3], m[3]),
        text,
        flags=re.S,
    )


def split(text: str) -> List[Word]:
    """The elements of a list; ValueError where it is none."""
    found, at = [], 0
    while True:
        while at < len(text) and text[at].isspace():
            at += 1
        if at >= len(text):
            return found
        if text[at] == "{":
            end = _closing(text, at)
            found.append(Word(text[at + 1 : end], braced=True))
        elif text[at] == '"':
            end = at + 1
            while end < len(text) and text[end] != '"':
                end += 2 if text[end] == "\\" else 1
            if end >= len(text):
                raise ValueError(f"a quote is not closed: {text[at:]!r}")
            found.append(Word(unescape(text[at + 1 : end])))
        else:
            end = at
            while end < len(text) and not text[end].isspace():
                end += 2 if text[end] == "\\" else 1
            found.append(Word(unescape(text[at:end])))
            at = end
            continue
        at = end + 1
        if at < len(text) and not text[at].isspace():
            raise ValueError(f"a word goes on after its end: {text[at:]!r}")


def _closing(text: str, at: int) -> int:
    depth = 0
    while at < len(text):
        if text[at] == "\\":
            at += 2
            continue
        depth += {"{": 1, "}": -1}.get(text[at], 0)
        if not depth:
            return at
        at += 1
    raise ValueError(f"a brace is not closed: {text!r}")


def quote(text: str) -> str:
    """One word that a Tcl list gives back as `text`, quoted as Nuke's own scripts are."""
    if text and not re.search(r"[\s\"{}\[\]$\\;#]", text):
        return text
    for sign in '\\"[]${}':
        text = text.replace(sign, "\\" + sign)
    return '"%s"' % text.replace("\n", "\\n").replace("\t", "\\t").replace("\r", "\\r")
