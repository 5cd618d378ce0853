"""The artist's controls as options of the command line, from the same table that every host draws its knobs from."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import typer

from ..controls import CONTROLS, Control

Command = TypeVar("Command", bound=Callable[..., None])

_TYPES: dict[str, Any] = {
    "files": str | None,
    "text": str | None,
    "number": float,
    "frame": int | None,
    "count": int,
    "switch": bool,
}


def controlled(command: Command) -> Command:
    """A command that takes `**controls`, seen by typer as one that names each of them as an option."""
    signature, hints = inspect.signature(command), get_type_hints(command, include_extras=True)
    own = [p.replace(annotation=hints[name]) for name, p in signature.parameters.items() if name in hints]
    own = [p for p in own if p.kind is not inspect.Parameter.VAR_KEYWORD]
    parameters = [*own, *map(_parameter, CONTROLS)]
    command.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def _parameter(control: Control) -> inspect.Parameter:
    given: dict[str, Any] = {"help": control.help, "rich_help_panel": "Rare controls" if control.rare else "Controls"}
    if control.kind in ("number", "count"):
        given["min"], given["max"] = control.low, control.high
    switch = [f"--{control.name}/--no-{control.name}"] if control.kind == "switch" else []
    kind: Any = Literal[control.choices] if control.kind == "choice" else _TYPES[control.kind]
    annotation: Any = Annotated.__class_getitem__((kind, typer.Option(*switch, **given)))  # type: ignore[attr-defined]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(control.name, keyword, default=control.default, annotation=annotation)
