"""The command `aan`: fill a shot here, or have the persistent engine do it; paint; describe a picture; measure; train.

`cli_options` turns options into a job, `cli_exit` prints how a command ends; no pixels are touched here. Slow imports
are made inside the command that needs them, so that `aan jobs` answers at once.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from aan_engine.threads import set_thread_limits

from .cli_exit import exit_on_error, fail, fail_unresponsive, print_end, print_painted, print_report
from .cli_options import Out, Overwrite, absolute_path, job_from_options, with_job_options

if TYPE_CHECKING:
    from ..client import Client
    from ..protocol import Event
    from .display import Display
    from .engine import EngineStep

SHUTDOWN_TIMEOUT = 30.0  # seconds that an engine has to end its worker and exit

app = typer.Typer(
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    help="Removes what must go from a shot: plates and a roto matte in, filled EXR out, untouched outside the matte.",
)


def _print_version(wanted: bool) -> None:
    if wanted:
        from aan_engine._version import __version__

        print(f"aan {__version__}")
        raise typer.Exit


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and exit.")
    ] = False,
) -> None:
    """The options of `aan` itself."""


@app.command()
@with_job_options
def fill(
    out: Out,
    overwrite: Overwrite = False,
    skip_existing: Annotated[
        bool, typer.Option("--skip-existing", help="Leave out frames that were written before with these settings.")
    ] = False,
    **job: Any,
) -> None:
    """Fill a shot, without the persistent engine."""
    from ..sequence import frame_count_text
    from . import subprocess_job
    from .display import Display
    from .existing_files import ExistingPolicy
    from .report_files import read_summary, report_path

    spec, existing = job_from_options(**job), ExistingPolicy(overwrite=overwrite, skip=skip_existing)
    out, began = absolute_path(out), time.monotonic()
    with exit_on_error(), Display() as display:
        written = subprocess_job.fill(spec, out, existing=existing, progress=lambda step: _show(display, step))
    print(f"{frame_count_text(written)} in {time.monotonic() - began:.1f} s: {out}")
    print_report(read_summary(report_path(out)))


@app.command()
@with_job_options
def paint(
    out: Annotated[str, typer.Option(help="The key frames: a pattern like the plates'.")],
    overwrite: Overwrite = False,
    **job: Any,
) -> None:
    """Write the key frames alone, filled, for a painter: what no frame shows is made up there for the whole shot.

    Paint over them where the layer unseen is above 0, then fill the shot with --painted. Files that exist stay.
    """
    from . import subprocess_job
    from .display import Display
    from .existing_files import ExistingPolicy

    spec, existing = job_from_options(**job), ExistingPolicy(overwrite=overwrite)
    out, began = absolute_path(out), time.monotonic()
    with exit_on_error(), Display() as display:
        written = subprocess_job.paint(spec, out, existing=existing, progress=lambda step: _show(display, step))
    print_painted(written, out, seconds=time.monotonic() - began, before=spec.painted)


@app.command()
@with_job_options
def submit(
    out: Annotated[str | None, typer.Option(help="The result; without it, the engine's cache keeps it.")] = None,
    overwrite: Overwrite = False,
    **job: Any,
) -> None:
    """Have the persistent engine fill a shot; start it if none runs. Ctrl-C cancels; on a terminal it asks first."""
    from ..launch import find_or_start
    from ..protocol import Accepted
    from .display import Display

    spec = job_from_options(**job)
    with exit_on_error(), find_or_start(name="aan submit") as client:
        output = absolute_path(out) if out else None
        accepted = client.answer(client.submit(spec, output=output, overwrite=overwrite), timeout=600)
        assert isinstance(accepted, Accepted)
        print(f"job {accepted.job}: {accepted.total} frames, {accepted.cached} of them cached: {accepted.output}")
        with Display() as display:
            end = _follow(client, accepted.job, display)
    print_end(end)


@app.command()
def serve() -> None:
    """Run the persistent engine in the foreground, until Ctrl-C or `aan stop`."""
    import logging

    from .__main__ import serve as serve_until_told

    logging.basicConfig(level=logging.INFO, format="%(asctime)s broker %(message)s")
    with exit_on_error():
        raise typer.Exit(serve_until_told())


@app.command()
def jobs() -> None:
    """List the jobs of the running engine."""
    from ..protocol import State

    with exit_on_error(), _running() as client:
        state = client.answer(client.status())
        assert isinstance(state, State)
        for job in state.jobs:
            print(f"{job.job:12} {job.state:10} {job.done:5}/{job.total:<5} {job.plate} -> {job.output}")
            if job.reason:
                print(f"{'':12} {job.reason}. {job.hint}")


@app.command()
def cancel(job: Annotated[str, typer.Argument(help="Its name, as `aan jobs` lists it.")]) -> None:
    """Cancel a job after the frame in work; a second time, at once."""
    with exit_on_error(), _running() as client:
        client.answer(client.cancel(job))


@app.command()
def stop() -> None:
    """Stop the running engine; what it works on is cancelled, finished frames stay."""
    from .. import connection_file
    from ..errors import EngineGone

    with exit_on_error(), _running() as client:
        end = time.monotonic() + SHUTDOWN_TIMEOUT
        with suppress(EngineGone):  # it may be gone already: the lock tells
            client.answer(client.shutdown(), timeout=SHUTDOWN_TIMEOUT)
        while connection_file.is_locked(connection_file.runtime_folder() / connection_file.ENGINE_LOCK):
            if time.monotonic() > end:
                fail_unresponsive(client.connection.pid, f"the engine has not left in {SHUTDOWN_TIMEOUT:.0f} s")
            time.sleep(0.05)


@app.command()
def info(files: Annotated[list[Path], typer.Argument(help="Pictures and movies.")]) -> None:
    """Print what the engine sees in a file: parts, windows, channels, compression, timecode, what is filled."""
    from aan_engine.plates.reader import describe

    from .describe import as_text

    broken = False
    for file in files:
        try:
            with exit_on_error():
                print(as_text(describe(file)), flush=True)
        except typer.Exit as ended:
            if ended.exit_code != 1:
                raise
            broken = True
    if broken:
        raise typer.Exit(1)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def train(context: typer.Context) -> None:
    """Train the network: `aan train homography`, `aan train inpainter`, `aan train chooser`."""
    training = importlib.import_module("aan_engine.training.cli").app
    training(args=context.args, prog_name="aan train")


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def bench(context: typer.Context) -> None:
    """Measure fills on a folder of clips: parts of them are hidden, filled, and compared with the truth."""
    with exit_on_error():
        measuring = importlib.import_module("aan_engine.evaluation.cli").app
        measuring(args=context.args, prog_name="aan bench")


def main() -> None:
    """The console script."""
    set_thread_limits()
    app()


@contextmanager
def _running() -> Iterator[Client]:
    from .. import connection_file
    from ..launch import find

    client = find(name="aan")
    if client is None:
        found = connection_file.read()
        if found is not None:
            fail_unresponsive(found.pid, "the engine does not answer")
        fail("no engine is running", "")
    with client:
        yield client


def _show(display: Display, step: EngineStep) -> None:
    from .existing_files import EXISTING

    if step.stage == EXISTING:
        print(f"{step.done} of {step.total} frames exist already", file=sys.stderr)
    else:
        display.step(step.stage, step.done, step.total)


def _follow(client: Client, job: str, display: Display) -> Event:
    """Show a job's progress until it ends. Ctrl-C asks whether to cancel it, or without a terminal cancels it."""
    from ..protocol import Progress

    while True:
        try:
            for message in client.follow(job):
                if isinstance(message, Progress):
                    display.step(message.stage, message.done, message.total)
            return message  # type: ignore[return-value]
        except KeyboardInterrupt:
            display.pause()
            if sys.stdin.isatty() and not typer.confirm("\nCancel the job? (Otherwise it goes on without you.)"):
                print(f"`aan jobs` shows how it fares, `aan cancel {job}` ends it.", file=sys.stderr)
                raise typer.Exit(130) from None
            client.cancel(job)
