"""A shot checks itself: whatever cannot be done is refused by name when it is described, with what is allowed."""

from __future__ import annotations

import dataclasses
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from aan_engine import shot as job
from aan_engine.core import frame
from aan_engine.errors import ShotError
from aan_engine.shot import Controls, FrameFile, Known, Shot
from plugin_host import frame_numbers
from plugin_host.controls import CONTROLS

FILES = (FrameFile(1001, Path("a.exr")), FrameFile(1002, Path("b.exr")))
MASSES = {**job.NUMBERS, **job.COUNTS}
WIDEST = {"matte_low": {"matte_high": 1_000_000}, "matte_high": {"matte_low": -1_000_000}}
"""Black and white of a matte must differ: where one is tried, the other is out of the way."""
NO_NUMBERS = (None, "1", True, math.nan, math.inf, -math.inf, 1j, (1,), np.zeros(2))
NO_TEXT = (1, 1.5, True, b"A", ("A",), np.zeros(2))
NO_FRAMES = (1.0, "1001", True, math.nan, (1001,))


def shot(**fields: Any) -> Shot:
    return Shot(**({"plates": FILES, "mattes": FILES} | fields))


def assert_refused(make: Any, field: str, value: Any, *, allowed: str) -> None:
    with pytest.raises(ShotError) as caught:
        make(**{field: value})
    assert field in caught.value.reason
    assert repr(value) in caught.value.reason
    assert allowed in caught.value.hint


@pytest.mark.parametrize("name", sorted(MASSES))
def test_a_number_is_taken_within_its_bounds_alone(name: str):
    low, high = MASSES[name]
    other = WIDEST.get(name, {})
    for value in (low, high, (low + high) // 2):
        if value not in other.values():
            assert getattr(Controls(**other, **{name: value}), name) == value
    for value in (*NO_NUMBERS, low - 1, high + 1, -(10**30), 10**30, low - 1e-6, high + 1e-6):
        assert_refused(Controls, name, value, allowed=f"number from {low} to {high}")


@pytest.mark.parametrize("name", sorted(job.COUNTS))
def test_a_count_is_a_whole_number(name: str):
    assert_refused(Controls, name, 2.0, allowed="a whole number")


@pytest.mark.parametrize("name", sorted(job.CHOICES))
def test_a_choice_is_one_of_its_words_as_they_are_spelled(name: str):
    choices = job.CHOICES[name]
    for word in choices:
        assert getattr(Controls(**{name: word}), name) == word
    for value in (None, "", "neither", *NO_TEXT, *(word.capitalize() for word in choices), f" {choices[0]}"):
        assert_refused(Controls, name, value, allowed=choices[-1])


@pytest.mark.parametrize("name", ["grain", "grow_auto", "matte_invert"])
def test_a_switch_is_true_or_false(name: str):
    for value in (None, 0, 1, "yes", np.bool_(True)):
        assert_refused(Controls, name, value, allowed="True or False")


@pytest.mark.parametrize("name", ["reference_first", "reference_last"])
def test_the_ends_of_the_sources_are_frame_numbers_or_none(name: str):
    for value in (None, 0, -5, 1001):
        assert getattr(Controls(**{name: value}), name) == value
    for value in NO_FRAMES:
        assert_refused(Controls, name, value, allowed="a frame number")


@pytest.mark.parametrize("name", ["colorspace", "view", "plate_layer", "fill_layers"])
def test_a_name_is_text_or_none(name: str):
    for value in (None, "left"):
        assert getattr(Controls(**{name: value}), name) == value
    for value in NO_TEXT:
        assert_refused(Controls, name, value, allowed="a name")


def test_every_control_is_checked():
    named = {*MASSES, *job.CHOICES, "grain", "grow_auto", "matte_invert", "reference_first", "reference_last"}
    named |= {"colorspace", "view", "plate_layer", "fill_layers"}
    assert {field.name for field in dataclasses.fields(Controls)} == named


def test_the_fields_of_a_shot_are_checked_alike():
    for name in ("first", "last"):
        for value in NO_FRAMES:
            assert_refused(shot, name, value, allowed="a frame number")
    for value in NO_TEXT:
        assert_refused(shot, "matte_channel", value, allowed="a name")
    for value in (None, "CPU", "gpu", 0):
        assert_refused(shot, "device", value, allowed="cpu or cuda")
    for value in ("source", ["source"], None, ("source", 1)):
        assert_refused(shot, "aovs", value, allowed="source")
    with pytest.raises(ShotError, match=r"unknown AOV Source, beauty\. Choose among confidence, source, unseen\."):
        shot(aovs=("unseen", "beauty", "Source"))
    for name in ("known", "controls"):
        assert_refused(shot, name, None, allowed=f"a value of {name.capitalize()}")


def test_sequences_are_tuples_of_frame_files():
    for value in (list(FILES), (Path("a.exr"),), "a.exr"):
        for name in ("plates", "mattes"):
            assert_refused(shot, name, value, allowed="a tuple of FrameFile")
        for name in ("clean", "painted", "holdout", "exclude"):
            assert_refused(Known, name, value, allowed="a tuple of FrameFile")


def test_a_frame_file_is_a_number_and_a_path():
    for value in NO_FRAMES:
        with pytest.raises(ShotError, match="frame number"):
            FrameFile(value, Path("a.exr"))
    with pytest.raises(ShotError, match=r"path of frame 7 is 'a\.exr'\. Give a pathlib\.Path"):
        FrameFile(7, "a.exr")  # type: ignore[arg-type]


def test_hosts_show_the_same_controls_with_the_same_bounds_choices_and_defaults():
    shown = {control.name: control for control in CONTROLS}
    own = {field.name: field for field in dataclasses.fields(Controls)}
    files = {field.name for field in dataclasses.fields(Known)}
    # These number and complete the files before a shot is made.
    of_files = {"missing", "plate_first", "matte_missing", "matte_offset"}
    assert shown.keys() - of_files == own.keys() | files
    for name, field in own.items():
        assert shown[name].default == field.default, name
    numbers = {n: (c.low, c.high) for n, c in shown.items() if c.kind == "number"}
    counts = {n: (c.low, c.high) for n, c in shown.items() if c.kind == "count" and n not in of_files}
    choices = {n: c.choices for n, c in shown.items() if c.kind == "choice" and n not in of_files}
    assert (numbers, counts, choices) == (job.NUMBERS, job.COUNTS, job.CHOICES)


@pytest.mark.parametrize("numbers", [(), (5,), (1, 3), (-2, -1, 0), (1, 2, 3, 7, 9, 11, 13, 20)])
def test_engine_and_host_write_frame_numbers_alike(numbers: tuple[int, ...]):
    """Each has its own function: neither half may import the other."""
    assert frame.spans(numbers) == frame_numbers.spans(numbers)
