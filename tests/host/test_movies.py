"""Movies in a job: one file stands for all its frames, counted from 1, and is known to the cache like any other."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

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


def test_frames_of_a_matte_movie_do_not_stand_in_for_one_another(spec: JobSpec, tmp_path: Path) -> None:
    for frame in (1, 2, 4):
        (tmp_path / f"p.{frame}.exr").write_text("plate")
    gappy = dataclasses.replace(spec, plate=str(tmp_path / "p.#.exr"), missing="nearest")
    with pytest.raises(SequenceError, match="matte movie cannot stand in"):
        resolve_inputs(gappy, output=None)


def test_a_movie_goes_in_and_an_exr_sequence_comes_out_with_its_timecode(spec: JobSpec, tmp_path: Path) -> None:
    out = str(tmp_path / "out" / "clean.####.exr")
    assert in_process.fill(spec, out, progress=lambda step: None) == LENGTH
    for number in range(1, LENGTH + 1):
        header = OpenEXR.File(str(tmp_path / "out" / f"clean.{number:04}.exr")).header()
        assert header["framesPerSecond"] == RATE
        code = header["timeCode"]
        assert (code.hours, code.minutes, code.seconds, code.frame) == (1, 0, 0, number - 1)
        assert header["colorInteropID"] == "lin_rec709_scene"
