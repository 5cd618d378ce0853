"""The sequences that lie in a folder: found by the names of its files alone, for one file and for a whole folder.

A file's number is the last run of digits before its extension, with its minus sign. It follows a dot, an underscore or
a hyphen; or a letter other than the `v` of a version, where it has three digits or more. A version or a word may stand
between it and the extension, as in `plate.1001.v002.exr`, where it has four digits or more: shots have three.
"""

from __future__ import annotations

import difflib
import fnmatch
import re
from dataclasses import dataclass
from typing import Dict, Iterable, List, Optional, Tuple

from .file_pattern import Pattern, split_folder
from .frame_numbers import spans

PICTURES = frozenset(("exr", "dpx", "cin", "tif", "tiff", "png", "jpg", "jpeg"))
MOVIES = frozenset(("mov", "mp4", "m4v", "mxf", "mkv", "avi", "ts", "mts", "m2ts", "webm"))
"""Extensions in lower case. Of what a folder holds only these are spoken of; whatever is named is read by content."""

MOST_NAMED = 6  # patterns that an error lists

_BEFORE_NUMBER = re.compile(r"(?P<head>.*?)(?P<number>(?:(?<![A-Za-z0-9])-)?[0-9]+)(?P<tail>\.[^.]+)", re.DOTALL)
_BEFORE_WORDS = re.compile(
    r"(?P<head>(?:.*?[._-])??)(?P<number>(?<![A-Za-z0-9])-?[0-9]{4,})(?P<tail>(?:[._-](?:[vV][0-9]+|[A-Za-z]+))+\.[^.]+)",
    re.DOTALL,
)


@dataclass(frozen=True)
class Listed:
    """What files of a folder are together: a sequence, or one picture or movie. `numbers` are empty for the latter."""

    pattern: Pattern
    names: Tuple[str, ...]
    numbers: Tuple[int, ...]

    def __str__(self) -> str:
        if not self.numbers:
            return self.pattern.text
        count = len(self.numbers)
        return f"{self.pattern.text} ({count} frame{'s' if count > 1 else ''} {spans(self.numbers)})"


def pictures_in(folder: str, names: Iterable[str]) -> List[Listed]:
    """The sequences, pictures and movies among these files of a folder, in the order of their names."""
    groups: Dict[Tuple[str, str], List[str]] = {}
    for name in sorted(names):
        extension = name.rpartition(".")[2].lower()
        if name.startswith(".") or extension not in PICTURES | MOVIES:
            continue
        split = _split(name) if extension in PICTURES else None
        groups.setdefault((split[0], split[2]) if split is not None else (name, ""), []).append(name)
    return [_listed(folder, head, tail, found) for (head, tail), found in sorted(groups.items())]


def siblings(text: str, names: Iterable[str]) -> Optional[Listed]:
    """The sequence that one file belongs to, among the files of its folder; None where it is alone."""
    folder, name = split_folder(text)
    split = _split(name)
    if split is None:
        return None
    head, _, tail = split
    alike = sorted(other for other in names if (found := _split(other)) and (found[0], found[2]) == (head, tail))
    return _listed(folder, head, tail, alike) if len(alike) > 1 else None


def fitting_width(pattern: Pattern, names: Iterable[str]) -> Optional[int]:
    """The width of a pattern like this one that means all of these files, each for a number of its own; None for none.

    Of several the largest: it is how most files are padded.
    """
    wanted = list(names)
    for width in range(max(map(len, wanted), default=0), 0, -1):
        wider = Pattern(pattern.folder, pattern.head, width, pattern.tail)
        numbers = {wider.frame_of(name) for name in wanted}
        if None not in numbers and len(numbers) == len(wanted):
            return width
    return None


def advice(name: str, found: List[Listed]) -> str:
    """A hint at the pattern that was probably meant by a file name, or at what a folder holds."""
    numbered = [each for each in found if each.numbers]
    meant = [each for each in numbered if any(fnmatch.fnmatchcase(file, name) for file in each.names)]
    close = meant or [each for each in numbered if _likeness(name, each) > 0.7]
    if close:
        best = max(close, key=lambda each: _likeness(name, each))
        return f"{best.names[0]} is there: write {best.pattern.text}."
    if found:
        return f"The folder holds {listed_text(found)}."
    return "Write # for each digit of the frame number, as in plate.####.exr."


def listed_text(found: List[Listed]) -> str:
    """What a folder holds, for an error."""
    named = "; ".join(map(str, found[:MOST_NAMED]))
    return named + (f"; and {len(found) - MOST_NAMED} more" if len(found) > MOST_NAMED else "")


def _likeness(name: str, listed: Listed) -> float:
    return max(
        difflib.SequenceMatcher(None, name, other).ratio()
        for other in (split_folder(listed.pattern.text)[1], listed.names[0])
    )


def _split(name: str) -> Optional[Tuple[str, str, str]]:
    """What stands before a file's number, the number as it is written, and what stands behind."""
    found = _BEFORE_NUMBER.fullmatch(name)
    if found is not None:
        head, number, tail = found.groups()
        if not head[-1:].isalpha() or (len(number) >= 3 and head[-1] not in "vV"):
            return head, number, tail
    found = _BEFORE_WORDS.fullmatch(name)
    return None if found is None else (found["head"], found["number"], found["tail"])


def _listed(folder: str, head: str, tail: str, names: List[str]) -> Listed:
    pattern = Pattern(folder, head, 1, tail)
    if not tail:
        return Listed(Pattern(folder, head, None, ""), tuple(names), ())
    width = fitting_width(pattern, names)
    if width is None:
        width = max(len((pattern.digits_of(name) or "").lstrip("-")) for name in names)
    numbers = sorted({int(pattern.digits_of(name) or 0) for name in names})
    return Listed(Pattern(folder, head, width, tail), tuple(names), tuple(numbers))
