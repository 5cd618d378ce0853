"""Frame sequences: file patterns as artists write them, and the files that they stand for. No file is opened.

A pattern is a path whose *file name* holds at most one placeholder; folders are taken literally:

    plate.####.exr      four digits, or more where the number needs them (`#` counts the least width, as in Nuke)
    plate.%04d.exr      the same in C's spelling; `%d` means no padding
    plate.1001.exr      one file; its number is the last run of digits before the extension, after a dot or underscore
    matte.exr           one file without a number: frame 1

So `####` stands for `0987`, `1001` and `12345`, not for `987` or `01001`. A name that exists on disk exactly as
written is one file, whatever it contains. A `%` that is no placeholder, spaces and brackets mean themselves. Frame
numbers are not negative.
"""

from __future__ import annotations

import difflib
import os
import re
from dataclasses import dataclass
from pathlib import Path
from typing import List, Optional, Tuple

from .errors import SequenceError

SEPARATORS = "/\\" if os.name == "nt" else "/"
_PLACEHOLDER = re.compile(r"#+|%0(?P<width>[1-9][0-9]*)d|%d(?![A-Za-z])")
_NUMBERED = re.compile(r".*[._]([0-9]+)\.[^.]+", re.DOTALL)
_WINDOWS = re.compile(r"[A-Za-z]:[\\/]|\\\\")


@dataclass(frozen=True)
class Pattern:
    """A pattern taken apart: `folder` (with its last separator) + `head` + number of at least `width` digits + `tail`.

    `width` None means that there is no placeholder: one file, named `folder + head`.
    """

    folder: str
    head: str
    width: Optional[int]
    tail: str

    def path(self, frame: int) -> str:
        """The file of one frame, spelled as the pattern spells its folder."""
        if self.width is None:
            return self.folder + self.head
        if frame < 0:
            raise SequenceError(f"frame {frame} is negative", hint="Shift the shot to begin at 0 or later.")
        return f"{self.folder}{self.head}{frame:0{max(self.width, 1)}d}{self.tail}"

    def frame_of(self, name: str) -> Optional[int]:
        """The frame that a file name (without folder) stands for, or None if it is not of this sequence."""
        if self.width is None or len(name) <= len(self.head) + len(self.tail):
            return None
        if not (name.startswith(self.head) and name.endswith(self.tail)):
            return None
        digits = name[len(self.head) : len(name) - len(self.tail)]
        if re.fullmatch("[0-9]+", digits) is None:
            return None
        padded_right = len(digits) == max(self.width, 1) or (len(digits) > self.width and digits[0] != "0")
        return int(digits) if padded_right else None


def parse(text: str, *, separators: str = SEPARATORS) -> Pattern:
    """Take a pattern apart, without looking at the disk.

    Raises:
        SequenceError: when it is empty, names a folder, holds two placeholders, or is a Windows path on another system.
    """
    cut = max(text.rfind(mark) for mark in separators) + 1
    folder, name = text[:cut], text[cut:]
    if not name:
        raise SequenceError(f"{text!r} names no file", hint="Give a pattern such as plate.####.exr.")
    if "\\" not in separators and _WINDOWS.match(text):
        raise SequenceError(f"{text} is a Windows path", hint="Give the path as this machine mounts it.")
    found = list(_PLACEHOLDER.finditer(name))
    if len(found) > 1:
        marks = " and ".join(mark.group() for mark in found)
        raise SequenceError(f"{name} has {len(found)} placeholders, {marks}", hint="Leave one for the frame number.")
    if not found:
        return Pattern(folder, name, None, "")
    mark = found[0]
    width = len(mark.group()) if mark.group().startswith("#") else int(mark.group("width") or 0)
    return Pattern(folder, name[: mark.start()], width, name[mark.end() :])


def frame_path(text: str, frame: int) -> str:
    """The file that a pattern names for one frame; a pattern without placeholder names the same file for all."""
    return parse(text).path(frame)


def expand(text: str) -> List[Tuple[int, str]]:
    """Every (frame, path) on disk that a pattern stands for, in ascending order.

    Raises:
        SequenceError: when nothing is there, or the pattern cannot be read (see `parse`).
    """
    try:
        if Path(text).is_file():
            return [(_number_of_single_file(Path(text).name), text)]
        pattern = parse(text)
        names = [entry.name for entry in Path(pattern.folder).iterdir()]
    except OSError as error:
        hint = "Check the path, and that its disk is mounted."
        raise SequenceError(f"{text} cannot be looked for ({error.strerror})", hint=hint) from None
    numbers = sorted(frame for frame in map(pattern.frame_of, names) if frame is not None)
    if numbers:
        return [(frame, pattern.path(frame)) for frame in numbers]
    raise SequenceError(f"no file matches {text}", hint=_closest_match_hint(pattern, names))


def _number_of_single_file(name: str) -> int:
    numbered = _NUMBERED.fullmatch(name)
    return int(numbered.group(1)) if numbered else 1


def _closest_match_hint(pattern: Pattern, names: List[str]) -> str:
    """A hint that names a similar file, when only the padding or the spelling is wrong."""
    wanted = pattern.path(1001)[len(pattern.folder) :]
    close = difflib.get_close_matches(wanted, sorted(names), n=1, cutoff=0.7)
    if close:
        return f"The folder holds {close[0]}: check the padding and spelling."
    return f"The folder holds {len(names)} other files." if names else "The folder is empty."


def frame_count_text(frames: int) -> str:
    """How many frames, in words: `1 frame`, `12 frames`."""
    return f"{frames} frame" if frames == 1 else f"{frames} frames"
