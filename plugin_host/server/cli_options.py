"""The command-line options of a job, and the job that they describe.

The options of the artist's controls are built from the table that every host uses (`controls`).
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal, TypeVar, get_type_hints

import typer

from ..controls import BY_NAME, CONTROLS, Control, ControlValue, validation_error
from ..protocol import JobSpec

Plate = Annotated[
    str,
    typer.Option(
        help="The plates: plate.####.exr, also as %04d, @@@@, $F4 or 1001-1010####; a file or folder of the sequence;"
        " or a movie, whose frames count from 1."
    ),
]
Matte = Annotated[str, typer.Option(help="The matte: a sequence with the plates' numbers, or one still for all.")]
Out = Annotated[str, typer.Option(help="The result: a pattern like the plates'.")]
Overwrite = Annotated[
    bool, typer.Option("--overwrite", help="Overwrite files of other jobs and programs; this shot's own always are.")
]
First = Annotated[int | None, typer.Option(help="First frame to fill. All plates may still be looked at.")]
Last = Annotated[int | None, typer.Option(help="Last frame to fill.")]
Frames = Annotated[str | None, typer.Option(help="Frames to fill instead of a range, as in 1001-1010x2,1020.")]
_CHANNEL_HELP = (
    "The matte's channel, layer or part; several, comma-separated, as a union. Else its alpha, its only channel, or the"
    " only one that holds anything."
)
Channel = Annotated[str | None, typer.Option(help=_CHANNEL_HELP)]
Device = Annotated[str, typer.Option(help="auto, cpu or cuda.")]
Aov = Annotated[str, typer.Option(help="Layers to add, comma-separated: confidence, source, unseen.")]

AUTO = "auto"
"""What an option is given instead of a value for the control beside it that ends in `_auto`."""

_AUTOMATIC = {name: f"{name}_auto" for name in BY_NAME if f"{name}_auto" in BY_NAME}
"""Controls that take `AUTO`, and the switch that it means."""

Command = TypeVar("Command", bound=Callable[..., None])

_OPTION_TYPES: dict[str, Any] = {
    "files": str | None,
    "text": str | None,
    "number": float,
    "frame": int | None,
    "count": int,
    "switch": bool,
}


def with_job_options(command: Command) -> Command:
    """Make typer see the `**job` of a command as a job's options: those of `job_from_options`, and the controls."""
    shown = [control for control in CONTROLS if control.name not in _AUTOMATIC.values()]
    plate, matte, *others = _parameters(job_from_options)
    parameters = [plate, matte, *_parameters(command), *others, *map(_control_parameter, shown)]
    command.__signature__ = inspect.signature(command).replace(parameters=parameters)  # type: ignore[attr-defined]
    command.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return command


def job_from_options(
    *,
    plate: Plate,
    matte: Matte,
    first: First = None,
    last: Last = None,
    matte_channel: Channel = None,
    device: Device = "auto",
    aov: Aov = "",
    frames: Frames = None,
    **controls: ControlValue,
) -> JobSpec:
    """The job that was described on the command line."""
    aovs = tuple(name.strip() for name in aov.split(",") if name.strip())
    given = {
        k: absolute_path(v) if isinstance(v, str) and BY_NAME[k].kind == "files" else v for k, v in controls.items()
    }
    for name in _AUTOMATIC.keys() & {name for name, value in given.items() if value == AUTO}:
        given |= {name: BY_NAME[name].default, _AUTOMATIC[name]: True}
    given["frames"] = frames
    return JobSpec(absolute_path(plate), absolute_path(matte), first, last, matte_channel, aovs, device, **given)  # type: ignore[arg-type]


def absolute_path(pattern: str) -> str:
    """The pattern as an absolute path, as the engine runs in another folder."""
    return str(Path(pattern).absolute())


def _parameters(function: Callable[..., object]) -> list[inspect.Parameter]:
    """The parameters of a function as keywords, annotations resolved, without its `**`."""
    hints = get_type_hints(function, include_extras=True)
    named = [p for p in inspect.signature(function).parameters.values() if p.kind is not inspect.Parameter.VAR_KEYWORD]
    return [p.replace(annotation=hints[p.name], kind=inspect.Parameter.KEYWORD_ONLY) for p in named]


def _control_parameter(control: Control) -> inspect.Parameter:
    given: dict[str, Any] = {"help": control.help, "rich_help_panel": "Rare controls" if control.rare else "Controls"}
    if control.name in _AUTOMATIC:
        given |= {"help": f"{control.help} {AUTO}: {BY_NAME[_AUTOMATIC[control.name]].help}"}
        given |= {"parser": partial(_number_or_auto, control.name), "metavar": f"NUMBER|{AUTO}"}
    elif control.kind in ("number", "count"):
        given["min"], given["max"] = control.low, control.high
    dashed = control.name.replace("_", "-")
    switch = [f"--{dashed}/--no-{dashed}"] if control.kind == "switch" else []
    kind: Any = Literal[control.choices] if control.kind == "choice" else _OPTION_TYPES[control.kind]
    annotation: Any = Annotated[kind, typer.Option(*switch, **given)]
    keyword = inspect.Parameter.KEYWORD_ONLY
    return inspect.Parameter(control.name, keyword, default=control.default, annotation=annotation)


def _number_or_auto(name: str, text: str | float) -> float | str:
    """The value of a number control, or `AUTO`."""
    if text == AUTO:
        return AUTO
    try:
        number = float(text)
    except ValueError:
        raise typer.BadParameter(f"{text!r} is neither a number nor {AUTO}") from None
    if error := validation_error(name, number):
        raise typer.BadParameter(error)
    return number
