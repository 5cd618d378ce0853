"""Which plates a job has and fills: a range is filled whole or refused, and a step is told from a gap."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from plugin_host.errors import SequenceError
from plugin_host.server.job_inputs import resolve_inputs
from tests.host.numbered import job, plates_of, refused, resolved, write

# The range


def test_a_range_inside_the_plates_is_what_is_filled(tmp_path: Path) -> None:
    spec = job(tmp_path, range(-3, 5))
    assert resolved(spec).targets == (-3, -2, -1, 0, 1, 2, 3, 4)
    assert resolved(spec, first=-3, last=-1).targets == (-3, -2, -1)
    assert resolved(spec, first=3).targets == (3, 4)


@pytest.mark.parametrize(
    ("first", "last", "missing"),
    [
        (1000, 1004, "1000"),
        (1003, 1010, "1009-1010"),
        (998, 1009, "998-1000, 1009"),
        (1001, 10**15, "1009-1000000000000000"),
    ],
)
def test_a_range_beyond_the_plates_is_refused_with_what_is_missing(
    tmp_path: Path, first: int, last: int, missing: str
) -> None:
    spec = job(tmp_path, range(1001, 1009))
    for way in ("stop", "nearest"):
        said = refused(spec, first=first, last=last, missing=way)
        assert f"the range {first}-{last} goes beyond the plates, which lack {missing}" in said
        assert "runs from 1001 to 1008" in said


def test_a_reversed_range_is_called_so_and_turned_in_the_hint(tmp_path: Path) -> None:
    said = refused(job(tmp_path, range(1001, 1009)), first=1004, last=1001)
    assert said == "the range 1004-1001 is reversed. Give --first 1001 --last 1004."


def test_frames_are_named_one_by_one(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1021))
    inputs = resolved(spec, frames="1001-1010x3,1020")
    assert inputs.targets == (1001, 1004, 1007, 1010, 1020)
    assert plates_of(inputs) == list(range(1001, 1021))
    assert inputs.key("e") == resolved(spec, frames="1020 1010,1007,1004,1001").key("e")
    assert resolved(spec, frames="1001-1020").key("e") == resolved(spec).key("e")


def test_a_named_frame_without_a_plate_is_refused_and_so_are_frames_beside_a_range(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1009))
    assert "the plates lack 2 frames that were asked for: 1009-1010" in refused(spec, frames="1005-1010")
    for end in ("first", "last"):
        assert "either --frames" in refused(spec, frames="1001", **{end: 1002})
    assert "names no frames" in refused(spec, frames="all")
    assert "the range 1004-1001 is reversed" in refused(spec, frames="1004-1001")


# Steps and gaps


def test_plates_and_mattes_in_the_same_steps_have_no_gaps_and_nothing_stands_in(tmp_path: Path) -> None:
    spec = job(tmp_path, (1001, 1003, 1005), (1001, 1003, 1005))
    for way in ("stop", "nearest"):
        inputs = resolved(spec, missing=way)
        assert plates_of(inputs) == [1001, 1003, 1005]
        assert not inputs.notes


def test_mattes_between_the_plates_say_that_they_have_gaps(tmp_path: Path) -> None:
    spec = job(tmp_path, (1001, 1003, 1005), range(1001, 1006))
    assert "the plates p.####.exr lack 2 frames: 1002, 1004" in refused(spec)
    inputs = resolved(spec, missing="nearest")
    assert [file.path.name[2:6] for file in inputs.files["plate"]] == ["1001", "1001", "1003", "1003", "1005"]
    assert [file.path.name[2:6] for file in inputs.files["matte"]] == ["1001", "1001", "1003", "1003", "1005"]
    assert inputs.notes == ("the nearest plate stands in for 1002, 1004",)
    assert resolved(spec, frames="1001-1005x2").targets == (1001, 1003, 1005)
    assert "lack" in refused(spec, frames="1001")


def test_a_lone_gap_is_no_step_even_where_the_matte_has_it_too(tmp_path: Path) -> None:
    for mattes in (None, (1001, 1002, 1003, 1005)):
        assert "lack 1 frame: 1004" in refused(job(tmp_path, (1001, 1002, 1003, 1005), mattes))


def test_a_step_that_no_matte_tells_is_said_and_is_a_gap_where_the_nearest_is_to_stand_in(tmp_path: Path) -> None:
    spec = job(tmp_path, (1001, 1003, 1005))
    inputs = resolved(spec)
    assert plates_of(inputs) == [1001, 1003, 1005]
    assert inputs.notes[0] == "the plates p.####.exr are numbered in steps of 2, which was not taken for gaps"
    assert plates_of(resolved(spec, missing="nearest")) == [1001, 1002, 1003, 1004, 1005]
    assert resolved(spec, first=1002, last=1004).targets == (1003,)
    assert "1002" in refused(spec, frames="1001,1002")


def test_a_gap_that_nobody_fills_or_looks_at_may_stay(tmp_path: Path) -> None:
    spec = job(tmp_path, (990, *range(1001, 1005)))
    assert "lack 10 frames: 991-1000" in refused(spec, first=1001)
    assert resolved(spec, first=1001, reference_first=1001).targets == (1001, 1002, 1003, 1004)


def test_empty_files_are_missing_frames_and_are_called_empty(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1009))
    write(tmp_path, "p", (1004, 1008), text="")
    assert "the plates p.####.exr lack 2 frames: 1004, 1008 (empty files)" in refused(spec)
    (tmp_path / "p.1005.exr").unlink()
    assert "lack 3 frames: 1004-1005, 1008 (1004, 1008: empty files)" in refused(spec)
    inputs = resolved(spec, missing="nearest")
    assert plates_of(inputs) == list(range(1001, 1009))
    assert {file.frame: file.path.name for file in inputs.files["plate"]}[1008] == "p.1007.exr"
    write(tmp_path, "p", range(1001, 1009), text="")
    assert "all are empty files" in refused(spec)


# One file, a folder


def test_one_plate_of_a_sequence_stands_for_it_and_the_job_says_so(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1007), range(1001, 1007))
    inputs = resolved(spec, plate=str(tmp_path / "p.1003.exr"), matte=str(tmp_path / "m.1001.exr"))
    assert inputs.targets == tuple(range(1001, 1007))
    assert inputs.patterns == {"plate": spec.plate, "matte": spec.matte}
    assert inputs.notes == (
        "p.1003.exr stands for its sequence p.####.exr, 6 frames 1001-1006",
        "m.1001.exr stands for its sequence m.####.exr, 6 frames 1001-1006",
    )
    assert inputs.key("e") == resolved(spec).key("e")
    with pytest.raises(SequenceError, match="names one file for 6 frames") as caught:
        resolve_inputs(dataclasses.replace(spec, plate=str(tmp_path / "p.1003.exr")), output=str(tmp_path / "o.exr"))
    assert "stands for its sequence p.####.exr" in caught.value.hint


def test_one_clean_plate_and_one_painted_frame_are_what_they_say(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1004))
    write(tmp_path, "c", range(1001, 1004))
    one = str(tmp_path / "c.1002.exr")
    inputs = resolved(spec, clean=one, painted=one)
    for name in ("clean", "painted"):
        assert [(file.frame, file.path.name) for file in inputs.files[name]] == [(1002, "c.1002.exr")]


def test_a_folder_of_one_sequence_stands_for_it_and_one_of_two_is_refused(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    plates = write(tmp_path / "a", "p", range(1001, 1004))
    spec = job(tmp_path, range(1001, 1004))
    inputs = resolved(spec, plate=str(tmp_path / "a"))
    assert inputs.patterns["plate"] == plates
    assert "the folder a stands for its sequence p.####.exr" in inputs.notes[0]
    write(tmp_path / "a", "m", range(1001, 1004))
    said = refused(spec, plate=f"{tmp_path / 'a'}/")
    assert plates in said
    assert plates.replace("p.#", "m.#") in said


def test_a_result_that_is_a_folder_or_has_a_range_in_its_name_is_refused(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1004))
    with pytest.raises(SequenceError, match=r"is a folder\. Write .*fill\.####\.exr"):
        resolve_inputs(spec, output=str(tmp_path))
    with pytest.raises(SequenceError, match="names a range"):
        resolve_inputs(spec, output=str(tmp_path / "o.1001-1003####.exr"))
