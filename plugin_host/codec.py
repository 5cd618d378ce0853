"""Converts frozen dataclasses to JSON values and back, driven by their type hints. It knows no particular message.

Field types may be `str`, `int`, `float`, `bool`, `Optional[...]`, `Tuple[X, ...]` and other such dataclasses. Fields
that the class does not have are ignored, as a newer version may send them. A field that the value lacks takes its
default. Every error carries the path to the offending value, such as `$.spec.first`.
"""

from __future__ import annotations

import dataclasses
from functools import cache
from typing import Any, Dict, Type, TypeVar, Union, get_args, get_origin, get_type_hints

from .errors import ProtocolError

T = TypeVar("T")

_TYPE_WORDS = {str: "text", int: "a whole number", float: "a number", bool: "true or false"}


def to_json(value: Any) -> Any:
    """A dataclass (or a part of one) as plain JSON values."""
    if dataclasses.is_dataclass(value):
        return {field.name: to_json(getattr(value, field.name)) for field in dataclasses.fields(value)}
    if isinstance(value, tuple):
        return [to_json(item) for item in value]
    return value


def from_json(kind: Type[T], value: Any, *, path: str = "$") -> T:
    """The dataclass `kind` from a JSON object.

    Raises:
        ProtocolError: when the value is no object, lacks a field without default, or has one of the wrong type.
    """
    if not isinstance(value, dict):
        raise ProtocolError(f"expected an object, not {_shortened(value)}", path=path)
    given: Dict[str, Any] = {}
    hints = _hints(kind)  # type: ignore[arg-type]
    for field in dataclasses.fields(kind):  # type: ignore[arg-type]
        if field.name in value:
            given[field.name] = _convert(hints[field.name], value[field.name], f"{path}.{field.name}")
        elif field.default is dataclasses.MISSING:
            raise ProtocolError("is missing", path=f"{path}.{field.name}")
    return kind(**given)


def _convert(kind: Any, value: Any, path: str) -> Any:
    if dataclasses.is_dataclass(kind) and isinstance(kind, type):
        return from_json(kind, value, path=path)
    if get_origin(kind) is Union:
        inner = next(option for option in get_args(kind) if option is not type(None))
        return None if value is None else _convert(inner, value, path)
    if get_origin(kind) is tuple:
        if not isinstance(value, list):
            raise ProtocolError(f"expected a list, not {_shortened(value)}", path=path)
        return tuple(_convert(get_args(kind)[0], item, f"{path}[{i}]") for i, item in enumerate(value))
    if kind is float and type(value) is int:
        return float(value)
    if type(value) is not kind:  # exactly: a bool is no whole number here
        raise ProtocolError(f"expected {_TYPE_WORDS[kind]}, not {_shortened(value)}", path=path)
    return value


@cache
def _hints(kind: type) -> Dict[str, Any]:
    return get_type_hints(kind)


def _shortened(value: Any) -> str:
    text = repr(value)
    return text if len(text) <= 40 else text[:37] + "..."
