"""Shows a job's progress: a bar with frames, rate and time left on a terminal, plain lines elsewhere.

It knows neither where the steps come from nor what they mean. All output goes to stderr, so that stdout stays for what
a script may want to read.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

LINE_INTERVAL = 2.0  # seconds between two plain lines of one stage


class Display:
    """Shows each stage on its own: `look 12/40 frames, 3.1 frames/s, 0:09 left`. Stages may alternate."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, soft_wrap=True)
        self._stages: dict[str, _StageProgress] = {}
        self._bars = Progress(
            TextColumn("{task.description:>6}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate_text]}"),
            console=self._console,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def step(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps of this stage are complete."""
        known = self._stages.get(stage)
        if known is None:
            known = self._stages[stage] = _StageProgress(
                self._bars.add_task(stage, total=total, rate_text=""), began_at=done
            )
        known.done, known.total = done, total
        now = time.monotonic()
        rate_text = known.rate_text(now)
        if self._console.is_interactive:
            self._bars.start()
            self._bars.update(known.task, completed=done, total=total, rate_text=rate_text)
        elif known.is_due(now):
            self._console.print(f"{stage} {done}/{total} frames{rate_text and ', '}{rate_text}", highlight=False)

    def pause(self) -> None:
        """Release the terminal; the next step takes it back."""
        if self._console.is_interactive:
            self._bars.stop()


class _StageProgress:
    """The progress of one stage, and where it stood when it began."""

    def __init__(self, task: TaskID, *, began_at: int) -> None:
        self.task, self.done, self.total = task, began_at, 0
        self._began_at, self._began = began_at, time.monotonic()
        self._last_line = float("-inf")

    def is_due(self, now: float) -> bool:
        """Whether to print another line; always for the last step."""
        if self.done < self.total and now - self._last_line < LINE_INTERVAL:
            return False
        self._last_line = now
        return True

    def rate_text(self, now: float) -> str:
        """Rate and time left; empty before the second step."""
        seconds, steps = now - self._began, self.done - self._began_at
        if steps < 1 or seconds <= 0:
            return ""
        each = seconds / steps
        rate = f"{1 / each:.1f} frames/s" if each < 1 else f"{each:.1f} s/frame"
        minutes, rest = divmod(round(each * (self.total - self.done)), 60)
        return f"{rate}, {minutes}:{rest:02d} left"
