"""Knobs by the name of their kind: from the tables, and from a gizmo's addUserKnob."""

from __future__ import annotations

from typing import Any, Dict, Type

from .declared import Declared
from .knobs import FLAGS, Knob, Opaque_Knob, Tab_Knob, register
from .numeric import KINDS, Array_Knob, Enumeration_Knob
from .userknobs import UserKnob

CLASSES: Dict[str, Type[Knob]] = register(*KINDS)
# Kinds of the scan that behave as another.
ALIKE = {"FrameExtentKnob": "Array_Knob"}


def from_table(name: str, declared: Declared) -> Knob:
    knob = _built(name, declared)
    if declared.kind not in ("RotoKnob", "MetaData", "NoodleKnob"):
        default = declared.default
        knob._settle(default.split("\t")[0] if declared.values and isinstance(default, str) else default)
    return knob


def _built(name: str, declared: Declared) -> Knob:
    kind = ALIKE.get(declared.kind, declared.kind)
    if kind == "Enumeration_Knob":
        if declared.default not in (declared.values or ()) and not isinstance(declared.default, str):
            return Opaque_Knob(name, kind)
        values = list(declared.values or [])
        if str(declared.default).split("\t")[0] not in values:
            values.insert(0, str(declared.default).split("\t")[0])
        return Enumeration_Knob(name, None, values, declared.open_ended or "colorspace" in name.lower())
    if kind in CLASSES:
        return CLASSES[kind](name)
    return Opaque_Knob(name, declared.kind)


def from_definition(found: UserKnob) -> Knob:
    """The knob that addUserKnob makes."""
    kind: Any = CLASSES[found.kind]
    if found.kind == "Enumeration_Knob":
        knob: Knob = Enumeration_Knob(found.name, found.label, found.values)
    elif found.kind == "Tab_Knob":
        knob = Tab_Knob(found.name, found.label, found.group)
    else:
        knob = kind(found.name, found.label)
    if found.text:
        if found.kind == "Link_Knob":
            knob._raw = found.text
        else:
            knob._settle(found.text)
    if found.limits and isinstance(knob, Array_Knob):
        knob.setRange(*found.limits)
    knob._tooltip = found.tooltip
    for flag, on in found.flags.items():
        (knob.setFlag if on else knob.clearFlag)(FLAGS[flag])
    knob._user = True
    return knob
