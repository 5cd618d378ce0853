"""Frame numbers as artists write them: `1001-1010x2,1020`, read and written."""

from __future__ import annotations

import re
from typing import Iterable, List, Tuple

from .errors import SequenceError

MOST_FRAMES = 1_000_000
"""Frames that one text may name."""

_SPAN = re.compile(r"(?P<first>-?[0-9]+)(?:-(?P<last>-?[0-9]+)(?:[x:](?P<step>[0-9]+))?)?")


def spans(numbers: Iterable[int]) -> str:
    """Ascending frame numbers as artists write them: `1001-1004, 1010`, and with an even step `1001-1009x2`."""
    rest, found = list(numbers), []
    while rest:
        step = rest[1] - rest[0] if len(rest) > 1 else 1
        length = 1
        while length < len(rest) and rest[length] - rest[length - 1] == step:
            length += 1
        if step > 1 and length < 3:
            length = 1  # two numbers are no step
        run, rest = rest[:length], rest[length:]
        found.append(f"{run[0]}" if length == 1 else f"{run[0]}-{run[-1]}" + (f"x{step}" if step > 1 else ""))
    return ", ".join(found)


def from_text(text: str) -> Tuple[int, ...]:
    """The frames that a text names, ascending, each once: `1001-1010x2,1020`, `-3-4`.

    A span is `FIRST-LAST`, with every so many frames `FIRST-LASTxSTEP`; commas or spaces separate spans.

    Raises:
        SequenceError: when it names no frame, too many, or a span is reversed, or it cannot be read.
    """
    found: List[int] = []
    for word in filter(None, re.split(r"[,;\s]+", re.sub(r"(?<=[0-9])\s+-\s+(?=-?[0-9])", "-", text))):
        span = _SPAN.fullmatch(word)
        if span is None or (span["step"] is not None and not int(span["step"])):
            raise SequenceError(f"{word!r} names no frames", hint="Write frames as in 1001-1010x2,1020.")
        first, step = int(span["first"]), int(span["step"] or 1)
        last = int(span["last"]) if span["last"] is not None else first
        if last < first:
            raise reversed_range(first, last, hint=f"Write {last}-{first}.")
        if len(found) + (last - first) // step >= MOST_FRAMES:
            raise SequenceError(f"{word} names too many frames", hint=f"At most {MOST_FRAMES} can be filled at once.")
        found += range(first, last + 1, step)
    if not found:
        raise SequenceError(f"{text!r} names no frames", hint="Write frames as in 1001-1010x2,1020.")
    return tuple(sorted(set(found)))


def reversed_range(first: int, last: int, *, hint: str) -> SequenceError:
    """The error that a range ends before it begins."""
    return SequenceError(f"the range {first}-{last} is reversed", hint=hint)
