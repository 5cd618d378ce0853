"""Which plates a job has, and which of them it fills: steps told from gaps, and a range held to its word."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from ..errors import SequenceError
from ..frame_numbers import from_text, reversed_range, spans
from ..protocol import JobSpec
from ..sequence import frame_count_text
from .input_files import Input, InputKind

Asked = tuple[int, ...]


@dataclass(frozen=True)
class ClosedPlates:
    """The plates of a job, its gaps closed.

    Args:
        plates: the input.
        stand_ins: number of a gap -> number of the plate that took its place.
        notes: sentences that say what was assumed or closed.
    """

    plates: Input
    stand_ins: dict[int, int]
    notes: tuple[str, ...] = ()


def frames_asked_for(spec: JobSpec) -> Asked | None:
    """The frames that a job names one by one; None where it names a range or nothing.

    Raises:
        SequenceError: it names both, or a reversed range, or frames that cannot be read.
    """
    if spec.frames is None:
        if spec.first is not None and spec.last is not None and spec.first > spec.last:
            hint = f"Give --first {spec.last} --last {spec.first}."
            raise reversed_range(spec.first, spec.last, hint=hint)
        return None
    if spec.first is not None or spec.last is not None:
        raise SequenceError(
            f"the frames {spec.frames} and a range were asked for", hint="Give either --frames, or --first and --last."
        )
    return from_text(spec.frames)


def close_gaps(plates: Input, matte: Input, *, spec: JobSpec, asked: Asked | None) -> ClosedPlates:
    """Close every gap in the plates with the nearest frame, or raise an error that names the gaps.

    Plates that are numbered in even steps have no gaps. A matte sequence with frames in between says that they are no
    steps, and so does `missing` "nearest" where no matte says otherwise. Gaps that nobody fills or looks at stay.
    """
    frames = sorted({*plates.frames, *plates.empty})
    step, is_told = _step(frames, matte, asked=asked)
    if step > 1 and not is_told and spec.missing == "nearest":
        step = 1
    low, high = _reach(frames, spec, asked)
    there = set(plates.frames)
    gaps = [n for n in range(frames[0], frames[-1] + 1, step) if low <= n <= high and n not in there]
    notes: list[str] = []
    if step > 1 and not is_told:
        notes.append(f"the plates {plates.name} are numbered in steps of {step}, which was not taken for gaps")
    if not gaps:
        return ClosedPlates(replace(plates, empty=()), {}, tuple(notes))
    if spec.missing != "nearest":
        raise SequenceError(
            f"the plates {plates.name} lack {missing_text(gaps, plates.empty)}",
            hint="Render them, or have the nearest frame stand in (--missing nearest).",
        )
    known = plates.by_number
    stand_ins = {gap: min(plates.frames, key=lambda frame: (abs(frame - gap), frame)) for gap in gaps}
    closed = known | {gap: replace(known[other], frame=gap) for gap, other in stand_ins.items()}
    notes.append(f"the nearest plate stands in for {spans(gaps)}")
    files = tuple(file for _, file in sorted(closed.items()))
    return ClosedPlates(replace(plates, files=files, empty=()), stand_ins, tuple(notes))


def targets(plates: Input, *, spec: JobSpec, asked: Asked | None) -> tuple[int, ...]:
    """The numbers of the plates to fill, ascending.

    Raises:
        SequenceError: a frame that was asked for has no plate.
    """
    frames = plates.frames
    runs = f"The plate {plates.name} {plates.runs}."
    if asked is not None:
        if missing := sorted(set(asked) - set(frames)):
            lacking = f"the plates lack {frame_count_text(len(missing))} that were asked for: {spans(missing)}"
            raise SequenceError(lacking, hint=runs)
        return asked
    low = spec.first if spec.first is not None else frames[0]
    high = spec.last if spec.last is not None else frames[-1]
    found = tuple(frame for frame in frames if low <= frame <= high)
    if not found:
        span = f"{low} - {high}" if low <= high else f"from {low} on" if spec.last is None else f"up to {high}"
        raise SequenceError(f"no plate lies in the range {span}", hint=runs)
    if low < frames[0] or high > frames[-1]:
        ends = ((low, frames[0] - 1), (frames[-1] + 1, high))
        beyond = ", ".join(f"{a}" if a == b else f"{a}-{b}" for a, b in ends if a <= b)
        reason = f"the range {low}-{high} goes beyond the plates, which lack {beyond}"
        raise SequenceError(reason, hint=f"{runs} Choose --first and --last inside.")
    return found


def missing_text(frames: list[int], empty: tuple[int, ...]) -> str:
    """How many frames are missing and which, and which of them are empty files."""
    text = f"{frame_count_text(len(frames))}: {spans(frames)}"
    if blank := [frame for frame in frames if frame in set(empty)]:
        text += f" ({'' if len(blank) == len(frames) else spans(blank) + ': '}{_empty_text(len(blank))})"
    return text


def _empty_text(count: int) -> str:
    return "an empty file" if count == 1 else "empty files"


def _step(frames: list[int], matte: Input, *, asked: Asked | None) -> tuple[int, bool]:
    """The step between the plates' numbers, and whether anything but the plates says so."""
    step = min((b - a for a, b in pairwise(frames)), default=1)
    on_step = set(range(frames[0], frames[-1] + 1, step))
    if step == 1 or not set(frames) <= on_step:
        return 1, True
    if asked is not None and len(asked) > 1 and set(asked) <= on_step:
        return step, True
    between = [frame for frame in (*matte.frames, *matte.empty) if frames[0] <= frame <= frames[-1]]
    if matte.kind is not InputKind.SEQUENCE or len(between) < 2:
        return step, False
    return (step, True) if set(between) <= on_step else (1, True)


def _reach(frames: list[int], spec: JobSpec, asked: Asked | None) -> tuple[int, int]:
    """First and last frame that is filled or may be looked at."""
    first = asked[0] if asked is not None else spec.first
    last = asked[-1] if asked is not None else spec.last
    lows = [frames[0] if end is None else end for end in (first, spec.reference_first)]
    highs = [frames[-1] if end is None else end for end in (last, spec.reference_last)]
    return min(lows), max(highs)
