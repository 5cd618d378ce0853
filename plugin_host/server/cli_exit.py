"""How a command ends: results on stdout, errors as a reason and a hint on stderr, and the exit code.

Exit code 1 means failure, 130 that the artist stopped it.
"""

from __future__ import annotations

import shlex
import sys
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from ..frame_numbers import spans
from .opening import warning_line

if TYPE_CHECKING:
    from ..protocol import Event, Finished
    from .report_files import ReportSummary


def print_end(end: Event, output: str, *, seconds: float, frames: Collection[int]) -> None:
    """Print how a job of the persistent engine ended, in the words of `aan fill`; exits unless it finished.

    Args:
        output: the pattern of its result.
        seconds: for how long it was followed.
        frames: the numbers of the frames that lie on disk.
    """
    from ..protocol import Cancelled, Failed, Finished

    if isinstance(end, Failed):
        fail(end.reason, end.hint)
    if isinstance(end, Cancelled):
        print(f"{stopped_text(frames)}; the job is cancelled", file=sys.stderr)
        raise typer.Exit(130)
    assert isinstance(end, Finished)
    print_filled(end.frames, output, seconds=seconds, inputs=end.inputs)
    print_report(end, warnings=end.warnings)


def print_filled(frames: int, output: str, *, seconds: float, inputs: str) -> None:
    """Print what was understood of the inputs, how many frames were filled, in which time, and where they are."""
    from ..sequence import frame_count_text

    if inputs:
        print(inputs)
    print(f"{frame_count_text(frames)} in {seconds:.1f} s: {output}")


def print_report(summary: ReportSummary | Finished, *, warnings: tuple[str, ...] = ()) -> None:
    """Print which frames to check first, which are worth painting, and what seems wrong with the matte.

    Args:
        warnings: what seemed wrong with the inputs, said again.
    """
    from .report_files import picture_path

    if summary.report:
        frames = f"look at {', '.join(map(str, summary.worst))} first" if summary.worst else "no frame stands out"
        picture = picture_path(Path(summary.report))
        print(f"{100 * summary.unseen:.1f} % of the hidden pixels made up, {frames}: {picture}")
    if summary.keys:
        these = "these" if len(summary.keys) > 1 else "this one"
        print(f"made up from {_listed(summary.keys)}: paint {these} by hand (aan paint) to cure the rest")
    if summary.residue:
        pixels = "1 pixel" if summary.residue == 1 else f"{summary.residue} pixels"
        print(f"the object seems to reach {pixels} beyond the matte: --grow {summary.grow:g}")
    for warning in warnings:
        print(warning_line(warning))


def stopped_text(frames: Collection[int]) -> str:
    """What a job that was stopped leaves: `stopped: 1020-1037 are written`."""
    if not frames:
        return "stopped: no frame is written"
    return f"stopped: {spans(sorted(frames))} {'is' if len(frames) == 1 else 'are'} written"


def print_painted(written: tuple[int, ...], out: str, *, seconds: float, before: str | None) -> None:
    """Print which key frames were written, and how to hand them back; `before` are frames painted earlier."""
    if not written:
        print("so little is in no frame that painting is not worth it: nothing was written")
        return
    print(f"{_listed(written)} in {seconds:.1f} s: {out}")
    print("Paint over what no frame shows, where the layer unseen is above 0, and hand the frames back:")
    print(f"aan fill ... --painted {shlex.quote(out)}")
    if before is not None:
        print(f"Put the frames painted before beside them, under the same name: {before}")


def _listed(frames: tuple[int, ...]) -> str:
    """As `frame 1046`, `frames 1001, 1013 and 1046`."""
    *others, last = map(str, frames)
    return f"frames {', '.join(others)} and {last}" if others else f"frame {last}"


@contextmanager
def exit_on_error() -> Iterator[None]:
    """Turn errors into a reason and a hint on stderr, and exit code 1; only bugs show a traceback."""
    from .failures import Interrupted, JobError, explain

    try:
        yield
    except Interrupted as interrupted:
        print(stopped_text(interrupted.frames), file=sys.stderr)
        raise typer.Exit(130) from None
    except KeyboardInterrupt:
        raise typer.Exit(130) from None
    except typer.Exit:
        raise
    except Exception as error:
        code, reason, hint = explain(error)
        if code == "internal" and not isinstance(error, JobError):  # a job's traceback was printed already
            raise
        fail(reason, hint)


def fail_unresponsive(pid: int, reason: str) -> NoReturn:
    """Exit because an engine hangs; names its log and the process to end."""
    fail(reason, f"{log_text()}. End process {pid} to be rid of it.")


def log_text() -> str:
    """Where the running engine's log is."""
    from ..connection_file import log_file

    return f"Its log, unless it runs in a terminal: {log_file()}"


def fail(reason: str, hint: str) -> NoReturn:
    """Exit with code 1 and a reason."""
    print(f"{reason}. {hint}" if hint else reason, file=sys.stderr)
    raise typer.Exit(1)
