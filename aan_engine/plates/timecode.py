"""SMPTE 12M timecodes: parsed from a movie's header, advanced frame by frame, packed as in an EXR attribute."""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_TEXT = re.compile(r"(\d\d):(\d\d):(\d\d)([:;.,])(\d\d+)")


@dataclass(frozen=True)
class Timecode:
    """The time of one frame.

    Args:
        count: frames since midnight, dropped numbers left out.
        base: frames a second as the timecode counts them: 24 for 23.976, 30 for 29.97.
        drop: whether two numbers (four at base 60) are left out each minute but every tenth.
    """

    count: int
    base: int
    drop: bool

    @classmethod
    def parse(cls, text: str, *, rate: Fraction) -> Timecode | None:
        """From `HH:MM:SS:FF`, with `;` before the frames for drop-frame; None where the text is no timecode."""
        found = _TEXT.fullmatch(text.strip())
        base = round(rate)
        if found is None or base < 1:
            return None
        hours, minutes, seconds, frames = (int(found.group(i)) for i in (1, 2, 3, 5))
        if minutes > 59 or seconds > 59 or frames >= base:
            return None
        drop = found.group(4) in ";," and base % 30 == 0
        count = ((hours * 60 + minutes) * 60 + seconds) * base + frames
        total = hours * 60 + minutes
        return cls(count - (_dropped_per_minute(base) * (total - total // 10) if drop else 0), base, drop)

    def plus(self, frames: int) -> Timecode:
        """The timecode so many frames later; it wraps around at midnight."""
        day = 24 * 60 * 60 * self.base - (_dropped_per_minute(self.base) * (24 * 60 - 24 * 6) if self.drop else 0)
        return Timecode((self.count + frames) % day, self.base, self.drop)

    def digits(self) -> tuple[int, int, int, int]:
        """Hours, minutes, seconds and frames as displayed, with the dropped numbers left out."""
        count = self.count
        if self.drop:
            lost = _dropped_per_minute(self.base)
            minute = 60 * self.base - lost
            ten = 10 * minute + lost
            tens, rest = divmod(count, ten)
            count += lost * 9 * tens + (lost * ((rest - lost) // minute) if rest >= lost + minute else 0)
        seconds, frames = divmod(count, self.base)
        return seconds // 3600, seconds // 60 % 60, seconds % 60, frames

    def pack(self) -> bytes:
        """The eight bytes of the EXR attribute `timeCode`: binary-coded decimal digits, bit 6 for drop-frame."""
        hours, minutes, seconds, frames = self.digits()
        # The field for frames ends at 39: above 30 frames per second SMPTE 12M counts pairs of frames.
        frames = frames if self.base <= 30 else frames * 30 // self.base
        bits = 0
        for shift, number in ((24, hours), (16, minutes), (8, seconds), (0, frames)):
            bits |= (number // 10 << 4 | number % 10) << shift
        return (bits | (0x40 if self.drop else 0)).to_bytes(4, "little") + bytes(4)


def _dropped_per_minute(base: int) -> int:
    return 2 * base // 30


def unpack(raw: bytes) -> str | None:
    """The EXR attribute `timeCode` as text, `HH:MM:SS:FF` or `HH:MM:SS;FF`; None where it is not eight bytes long."""
    if len(raw) != 8:
        return None
    bits = int.from_bytes(raw[:4], "little")

    def two_digits(shift: int, tens_mask: int) -> int:
        return (bits >> shift & 0xF) + 10 * (bits >> (shift + 4) & tens_mask)

    hours, minutes, seconds, frames = (two_digits(*at) for at in ((24, 3), (16, 7), (8, 7), (0, 3)))
    return f"{hours:02}:{minutes:02}:{seconds:02}{';' if bits & 0x40 else ':'}{frames:02}"
