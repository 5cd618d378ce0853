"""The command `aan`: fill a shot here, or have the persistent engine do it; paint; describe a picture; measure; train.

`cli_options` turns options into a job, `cli_exit` prints how a command ends; no pixels are touched here. Slow imports
are made inside the command that needs them, so that `aan jobs` answers at once.
"""

from __future__ import annotations

import importlib
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, Annotated, Any, TypeVar

import typer

from aan_engine.threads import set_thread_limits

from .cli_exit import (
    exit_on_error,
    fail,
    fail_unresponsive,
    log_text,
    print_end,
    print_filled,
    print_painted,
    print_report,
    stopped_text,
)
from .cli_options import Out, Overwrite, absolute_path, job_from_options, with_job_options

if TYPE_CHECKING:
    from ..client import Client
    from ..protocol import Event, JobSpec, JobState, Progress
    from .display import Display
    from .existing_files import ExistingPolicy
    from .opening import Opening
    from .worker_messages import StepDone

SHUTDOWN_TIMEOUT = 30.0  # seconds that an engine has to end its worker and exit
STAYS = "engine started, it stays (aan stop)"
HELP_OPTIONS = ["-h", "--help"]

Result = TypeVar("Result")

app = typer.Typer(
    context_settings={"help_option_names": HELP_OPTIONS},
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
    from . import subprocess_job
    from .existing_files import ExistingPolicy
    from .report_files import read_summary, report_path

    spec, existing = job_from_options(**job), ExistingPolicy(overwrite=overwrite, skip=skip_existing)
    out, began = absolute_path(out), time.monotonic()
    written, opening = _run_shown(subprocess_job.fill, spec, out, existing=existing)
    print_filled(written, out, seconds=time.monotonic() - began, inputs=opening.inputs)
    summary = read_summary(report_path(out))
    print_report(summary, warnings=summary.warnings or opening.warnings)


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
    from .existing_files import ExistingPolicy

    spec, existing = job_from_options(**job), ExistingPolicy(overwrite=overwrite)
    out, began = absolute_path(out), time.monotonic()
    written, _ = _run_shown(subprocess_job.paint, spec, out, existing=existing)
    print_painted(written, out, seconds=time.monotonic() - began, before=spec.painted)


@app.command()
@with_job_options
def submit(
    out: Annotated[str | None, typer.Option(help="The result; without it, the engine's cache keeps it.")] = None,
    overwrite: Overwrite = False,
    **job: Any,
) -> None:
    """Have the persistent engine fill a shot; start it if none runs. Ctrl-C cancels; on a terminal it asks first."""
    from ..protocol import Accepted
    from ..sequence import frame_count_text
    from .display import Display
    from .opening import Opening

    spec, began = job_from_options(**job), time.monotonic()
    frames: set[int] = set()
    with exit_on_error(), _engine() as (client, is_new):
        output = absolute_path(out) if out else None
        accepted = client.answer(client.submit(spec, output=output, overwrite=overwrite), timeout=600)
        assert isinstance(accepted, Accepted)
        total = frame_count_text(accepted.total)
        print(f"job {accepted.job}: {total}, {accepted.cached} of them cached: {accepted.output}", flush=True)
        with Display() as display:
            opening = Opening(display.say, note=STAYS if is_new else "")
            end = _follow(client, accepted.job, display, opening=opening, frames=frames)
            opening.close()
    print_end(end, accepted.output, seconds=time.monotonic() - began, frames=frames)


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
    """List the jobs of the running engine, oldest first, and where its log is."""
    from ..protocol import State
    from .jobs_text import as_table

    with exit_on_error(), _running() as client:
        state = client.answer(client.status())
        assert isinstance(state, State)
        print(as_table(state.jobs, now=time.time()) if state.jobs else "the engine has no jobs")
        print(f"engine {client.release}, process {client.connection.pid}. {log_text()}")


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
def info(
    files: Annotated[list[str], typer.Argument(help="Pictures, movies, patterns (plate.####.exr) and folders.")],
    json: Annotated[bool, typer.Option("--json", help="Print one JSON document, a list of objects.")] = False,
) -> None:
    """Print what the engine sees: frames, parts, windows, channels, timecode; what is filled, what serves as a matte.

    Exit code 1 if any of the files could not be described.
    """
    from . import info as files_info

    described = files_info.print_json(files) if json else files_info.print_text(files)
    if not described:
        raise typer.Exit(1)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def train(context: typer.Context) -> None:
    """Train the network: `aan train homography`, `aan train inpainter`, `aan train chooser`."""
    training = importlib.import_module("aan_engine.training.cli").app
    training(args=context.args, prog_name="aan train", help_option_names=HELP_OPTIONS)


@app.command(
    context_settings={"allow_extra_args": True, "ignore_unknown_options": True, "help_option_names": []},
)
def bench(context: typer.Context) -> None:
    """Measure fills on a folder of clips: parts of them are hidden, filled, and compared with the truth."""
    with exit_on_error():
        measuring = importlib.import_module("aan_engine.evaluation.cli").app
        measuring(args=context.args, prog_name="aan bench", help_option_names=HELP_OPTIONS)


def main() -> None:
    """The console script."""
    set_thread_limits()
    app()


def _run_shown(
    task: Callable[..., Result], spec: JobSpec, out: str, *, existing: ExistingPolicy
) -> tuple[Result, Opening]:
    """Run a task of `subprocess_job`, and show it on the terminal; returns its result, and what was said first."""
    from .display import Display
    from .opening import Opening

    with exit_on_error(), Display() as display:
        opening = Opening(display.say)
        result = task(
            spec,
            out,
            existing=existing,
            progress=lambda step: _show_step(display, step),
            inspected=lambda read: opening.show(read.inputs, read.warnings),
        )
        display.finish()
    return result, opening


@contextmanager
def _running() -> Iterator[Client]:
    from .. import connection_file
    from ..launch import find

    client = find(name="aan")
    if client is None:
        found = connection_file.read()
        if found is not None:
            fail_unresponsive(found.pid, "the engine does not answer")
        where = connection_file.runtime_folder() / connection_file.FILE_NAME
        fail("no engine is running", f"Looked for {where}; AAN_RUNTIME_DIR names another folder")
    with client:
        yield client


@contextmanager
def _engine() -> Iterator[tuple[Client, bool]]:
    """A client of the running engine, or of one that is started; and whether it was."""
    from ..launch import find, find_or_start

    name = "aan submit"
    running = find(name=name)
    with running or find_or_start(name=name) as client:
        yield client, running is None


def _follow(client: Client, job: str, display: Display, *, opening: Opening, frames: set[int]) -> Event:
    """Show a job's progress until it ends, and collect its `frames` that lie on disk.

    Ctrl-C asks whether to cancel it, or without a terminal cancels it.
    """
    from ..protocol import Finished, FrameReady, Progress, Snapshot

    while True:
        try:
            for message in client.follow(job):
                if isinstance(message, Snapshot):
                    frames.update(message.frames)
                    _show_state(display, message.state, opening=opening)
                elif isinstance(message, FrameReady):
                    frames.add(message.frame)
                elif isinstance(message, Progress):
                    opening.show(message.inputs, message.warnings)
                    _show_step(display, message)
            if isinstance(message, Finished):
                opening.show(message.inputs, message.warnings)
                display.finish()
            return message  # type: ignore[return-value]
        except KeyboardInterrupt:
            display.pause()
            if sys.stdin.isatty() and not typer.confirm("\nCancel the job? (Otherwise it goes on without you.)"):
                so_far = stopped_text(frames).partition(": ")[2]
                print(f"{so_far} so far; `aan jobs` shows how it fares, `aan cancel {job}` ends it.", file=sys.stderr)
                raise typer.Exit(130) from None
            client.cancel(job)


def _show_step(display: Display, step: StepDone | Progress) -> None:
    from .existing_files import EXISTING

    if step.stage == EXISTING:
        display.say(f"{step.done} of {step.total} frames exist already")
        return
    display.step(step.stage, step.done, step.total, share=step.share)


def _show_state(display: Display, state: JobState, *, opening: Opening) -> None:
    """Show where a job stands that is followed from now on."""
    opening.show(state.inputs, state.warnings)
    display.step(state.stage, state.step, state.steps, share=state.share)
