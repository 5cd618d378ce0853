"""File patterns as artists write them, taken apart and put together. The disk is not looked at.

A pattern is a path whose *file name* holds at most one placeholder; folders are taken literally:

    plate.####.exr      four digits, or more where the number needs them (`#` counts the least width, as in Nuke)
    plate.%04d.exr      the same in C's spelling, and so is `%4d`; `%d` means no padding
    plate.@@@@.exr      the same as Shake and RV write it
    plate.$F4.exr       the same as Houdini writes it, and so is `${F4}`; `$F` means no padding
    plate.1001.exr      one file; its number is the last run of digits before the extension, after a dot or underscore
    matte.exr           one file without a number: frame 1

So `####` stands for `0987`, `1001` and `12345`, not for `987` or `01001`. Beside a `#` or `%04d` the others mean
themselves; a `%` that is no placeholder, spaces and brackets always do.

Negative numbers are written as C pads them, `-003` for `####`; `-0003`, as some programs write it, is read too.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from typing import Optional, Tuple

from .errors import SequenceError

SEPARATORS = "/\\" if os.name == "nt" else "/"
_PLACEHOLDER = re.compile(r"#+|%0(?P<width>[1-9][0-9]*)d|%d(?![A-Za-z])")
_FURTHER_PLACEHOLDER = re.compile(
    r"%(?P<c>[1-9][0-9]*)d(?![A-Za-z])|@@+|(?<![A-Za-z0-9])@(?![A-Za-z0-9])"
    r"|\$F(?P<f>[0-9]?)(?![A-Za-z0-9])|\$\{F(?P<braced>[0-9]?)\}"
)
_ANY_MARK = r"#+|@+|%[0-9]*d|\$F[0-9]?|\$\{F[0-9]?\}"
_RANGE_BEFORE = re.compile(
    rf"(?P<head>(?:.*[._ ])?)(?P<first>-?[0-9]+)-(?P<last>-?[0-9]+)(?P<rest>(?:{_ANY_MARK}).*)", re.DOTALL
)
_RANGE_AFTER = re.compile(rf"(?P<rest>.*(?:{_ANY_MARK}).*) (?P<first>-?[0-9]+)-(?P<last>-?[0-9]+)", re.DOTALL)
_NUMBERED = re.compile(r".*[._](-?[0-9]+)\.[^.]+", re.DOTALL)
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

    @property
    def text(self) -> str:
        """The pattern, its placeholder spelled with `#`."""
        return f"{self.folder}{self.head}{'#' * max(self.width, 1) if self.width is not None else ''}{self.tail}"

    def path(self, frame: int) -> str:
        """The file of one frame, spelled as the pattern spells its folder."""
        if self.width is None:
            return self.folder + self.head
        return f"{self.folder}{self.head}{frame:0{max(self.width, 1)}d}{self.tail}"

    def digits_of(self, name: str) -> Optional[str]:
        """What stands in a file name (without folder) where the pattern has its number, if it is one, padded or not."""
        if self.width is None or len(name) <= len(self.head) + len(self.tail):
            return None
        if not (name.startswith(self.head) and name.endswith(self.tail)):
            return None
        digits = name[len(self.head) : len(name) - len(self.tail)]
        return digits if re.fullmatch("-?[0-9]+", digits) else None

    def frame_of(self, name: str) -> Optional[int]:
        """The frame that a file name (without folder) stands for, or None if it is not of this sequence."""
        digits = self.digits_of(name)
        if digits is None or self.width is None:
            return None
        bare = digits.lstrip("-")
        if bare != digits and int(bare) == 0:
            return None
        # C counts the sign as a digit, others do not.
        widths = {max(self.width, 1)} if bare == digits else {max(self.width, 1), max(self.width - 1, 1)}
        padded_right = len(bare) in widths or (len(bare) > self.width and bare[0] != "0")
        return int(digits) if padded_right else None


def parse(text: str, *, separators: str = SEPARATORS) -> Pattern:
    """Take a pattern apart, without looking at the disk.

    Raises:
        SequenceError: when it is empty, names a folder, holds two placeholders, or is a Windows path on another system.
    """
    folder, name = split_folder(text, separators=separators)
    if not name:
        raise SequenceError(f"{text!r} names no file", hint="Give a pattern such as plate.####.exr.")
    if "\\" not in separators and _WINDOWS.match(text):
        raise SequenceError(f"{text} is a Windows path", hint="Give the path as this machine mounts it.")
    found = list(_PLACEHOLDER.finditer(name)) or list(_FURTHER_PLACEHOLDER.finditer(name))
    if len(found) > 1:
        marks = " and ".join(mark.group() for mark in found)
        raise SequenceError(f"{name} has {len(found)} placeholders, {marks}", hint="Leave one for the frame number.")
    if not found:
        return Pattern(folder, name, None, "")
    mark = found[0]
    width = len(mark.group()) if mark.group()[0] in "#@" else int(next(filter(None, mark.groups()), 0))
    return Pattern(folder, name[: mark.start()], width, name[mark.end() :])


def split_range(text: str, *, separators: str = SEPARATORS) -> Optional[Tuple[str, int, int]]:
    """The pattern, first and last frame of a pattern with a range, else None.

    A range stands before the placeholder, as in `plate.1001-1010####.exr`, or after all, as in `plate.####.exr 1-9`.
    """
    folder, name = split_folder(text, separators=separators)
    found = _RANGE_BEFORE.fullmatch(name) or _RANGE_AFTER.fullmatch(name)
    if found is None:
        return None
    return folder + found.groupdict().get("head", "") + found["rest"], int(found["first"]), int(found["last"])


def split_folder(text: str, *, separators: str = SEPARATORS) -> Tuple[str, str]:
    """A path's folder, with its last separator, and its file name."""
    cut = max(text.rfind(mark) for mark in separators) + 1
    return text[:cut], text[cut:]


def frame_path(text: str, frame: int) -> str:
    """The file that a pattern names for one frame; a pattern without placeholder names the same file for all."""
    return parse(text).path(frame)


def number_of_file(name: str) -> Optional[int]:
    """The frame number in the name of a single file; None where it has none."""
    numbered = _NUMBERED.fullmatch(name)
    return int(numbered.group(1)) if numbered else None
