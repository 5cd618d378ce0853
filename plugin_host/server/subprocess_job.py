"""Runs one job in a child process of its own, as `aan fill` and `aan paint` do: a crash becomes an error message.

A malformed file can crash the process that reads it. Here that is the child; this process follows it until it ends.
"""

from __future__ import annotations

import math
import multiprocessing
import os
import shutil
import signal
import tempfile
import threading
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, Generic, Protocol, TypeVar

from aan_engine.core.temporary_name import SUFFIX, is_temporary_of
from aan_engine.plates import decode_watchdog

from ..protocol import JobSpec
from ..sequence import parse
from . import in_process
from .engine import ENGINE, EngineStep
from .existing_files import REFUSE, ExistingPolicy
from .failures import Interrupted, JobError, explain
from .in_process import Watcher
from .overall_progress import OverallProgress
from .process_monitor import GRACE, monitor
from .report_files import picture_path, report_path
from .worker_messages import FrameWritten, InputsRead, JobFailed, StepDone

Result = TypeVar("Result", covariant=True)

_LOST_HINT = "Run the command again. A report that names the plates and this line helps to cure it."


class Task(Protocol[Result]):
    """A job of `in_process`."""

    def __call__(
        self,
        spec: JobSpec,
        output: str,
        *,
        progress: Callable[[EngineStep], None],
        watcher: Watcher,
        existing: ExistingPolicy = REFUSE,
        engine: str = ENGINE,
    ) -> Result: ...


@dataclass(frozen=True)
class TaskCompleted(Generic[Result]):
    """What the job returned."""

    result: Result


def fill(
    spec: JobSpec,
    output: str,
    *,
    progress: Callable[[StepDone], None],
    inspected: Callable[[InputsRead], None] = lambda understood: None,
    existing: ExistingPolicy = REFUSE,
    engine: str = ENGINE,
) -> int:
    """Like `in_process.fill`, in a child process; returns the number of frames.

    Ctrl-C or SIGTERM here stops the job in the child, after its partial files are removed.

    Raises:
        JobError: whatever went wrong in the child, under its code; `reader-lost` names the file that crashed it.
        Interrupted: on Ctrl-C or SIGTERM; it names the frames that were written.
    """
    return _run(in_process.fill, spec, output, progress=progress, inspected=inspected, existing=existing, engine=engine)


def paint(
    spec: JobSpec,
    output: str,
    *,
    progress: Callable[[StepDone], None],
    inspected: Callable[[InputsRead], None] = lambda understood: None,
    existing: ExistingPolicy = REFUSE,
    engine: str = ENGINE,
) -> tuple[int, ...]:
    """Like `in_process.paint`, in a child process, as `fill`; returns the frames' numbers."""
    return _run(
        in_process.paint, spec, output, progress=progress, inspected=inspected, existing=existing, engine=engine
    )


def _run(
    task: Task[Result],
    spec: JobSpec,
    output: str,
    *,
    progress: Callable[[StepDone], None],
    inspected: Callable[[InputsRead], None],
    existing: ExistingPolicy,
    engine: str,
) -> Result:
    results: list[TaskCompleted[Result] | JobFailed] = []
    written: list[int] = []

    def on_message(message: Any) -> None:
        if isinstance(message, StepDone):
            progress(message)
        elif isinstance(message, InputsRead):
            inspected(message)
        elif isinstance(message, FrameWritten):
            written.append(message.frame)
        else:
            results.append(message)

    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory(prefix="aan-reading-", ignore_cleanup_errors=True) as folder:
        watchdog_file = Path(folder) / "reading"
        process = context.Process(
            target=_run_child, args=(theirs, watchdog_file, task, spec, output, existing, engine), daemon=True
        )
        process.start()
        theirs.close()
        try:
            with _sigterm_as_ctrl_c():
                died = monitor(ours, process, watchdog_file, on_message=on_message)
        except KeyboardInterrupt:
            process.terminate()
            written += _frames_of_the_rest(ours)
            raise Interrupted(tuple(sorted(written))) from None
        finally:
            process.terminate()
            process.join(GRACE)
            process.kill()
            ours.close()
    if not results:
        _remove_partial_files(spec, output)
        hint = _LOST_HINT if died.code == "worker-lost" else died.hint
        raise JobError(died.reason, hint=hint, code=died.code)
    end = results[-1]
    if isinstance(end, JobFailed):
        raise JobError(end.reason, hint=end.hint, code=end.code)
    return end.result


def _frames_of_the_rest(pipe: Connection) -> list[int]:
    """The frames that a child writes until it is gone, which it has been told to be."""
    end, frames = time.monotonic() + GRACE, list[int]()
    with suppress(EOFError, OSError):
        while pipe.poll(max(0.0, end - time.monotonic())):
            message = pipe.recv()
            if isinstance(message, FrameWritten):
                frames.append(message.frame)
    return frames


@contextmanager
def _sigterm_as_ctrl_c() -> Iterator[None]:
    """Have SIGTERM interrupt the main thread as Ctrl-C does; in another thread nothing can be done about it."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _remove_partial_files(spec: JobSpec, output: str) -> None:
    """Remove the files that a crashed child left half-written beside the result.

    Other processes may fill other frames of the shot into the same folder: theirs stay.
    """
    pattern, report = parse(output), report_path(output)
    low = spec.first if spec.first is not None else -math.inf
    high = spec.last if spec.last is not None else math.inf

    def is_ours(name: str) -> bool:
        frame = pattern.frame_of(name)
        if frame is not None:
            return low <= frame <= high
        return name in (pattern.head, report.name, picture_path(report).name)

    for file in Path(pattern.folder).glob(f".*{SUFFIX}"):
        if is_temporary_of(file.name, is_ours, head=pattern.head):
            with suppress(OSError):
                file.unlink(missing_ok=True)


def _run_child(
    pipe: Connection,
    watchdog_file: Path,
    task: Task[object],
    spec: JobSpec,
    output: str,
    existing: ExistingPolicy,
    engine: str,
) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is handled by the parent, which sends SIGTERM
    signal.signal(signal.SIGTERM, _exit_on_signal)
    threading.Thread(target=_exit_with_parent, args=(watchdog_file,), daemon=True).start()
    decode_watchdog.start(watchdog_file)
    overall, lock = OverallProgress(), threading.Lock()

    def send(message: StepDone | InputsRead | FrameWritten) -> None:
        with lock:  # frames are told of by the thread that writes them
            pipe.send(message)

    watcher = Watcher(
        inspected=lambda understood: send(InputsRead("", understood.text, understood.warnings)),
        written=lambda frame: send(FrameWritten("", frame, "")),
    )
    try:
        result = task(
            spec,
            output,
            existing=existing,
            engine=engine,
            progress=lambda step: send(_step_message(step, overall)),
            watcher=watcher,
        )
    except Exception as error:
        failed = JobFailed("", *explain(error))
        if failed.code == "internal":
            traceback.print_exc()
        _send_end(pipe, failed)
    else:
        _send_end(pipe, TaskCompleted(result))


def _send_end(pipe: Connection, end: TaskCompleted[object] | JobFailed) -> None:
    with suppress(OSError):  # the parent is gone
        pipe.send(end)


def _exit_on_signal(number: int, frame: object) -> None:
    raise SystemExit(128 + number)


def _exit_with_parent(watchdog_file: Path) -> None:
    """End this process when its parent dies: a job that nobody follows would only hold memory and threads.

    It also removes the folder of the watchdog file, as the parent no longer can.
    """
    parent = multiprocessing.parent_process()
    assert parent is not None  # this is the child
    parent.join()
    shutil.rmtree(watchdog_file.parent, ignore_errors=True)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


def _step_message(step: EngineStep, overall: OverallProgress) -> StepDone:
    return StepDone("", step.stage, step.done, step.total, overall.add(step.stage, step.done, step.total))
