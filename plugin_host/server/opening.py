"""The lines with which a job begins on a terminal: what was understood of its inputs, and what seems wrong there."""

from __future__ import annotations

from collections.abc import Callable


class Opening:
    """Says once, through `say`, what was understood of a job: one line, then each warning on a line of its own.

    Args:
        note: more about how the job is done, for the end of the line; empty for nothing.
    """

    def __init__(self, say: Callable[[str], None], *, note: str = "") -> None:
        self.inputs, self.warnings = "", tuple[str, ...]()
        self._say, self._note, self._said = say, note, False

    def show(self, inputs: str, warnings: tuple[str, ...]) -> None:
        """Say it, unless nothing was understood yet or it was said before."""
        if self._said or not inputs:
            return
        self._said, self.inputs, self.warnings = True, inputs, warnings
        self._say("; ".join(filter(None, (inputs, self._note))))
        for line in map(warning_line, warnings):
            self._say(line)

    def close(self) -> None:
        """Say the note alone where a job ended before its inputs were looked at."""
        if not self._said and self._note:
            self._said = True
            self._say(self._note)


def warning_line(warning: str) -> str:
    """A warning, a sentence without its stop, as a line."""
    return f"warning: {warning}"
