"""`addUserKnob {20 User l Label}`: a knob that a gizmo's author adds, taken apart by its type id."""

from __future__ import annotations

from typing import Any, Dict, List, NamedTuple, Optional

from . import words
from .declared import USER_FLAGS, USER_TYPES
from .errors import NotInNuke


class UserKnob(NamedTuple):
    type: int
    kind: str
    name: str
    label: Optional[str]
    tooltip: str
    flags: Dict[str, bool]
    values: List[str]
    limits: Optional[List[float]]
    text: str
    group: int


def parse(definition: str) -> UserKnob:
    """The words of one definition; NotInNuke where Nuke would not know what is meant."""
    try:
        parts = [word.text for word in words.split(definition)]
    except ValueError as error:
        raise NotInNuke(f"addUserKnob {{{definition}}}: {error}") from None
    if not parts or not parts[0].isdigit() or int(parts[0]) not in USER_TYPES:
        raise NotInNuke(f"addUserKnob {{{definition}}}: no type id that is known")
    number, rest = int(parts[0]), parts[1:]
    found: Dict[str, Any] = {"label": None, "tooltip": "", "values": [], "limits": None, "text": "", "group": 0}
    flags: Dict[str, bool] = {}
    name = rest.pop(0) if rest else ""
    if not name and number != 26:
        raise NotInNuke(f"addUserKnob {{{definition}}}: a knob without a name")
    while rest:
        key = rest.pop(0)
        if key[:1] in "+-" and key[1:] in USER_FLAGS:
            flags[key[1:]] = key[0] == "+"
        elif key in ("l", "t", "M", "T", "n") and rest:
            value = rest.pop(0)
            if key == "M":
                found["values"] = _values(value)
            elif key == "n":
                found["group"] = int(value)
            else:
                found[{"l": "label", "t": "tooltip", "T": "text"}[key]] = value
        elif key == "R" and len(rest) >= 2:
            found["limits"] = [float(rest.pop(0)), float(rest.pop(0))]
        else:
            raise NotInNuke(f"addUserKnob {{{definition}}}: what is {key!r} for?")
    if number == 4 and not found["values"]:
        raise NotInNuke(f"addUserKnob {{{definition}}}: an enumeration without M {{choices}}")
    return UserKnob(number, USER_TYPES[number], name, flags=flags, **found)


def _values(text: str) -> List[str]:
    return [word.text for word in words.split(text)]


def define(
    number: int,
    name: str,
    *,
    label: Optional[str] = None,
    tooltip: str = "",
    flags: Optional[Dict[str, bool]] = None,
    values: Optional[List[str]] = None,
    limits: Optional[List[float]] = None,
    text: str = "",
    group: int = 0,
) -> str:
    """The other way: what a saved script holds between the braces of `addUserKnob`."""
    parts = [str(number), words.quote(name)]
    if label is not None and label != name:
        parts += ["l", words.quote(label)]
    if tooltip:
        parts += ["t", words.quote(tooltip)]
    parts += ["+" + flag if on else "-" + flag for flag, on in (flags or {}).items()]
    if values:
        parts += ["M", "{%s}" % " ".join(words.quote(value) for value in values)]
    if limits:
        parts += ["R", f"{limits[0]:g}", f"{limits[1]:g}"]
    if text:
        parts += ["T", words.quote(text)]
    if group:
        parts += ["n", str(group)]
    return " ".join(parts)
