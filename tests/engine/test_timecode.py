"""Timecodes: counted on frame by frame, drop-frame included, and packed as EXR files carry them."""

from __future__ import annotations

from fractions import Fraction

import pytest

from aan_engine.plates.timecode import Timecode, unpack

FILM, NTSC, FAST = Fraction(24000, 1001), Fraction(30000, 1001), Fraction(60000, 1001)


def spelled(text: str, rate: Fraction, later: int = 0) -> str | None:
    start = Timecode.parse(text, rate=rate)
    assert start is not None
    return unpack(start.plus(later).pack())


@pytest.mark.parametrize("text", ["00:00:00:00", "01:02:03:04", "10:59:59:23", "23:59:59:23"])
def test_a_timecode_comes_out_as_it_went_in(text: str) -> None:
    assert spelled(text, FILM) == text


def test_it_counts_on_over_minutes_hours_and_midnight() -> None:
    assert spelled("00:59:59:23", FILM, 1) == "01:00:00:00"
    assert spelled("23:59:59:23", FILM, 1) == "00:00:00:00"
    assert spelled("01:00:00:00", FILM, 24 * 60) == "01:01:00:00"


def test_drop_frame_leaves_out_two_numbers_each_minute_but_the_tenth() -> None:
    assert spelled("00:00:59;29", NTSC, 1) == "00:01:00;02"
    assert spelled("00:09:59;29", NTSC, 1) == "00:10:00;00"
    assert spelled("00:10:59;29", NTSC, 1) == "00:11:00;02"
    assert spelled("23:59:59;29", NTSC, 1) == "00:00:00;00"
    # An hour of 29.97 has 107892 frames, by the standard.
    assert spelled("00:00:00;00", NTSC, 107892) == "01:00:00;00"


def test_counting_on_one_by_one_passes_every_number_once() -> None:
    start = Timecode.parse("00:08:58;00", rate=NTSC)
    assert start is not None
    told = [start.plus(frame).digits() for frame in range(4000)]
    assert told == sorted(set(told))
    assert not [t for t in told if t[2] == 0 and t[3] < 2 and t[1] % 10]


def test_sixty_frames_a_second_are_packed_in_pairs_as_the_field_is_too_small() -> None:
    assert spelled("00:00:01:58", FAST) == "00:00:01:29"


@pytest.mark.parametrize("text", ["", "now", "1:2:3:4", "00:61:00:00", "00:00:00:24", "00:00:00"])
def test_what_is_no_timecode_is_none(text: str) -> None:
    assert Timecode.parse(text, rate=FILM) is None
