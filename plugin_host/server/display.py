"""Shows a job's progress: a bar with steps, rate and time left on a terminal, plain lines for machines elsewhere.

It knows neither where the steps come from nor what they mean. All output goes to stderr, so that stdout stays for what
a script may want to read.
"""

from __future__ import annotations

import time
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn

from ..job_status import QUEUED

LINE_INTERVAL = 2.0  # seconds between two plain lines

UNITS = {"look": "plates", "align": "pairs"}
"""What the steps of a stage are, where they are not frames that are filled."""

FILL = "fill"
"""The stage that ends with the job: its time left is the job's."""


class Display:
    """Shows each stage on its own: `look 12/40 plates, 3.1 plates/s`. Stages may alternate.

    Elsewhere than on a terminal a line begins with the share of the whole job: `37 % fill 12/40 frames, 1.2 s/frame,
    0:33 left`. That share never goes back, and is 100 % once the job has ended well.
    """

    def __init__(self) -> None:
        self._console = Console(stderr=True, soft_wrap=True)
        self._stages: dict[str, _StageProgress] = {}
        self._share = 0.0
        self._last_line = float("-inf")
        self._ahead = 0
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

    def step(self, stage: str, done: int, total: int, *, share: float = 0.0) -> None:
        """`done` of `total` steps of this stage are complete, and of the whole job this `share`, 0 .. 1.

        Of the stage `queued`, `total` is how many jobs come first.
        """
        if stage == QUEUED:
            self._wait_behind(total)
            return
        if not total:
            return
        self._share = max(self._share, share)
        known = self._stages.get(stage)
        if known is None:
            known = self._stages[stage] = _StageProgress(
                stage, self._bars.add_task(stage, total=total, rate_text=""), began_at=done
            )
        is_new = known.advance(done, total)
        now = time.monotonic()
        if self._console.is_interactive:
            self._bars.start()
            self._bars.update(known.task, completed=done, total=total, rate_text=known.rate_text(now))
        elif is_new or done >= total or now - self._last_line >= LINE_INTERVAL:
            self._last_line = now
            self._print_share(known.line(now))

    def finish(self) -> None:
        """The job has ended well: whoever reads the lines is told 100 %."""
        if not self._console.is_interactive and self._stages:
            self._share = 1.0
            self._print_share("done")

    def say(self, line: str) -> None:
        """Print a line that is no progress."""
        self._console.print(line, highlight=False, markup=False)

    def pause(self) -> None:
        """Release the terminal; the next step takes it back."""
        if self._console.is_interactive:
            self._bars.stop()

    def _wait_behind(self, jobs: int) -> None:
        if jobs and jobs != self._ahead:
            self.say(f"queued behind {jobs} job{'s' if jobs > 1 else ''}")
        self._ahead = jobs

    def _print_share(self, text: str) -> None:
        self.say(f"{int(100 * self._share)} % {text}")


class _StageProgress:
    """The progress of one stage, and where it stood when it began."""

    def __init__(self, stage: str, task: TaskID, *, began_at: int) -> None:
        self.task = task
        self._stage, self._unit = stage, UNITS.get(stage, "frames")
        self._done, self._total = began_at, 0
        self._began_at, self._began = began_at, time.monotonic()

    def advance(self, done: int, total: int) -> bool:
        """Take in a step; returns whether it is the stage's first."""
        is_new, self._done, self._total = not self._total, done, total
        return is_new

    def line(self, now: float) -> str:
        """For machines, as `fill 12/40 frames, 1.2 s/frame, 0:33 left`; the time left is said where it is the job's."""
        rate = self.rate_text(now) if self._stage == FILL else self.rate_text(now).partition(", ")[0]
        return ", ".join(filter(None, (f"{self._stage} {self._done}/{self._total} {self._unit}", rate)))

    def rate_text(self, now: float) -> str:
        """Rate and time left; empty before the second step."""
        seconds, steps = now - self._began, self._done - self._began_at
        if steps < 1 or seconds <= 0:
            return ""
        each = seconds / steps
        rate = f"{1 / each:.1f} {self._unit}/s" if each < 1 else f"{each:.1f} s/{self._unit.removesuffix('s')}"
        minutes, rest = divmod(round(each * (self._total - self._done)), 60)
        return f"{rate}, {minutes}:{rest:02d} left"
