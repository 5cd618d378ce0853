"""A job's progress for people: a bar with frames, rate and time left on a terminal, plain lines elsewhere.

It is told of steps and frames, and knows neither where they come from nor what they mean. All of it goes to stderr,
so that stdout stays for what a script may want to read.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, ProgressColumn, Task, TextColumn
from rich.text import Text

EVERY = 2.0  # seconds between two plain lines of one stage


class Display:
    """Shows stages one after the other: `look 12/40 frames, 3.1 frames/s, 0:09 left`."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, soft_wrap=True)
        self._stage = _Stage("", 0, 0)
        self._said = float("-inf")
        self._bar = Progress(
            TextColumn("{task.description:>6}"),
            BarColumn(),
            MofNCompleteColumn(),
            _PaceColumn(self),
            console=self._console,
        )
        self._task = self._bar.add_task("", total=None, visible=False)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.pause()

    def step(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` steps of this stage are behind us."""
        if stage != self._stage.name:
            self._stage = _Stage(stage, done - 1 if done else 0, total)
            self._said = float("-inf")
        self._stage.done, self._stage.total = done, total
        if self._console.is_terminal:
            self._bar.start()
            self._bar.update(self._task, description=stage, completed=done, total=total, visible=True)
        elif done == total or time.monotonic() - self._said > EVERY:
            self._said = time.monotonic()
            self._console.print(f"{stage} {done}/{total} frames, {self.pace}", markup=False, highlight=False)

    def pause(self) -> None:
        """Leave the terminal to someone else; the next step takes it back."""
        self._bar.stop()

    @property
    def pace(self) -> str:
        """Rate and time left of the stage at hand."""
        return self._stage.pace(time.monotonic())


class _Stage:
    """What is known of one stage: when it began, and how far it was then."""

    def __init__(self, name: str, began_at: int, total: int) -> None:
        self.name, self.done, self.total = name, began_at, total
        self._began_at, self._began = began_at, time.monotonic()

    def pace(self, now: float) -> str:
        seconds, steps = now - self._began, self.done - self._began_at
        if steps < 1 or seconds <= 0:
            return "-"
        each = seconds / steps
        rate = f"{1 / each:.1f} frames/s" if each < 1 else f"{each:.1f} s/frame"
        minutes, rest = divmod(round(each * (self.total - self.done)), 60)
        return f"{rate}, {minutes}:{rest:02d} left"


class _PaceColumn(ProgressColumn):
    def __init__(self, display: Display) -> None:
        super().__init__()
        self._display = display

    def render(self, task: Task) -> Text:
        return Text(self._display.pace)
