"""How a command ends: its result in words on stdout, what went wrong as a reason and a hint on stderr, an exit code.

Exit code 1 is for what could not be done, 130 for what the artist stopped.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, NoReturn

import typer

if TYPE_CHECKING:
    from ..protocol import Event, Finished
    from .report_files import ReportSummary


def print_end(end: Event) -> None:
    """How a job of the persistent engine ended; one that did not finish ends the command as well."""
    from ..protocol import Cancelled, Failed, Finished
    from ..sequence import frame_count_text

    if isinstance(end, Failed):
        fail(end.reason, end.hint)
    if isinstance(end, Cancelled):
        print("cancelled; finished frames are kept", file=sys.stderr)
        raise typer.Exit(130)
    assert isinstance(end, Finished)
    print(f"{frame_count_text(end.frames)} filled")
    print_report(end)


def print_report(told: ReportSummary | Finished) -> None:
    """Which frames to look at, and where the whole report is."""
    if told.report:
        frames = f"look at {', '.join(map(str, told.worst))} first" if told.worst else "nothing was hidden"
        print(f"{100 * told.unseen:.1f} % of the hidden pixels made up, {frames}: {told.report}")


@contextmanager
def exit_on_error() -> Iterator[None]:
    """What goes wrong becomes a reason and a hint on stderr, and exit code 1; only a fault of ours shows a trace."""
    from .failures import JobError, explain

    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except typer.Exit:
        raise
    except Exception as error:
        code, reason, hint = explain(error)
        if code == "internal" and not isinstance(error, JobError):  # a job's own has shown its trace
            raise
        fail(reason, hint)


def fail_unresponsive(pid: int, reason: str) -> NoReturn:
    """Of an engine that hangs, say where to look and what to end."""
    from ..launch import log_file

    fail(reason, f"Its log, unless it runs in a terminal: {log_file()}. End process {pid} to be rid of it.")


def fail(reason: str, hint: str) -> NoReturn:
    """End the command with exit code 1, and say why."""
    print(f"{reason}. {hint}" if hint else reason, file=sys.stderr)
    raise typer.Exit(1)
