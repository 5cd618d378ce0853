"""Which matte belongs to which plate, and what becomes of plates that have none.

A still is held over all plates; the frames of a sequence or a movie belong to the plates of the same numbers. Mattes
are needed for the plates that are filled. Other plates without one are left out: they may show what is to go.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise

from ..errors import SequenceError
from ..frame_numbers import spans
from ..protocol import JobSpec
from ..sequence import frame_count_text
from .input_files import Input, InputFile, InputKind
from .plate_frames import ClosedPlates, missing_text


@dataclass(frozen=True)
class Matted:
    """The plates that a job is left with, and their mattes.

    Args:
        plates: the plates that are filled or may be looked at.
        mattes: the matte of each, by the plate's number; or the one that is held over all.
        targets: numbers of the plates to fill.
        without_matte: numbers of the plates that have no matte, and in which nothing is hidden.
        notes: sentences that say what was held or left out.
    """

    plates: tuple[InputFile, ...]
    mattes: tuple[InputFile, ...]
    targets: tuple[int, ...]
    without_matte: tuple[int, ...] = ()
    notes: tuple[str, ...] = ()


def match(plates: ClosedPlates, matte: Input, *, spec: JobSpec, targets: tuple[int, ...], painted: set[int]) -> Matted:
    """Give each plate its matte.

    Args:
        painted: numbers of the plates that were painted by hand, in which nothing is hidden once they are a source.

    Raises:
        SequenceError: plates that are to be filled have none, and the job does not say what that means.
    """
    files = plates.plates.files
    if matte.kind is InputKind.STILL:
        held = (held_note(matte, len(files)),) if len(files) > 1 else ()
        return Matted(files, matte.files, targets, notes=held)
    found, notes = _by_plate(plates, matte, spec)
    lacking = [file.frame for file in files if file.frame not in found]
    if spec.matte_missing == "empty":
        if lacking:
            notes += (f"no matte for {spans(lacking)}: nothing is hidden there",)
        return Matted(files, _ascending(found), targets, tuple(lacking), notes)
    unfilled = sorted(set(lacking) & set(targets))
    if unfilled and spec.matte_missing == "stop":
        raise _lacks(plates, matte, unfilled, spec=spec, targets=targets)
    filled = tuple(frame for frame in targets if frame in found)
    if not filled:
        raise _lacks(plates, matte, unfilled, spec=spec, targets=targets)
    if unfilled:
        notes += (f"no matte for {spans(unfilled)}: not filled",)
    bare = tuple(frame for frame in lacking if frame in painted)
    dropped = {*lacking} - {*bare}
    if others := sorted(frame for frame in dropped if _may_serve(frame, spec)):
        notes += (f"no matte for {spans(others)}: no source",)
    kept = tuple(file for file in files if file.frame not in dropped)
    return Matted(kept, _ascending(found), filled, bare, notes)


def held_note(matte: Input, count: int) -> str:
    """The sentence that says that one picture is the matte of all frames."""
    return f"{matte.name} is held over all {frame_count_text(count)}"


def _by_plate(plates: ClosedPlates, matte: Input, spec: JobSpec) -> tuple[dict[int, InputFile], tuple[str, ...]]:
    """The matte of each plate that has one, by number. A plate that stands in for another brings its own."""
    known, own = matte.by_number, plates.stand_ins
    numbers = {frame: own.get(frame, frame) for frame in plates.plates.frames}
    found = {frame: known[number] for frame, number in numbers.items() if number in known}
    notes: tuple[str, ...] = ()
    if spec.missing == "nearest" and spec.matte_missing == "stop":
        first, last = matte.frames[0], matte.frames[-1]
        holes = [n for n in plates.plates.frames if n not in found and (first < n < last or n in matte.empty)]
        for frame in holes:
            found[frame] = known[min(known, key=lambda other: (abs(other - numbers[frame]), other))]
        if holes:
            notes = (f"the nearest matte stands in for {spans(holes)}",)
    return {frame: replace(file, frame=frame) for frame, file in found.items()}, notes


def _ascending(mattes: dict[int, InputFile]) -> tuple[InputFile, ...]:
    return tuple(file for _, file in sorted(mattes.items()))


def _may_serve(frame: int, spec: JobSpec) -> bool:
    """Whether a plate of this number lies where sources may."""
    low, high = spec.reference_first, spec.reference_last
    return (low is None or low <= frame) and (high is None or frame <= high)


def _lacks(
    plates: ClosedPlates, matte: Input, unfilled: list[int], *, spec: JobSpec, targets: tuple[int, ...]
) -> SequenceError:
    """The error that mattes are missing for plates that are to be filled."""
    if not set(matte.frames) & set(plates.plates.frames):
        reason = f"the matte {matte.name} lacks every plate's frame: it {matte.runs}, the plate {plates.plates.runs}"
        return SequenceError(reason, hint=_renumbering(plates.plates, matte, spec))
    reason = f"the matte {matte.name} lacks {missing_text(unfilled, matte.empty)}"
    hints = [_renumbering(plates.plates, matte, spec)] if _same_pace(matte, plates.plates) else []
    covered = [frame for frame in targets if frame not in set(unfilled)]
    if covered and unfilled == [frame for frame in targets if not covered[0] <= frame <= covered[-1]]:
        hints.append(f"Fill what has one (--first {covered[0]} --last {covered[-1]}).")
    if len(matte.files) == 1 and matte.kind is InputKind.SEQUENCE:
        hints.append(f"To hold it over the shot, give the file itself, {matte.files[0].path.name}.")
    hints.append(
        "Render them, or say what a missing matte means: --matte-missing empty (nothing is hidden) or leave-out"
        " (neither filled nor a source)."
    )
    return SequenceError(f"{reason}; it {matte.runs}", hint=" ".join(hints))


def _renumbering(plates: Input, matte: Input, spec: JobSpec) -> str:
    """What to write so that the first matte belongs to the first plate."""
    if plates.kind is InputKind.MOVIE and matte.kind is InputKind.SEQUENCE:
        return f"Number the movie as the mattes are (--plate-first {matte.frames[0]}), or give --matte-offset."
    by = spec.matte_offset + plates.frames[0] - matte.frames[0]
    if _same_pace(matte, plates):
        return f"If they begin together: --matte-offset {by}."
    return f"If the first matte belongs to the first plate: --matte-offset {by}; it is added to the matte's numbers."


def _same_pace(matte: Input, plates: Input) -> bool:
    """Whether both have as many frames, in the same steps, under other numbers."""
    steps = [[b - a for a, b in pairwise(input_.frames)] for input_ in (matte, plates)]
    return steps[0] == steps[1] and matte.frames != plates.frames
