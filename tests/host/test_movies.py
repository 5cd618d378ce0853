"""Movies in a job: one file stands for all its frames, counted from 1, and is known to the cache like any other."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from aan_engine.core.box import Box
from aan_engine.plates.shot_frames import ShotFrames
from plugin_host.errors import SequenceError
from plugin_host.protocol import JobSpec
from plugin_host.server import in_process
from plugin_host.server.engine import to_shot
from plugin_host.server.job_inputs import resolve_inputs
from plugin_host.server.movie_inputs import movie_frame_count
from tests.engine.pictures import RATE, movie

LENGTH = 4


def frames(length: int = LENGTH, *, level: int = 20000) -> list[np.ndarray]:
    made = [np.full((48, 64, 3), level + 300 * n, np.uint16) for n in range(length)]
    for picture in made:
        picture[::5, ::3] += 9000
    return made


@pytest.fixture
def spec(tmp_path: Path) -> JobSpec:
    movie(tmp_path / "shot.0040.mov", frames(), codec="prores_ks", pixels="yuv422p10le", timecode="01:00:00:00")
    roto = np.zeros((48, 64, 3), np.uint16)
    roto[20:28, 24:36] = 65535
    movie(tmp_path / "roto.mkv", [roto] * LENGTH)
    return JobSpec(str(tmp_path / "shot.0040.mov"), str(tmp_path / "roto.mkv"), device="cpu")


def test_a_movie_is_told_by_its_content_and_its_frames_are_counted(spec: JobSpec, tmp_path: Path) -> None:
    assert movie_frame_count(Path(spec.plate)) == LENGTH
    (tmp_path / "movie.mov").write_text("a text")
    assert movie_frame_count(tmp_path / "movie.mov") is None


def test_frames_count_from_one_whatever_the_name_and_all_have_the_same_path(spec: JobSpec) -> None:
    inputs = resolve_inputs(spec, output=None)
    assert inputs.targets == (1, 2, 3, 4)
    assert {file.path for file in inputs.files["plate"]} == {Path(spec.plate)}
    shot = to_shot(inputs)
    assert [file.frame for file in shot.plates] == [1, 2, 3, 4]
    assert shot.matte_of(3).path == Path(spec.matte)


def test_a_range_limits_a_movie_as_it_does_a_sequence(spec: JobSpec) -> None:
    assert resolve_inputs(dataclasses.replace(spec, first=2, last=3), output=None).targets == (2, 3)
    with pytest.raises(SequenceError, match="no plate lies in the range"):
        resolve_inputs(dataclasses.replace(spec, first=1001), output=None)


def test_a_movie_that_changes_is_noticed_for_every_frame(spec: JobSpec) -> None:
    inputs = resolve_inputs(spec, output=None)
    key = inputs.key("e")
    assert inputs.unchanged()
    assert inputs.unchanged(3)
    movie(Path(spec.plate), frames(level=30000), codec="prores_ks", pixels="yuv422p10le")
    assert not inputs.unchanged()
    assert not inputs.unchanged(3)
    assert resolve_inputs(spec, output=None).key("e") != key


def test_a_result_over_the_movie_itself_and_one_file_for_all_its_frames_are_refused(spec: JobSpec) -> None:
    with pytest.raises(SequenceError, match="one file for 4 frames"):
        resolve_inputs(spec, output=spec.plate)
    with pytest.raises(SequenceError, match="overwrite the input"):
        resolve_inputs(dataclasses.replace(spec, first=2, last=2), output=spec.plate)


def test_a_damaged_movie_is_refused_when_the_job_is_taken_in(spec: JobSpec, tmp_path: Path) -> None:
    whole = Path(spec.plate).read_bytes()
    (tmp_path / "cut.mov").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SequenceError, match=r"cut\.mov: the movie cannot be decoded"):
        resolve_inputs(dataclasses.replace(spec, plate=str(tmp_path / "cut.mov")), output=None)


def test_a_frame_of_a_matte_movie_stands_in_with_its_plate(spec: JobSpec, tmp_path: Path) -> None:
    for frame in (1, 2, 4):
        (tmp_path / f"p.{frame}.exr").write_text("plate")
    gappy = dataclasses.replace(spec, plate=str(tmp_path / "p.#.exr"), missing="nearest")
    shot = to_shot(resolve_inputs(gappy, output=None))
    assert [(file.frame, file.path.name) for file in shot.plates][2] == (3, "p.2.exr")
    assert [(file.frame, file.index) for file in shot.mattes] == [(1, 1), (2, 2), (3, 2), (4, 4)]


def numbered_mattes(folder: Path, *, first: int = 1001) -> str:
    for frame in range(first, first + LENGTH):
        (folder / f"m.{frame:04d}.exr").write_text("matte")
    return str(folder / "m.####.exr")


def test_a_movie_beside_numbered_mattes_is_told_the_number_to_begin_at(spec: JobSpec, tmp_path: Path) -> None:
    spec = dataclasses.replace(spec, matte=numbered_mattes(tmp_path))
    with pytest.raises(SequenceError, match="runs from 1001 to 1004, the plate runs from 1 to 4") as caught:
        resolve_inputs(spec, output=None)
    assert "--plate-first 1001" in caught.value.hint
    inputs = resolve_inputs(dataclasses.replace(spec, plate_first=1001), output=None)
    shot = to_shot(inputs)
    assert inputs.targets == (1001, 1002, 1003, 1004)
    assert [(file.frame, file.index) for file in shot.plates] == [(1000 + n, n) for n in (1, 2, 3, 4)]
    assert [file.path.name for file in map(shot.matte_of, inputs.targets) if file][-1] == "m.1004.exr"


def test_the_first_number_of_a_movie_holds_for_every_movie_of_the_job_and_is_in_the_key(spec: JobSpec) -> None:
    begun = dataclasses.replace(spec, plate_first=-1, holdout=spec.matte)
    inputs = resolve_inputs(begun, output=None)
    for name in ("plate", "matte", "holdout"):
        assert [(file.frame, file.index) for file in inputs.files[name]] == [(-1, 1), (0, 2), (1, 3), (2, 4)], name
    assert inputs.key("e") != resolve_inputs(dataclasses.replace(spec, holdout=spec.matte), output=None).key("e")


def test_a_first_number_is_for_movies_alone(spec: JobSpec, tmp_path: Path) -> None:
    mattes = numbered_mattes(tmp_path)
    with pytest.raises(SequenceError, match="is no movie"):
        resolve_inputs(dataclasses.replace(spec, plate=mattes, plate_first=1001), output=None)


def test_a_matte_movie_beside_numbered_plates_is_told_its_offset(spec: JobSpec, tmp_path: Path) -> None:
    spec = dataclasses.replace(spec, plate=numbered_mattes(tmp_path))
    with pytest.raises(SequenceError, match="--matte-offset 1000"):
        resolve_inputs(spec, output=None)
    shot = to_shot(resolve_inputs(dataclasses.replace(spec, matte_offset=1000), output=None))
    assert [(file.frame, file.index) for file in shot.mattes] == [(1000 + n, n) for n in (1, 2, 3, 4)]


def test_a_renumbered_movie_is_read_at_its_own_frames(spec: JobSpec) -> None:
    moved = to_shot(resolve_inputs(dataclasses.replace(spec, plate_first=1001), output=None))
    plain = to_shot(resolve_inputs(spec, output=None))
    for index in range(LENGTH):
        (plate, masks), (wanted, own) = (ShotFrames(shot).target(index) for shot in (moved, plain))
        assert (plate.frame, wanted.frame) == (1001 + index, 1 + index)
        np.testing.assert_array_equal(plate.region(Box.whole(plate.shape)), wanted.region(Box.whole(plate.shape)))
        np.testing.assert_array_equal(masks.weight, own.weight)
        assert moved.plates[index].index == index + 1


def test_a_movie_goes_in_and_an_exr_sequence_comes_out_with_its_timecode(spec: JobSpec, tmp_path: Path) -> None:
    out = str(tmp_path / "out" / "clean.####.exr")
    assert in_process.fill(spec, out, progress=lambda step: None) == LENGTH
    for number in range(1, LENGTH + 1):
        header = OpenEXR.File(str(tmp_path / "out" / f"clean.{number:04}.exr")).header()
        assert header["framesPerSecond"] == RATE
        code = header["timeCode"]
        assert (code.hours, code.minutes, code.seconds, code.frame) == (1, 0, 0, number - 1)
        assert header["colorInteropID"] == "lin_rec709_scene"
