"""Frame sequences: the files on disk that a pattern stands for. No file is opened.

`file_pattern` says how patterns are written. Beyond that a sequence may be asked for

    plate.1001-1010####.exr, plate.####.exr 1001-1010      by a pattern with a range, both ends included
    plate.1001.exr                                          by one of its files, where `find` is told to
    /shot/plates                                            by a folder that holds this sequence and no other picture

A name that exists on disk exactly as written is one file, whatever it contains. A folder with more than that, `*`, `?`
and brackets are answered by an error that shows the pattern to write.

Every file of a sequence is found, or an error names those that its pattern leaves out: files whose numbers are padded
otherwise. One digit (`#`, `%d`, `$F`) says nothing of padding: all are found. Two files for one number are refused.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Dict, List, Optional, Set, Tuple

from .errors import SequenceError
from .file_pattern import Pattern as Pattern
from .file_pattern import frame_path as frame_path
from .file_pattern import number_of_file, split_range
from .file_pattern import parse as parse
from .folder_listing import advice, fitting_width, listed_text, pictures_in, siblings
from .frame_numbers import MOST_FRAMES, reversed_range, spans

_WILDCARD = re.compile(r"[*?]|\[.*\]|\{.*\}")


@dataclass(frozen=True)
class Found:
    """What a text stands for.

    Args:
        pattern: the pattern, its placeholder spelled with `#`; or the one file.
        files: (frame, path), ascending.
        numbered: whether the pattern has a placeholder: each file belongs to its own number, be it but one.
        note: a sentence that says what the text was taken for, where that is not what it says.
    """

    pattern: str
    files: Tuple[Tuple[int, str], ...]
    numbered: bool
    note: str = ""


def expand(text: str) -> List[Tuple[int, str]]:
    """Every (frame, path) on disk that a pattern stands for, in ascending order; one file stands for itself.

    Raises:
        SequenceError: when nothing is there, or the pattern cannot be read (see `parse`), or leaves out files.
    """
    return list(find(text).files)


def find(text: str, *, whole: bool = False) -> Found:
    """What a text stands for on disk.

    Args:
        whole: whether one file stands for the whole sequence that it belongs to.

    Raises:
        SequenceError: as `expand`.
    """
    try:
        if Path(text).is_file():
            return _of_file(text, whole=whole)
        if Path(text).is_dir():
            return _of_folder(text)
        return _of_pattern(text)
    except OSError as error:
        hint = "Check the path, and that its disk is mounted."
        raise SequenceError(f"{text} cannot be looked for ({error.strerror})", hint=hint) from None


def has_siblings(text: str) -> bool:
    """Whether a file is one of a sequence, as told by the names in its folder."""
    return siblings(text, _names_in(Path(text).parent)) is not None


def frame_count_text(frames: int) -> str:
    """How many frames, in words: `1 frame`, `12 frames`."""
    return f"{frames} frame" if frames == 1 else f"{frames} frames"


def _of_file(text: str, *, whole: bool) -> Found:
    name = Path(text).name
    listed = siblings(text, _names_in(Path(text).parent)) if whole else None
    if listed is None:
        number = number_of_file(name)
        return Found(text, ((1 if number is None else number, text),), False)
    found = _of_pattern(listed.pattern.text)
    return replace(found, note=f"{name} stands for its sequence {_told(found)}")


def _of_folder(text: str) -> Found:
    folder = text if text.endswith(os.sep) else text + os.sep
    listed = pictures_in(folder, _names_in(Path(folder)))
    if not listed:
        raise SequenceError(f"{text} is a folder without pictures", hint="Check the path.")
    if len(listed) > 1 or not listed[0].numbers:
        hint = f"Write which one is meant: {listed_text(listed)}."
        raise SequenceError(f"{text} is a folder, not a sequence", hint=hint)
    found = _of_pattern(listed[0].pattern.text)
    return replace(found, note=f"the folder {Path(text).name} stands for its sequence {_told(found)}")


def _names_in(folder: Path) -> List[str]:
    return [entry.name for entry in folder.iterdir()]


def _told(found: Found) -> str:
    frames = [frame for frame, _ in found.files]
    return f"{Path(found.pattern).name}, {frame_count_text(len(frames))} {spans(frames)}"


def _of_pattern(text: str) -> Found:
    pattern = parse(text)
    names = _names_in(Path(pattern.folder))
    found = _files_of(pattern, names)
    limited = split_range(text)
    if found or limited is None:
        return _checked(text, pattern, names, found)
    inner, first, last = limited
    if last < first:
        raise reversed_range(first, last, hint=f"Write {last}-{first}.")
    if last - first >= MOST_FRAMES:
        raise SequenceError(f"{text} names too many frames", hint=f"At most {MOST_FRAMES} can be filled at once.")
    pattern = parse(inner)
    within = [name for name in names if (digits := pattern.digits_of(name)) and first <= int(digits) <= last]
    answer = _checked(text, pattern, within, _files_of(pattern, within), others=names)
    there = [frame for frame, _ in answer.files]
    if missing := [*range(first, there[0]), *range(there[-1] + 1, last + 1)]:
        hint = f"There are {spans(there)}."
        raise SequenceError(f"{text} lacks {frame_count_text(len(missing))}: {spans(missing)}", hint=hint)
    return answer


def _files_of(pattern: Pattern, names: List[str]) -> Dict[int, List[str]]:
    """The names of each frame; negative frames only where the minus can be no hyphen of the name."""
    found: Dict[int, List[str]] = {}
    padded = pattern.width is None or pattern.width > 1
    for name in names:
        digits = pattern.digits_of(name)
        if digits is not None and (not padded or pattern.frame_of(name) is not None):
            found.setdefault(int(digits), []).append(name)
    if pattern.head[-1:].isalnum() and not {-1, 0} <= found.keys():
        return {frame: of_frame for frame, of_frame in found.items() if frame >= 0}
    return found


def _checked(
    text: str, pattern: Pattern, names: List[str], found: Dict[int, List[str]], *, others: Optional[List[str]] = None
) -> Found:
    """The answer for a pattern, once no file is left out.

    Args:
        names: the files among which it was looked.
        others: all files of the folder, for advice.
    """
    if not found:
        raise SequenceError(_no_match_reason(text, pattern), hint=_no_match_hint(pattern, others or names))
    twice = min((frame for frame, alike in found.items() if len(alike) > 1), default=None)
    if twice is not None:
        raise SequenceError(
            f"{' and '.join(sorted(found[twice]))} are both frame {twice} of {pattern.text}",
            hint="Move one of them away, or write a # for each digit of those that are meant.",
        )
    low, high = min(found), max(found)
    if high - low >= MOST_FRAMES:
        ends = f"{found[low][0]} and {found[high][0]}"
        raise SequenceError(f"{ends} are too far apart for one sequence", hint="Move away what does not belong to it.")
    # A file of a number that is found is another sequence, of another padding.
    if lost := sorted(name for name in _alike(pattern, names) if int(pattern.digits_of(name) or 0) not in found):
        raise _leaves_out(pattern, lost, [*lost, *(name for of_frame in found.values() for name in of_frame)])
    files = tuple((frame, pattern.folder + found[frame][0]) for frame in sorted(found))
    return Found(pattern.text if pattern.width is not None else text, files, pattern.width is not None)


def _alike(pattern: Pattern, names: List[str]) -> Set[str]:
    """The files that differ from the pattern's own in how their number is padded, at most."""
    signed = not pattern.head[-1:].isalnum()
    digits = {name: pattern.digits_of(name) for name in names}
    return {name for name, number in digits.items() if number and (signed or number[0] != "-")}


def _leaves_out(pattern: Pattern, lost: List[str], every: List[str]) -> SequenceError:
    named = ", ".join(lost[:4]) + (f" and {len(lost) - 4} more" if len(lost) > 4 else "")
    reason = f"{pattern.text} leaves out files that are numbered like it: {named}"
    return SequenceError(reason, hint=f"{_advised(pattern, every)}, or move away what does not belong to it.")


def _advised(pattern: Pattern, every: List[str]) -> str:
    """What to write for all of these files."""
    if len({int(pattern.digits_of(name) or 0) for name in every}) < len(every):
        return "Write a # for each digit of those that are meant"
    width = fitting_width(pattern, every) or 1
    return f"Write {replace(pattern, width=width).text}, which means all of them"


def _no_match_reason(text: str, pattern: Pattern) -> str:
    if pattern.width is None and _WILDCARD.search(pattern.head):
        return f"{text} is no pattern that is known here"
    return f"no file matches {text}"


def _no_match_hint(pattern: Pattern, names: List[str]) -> str:
    if alike := sorted(_alike(pattern, names)):
        there = f"{alike[0]} is there" if len(alike) == 1 else f"{alike[0]} and {len(alike) - 1} more are there"
        return f"{there}. {_advised(pattern, alike)}."
    if not names:
        return "The folder is empty."
    wanted = pattern.text[len(pattern.folder) :]
    return advice(wanted, pictures_in(pattern.folder, names))
