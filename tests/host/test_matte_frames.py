"""Which matte belongs to which plate: none is held over a shot unasked, none is asked for where it is not needed."""

from __future__ import annotations

from pathlib import Path

import pytest

from aan_engine.errors import ShotError
from plugin_host.server.engine import to_shot
from plugin_host.server.job_inputs import JobInputs
from tests.host.numbered import job, plates_of, refused, resolved, write


def mattes_of(inputs: JobInputs) -> dict[int, str | None]:
    """The name of each plate's matte in the shot; None for a plate in which nothing is hidden."""
    shot = to_shot(inputs)
    return {
        plate.frame: file.path.name if (file := shot.matte_of(plate.frame)) is not None else None
        for plate in shot.plates
    }


# One matte


def test_one_matte_of_a_sequence_is_not_held_over_the_shot(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1009), (1001,))
    said = refused(spec)
    assert "the matte m.####.exr lacks 7 frames: 1002-1008; it has the frame 1001 alone" in said
    assert "give the file itself, m.1001.exr" in said


def test_a_still_is_held_over_the_shot_and_it_is_said(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1009), (1001,))
    for name in ("m.exr", "m.1001.exr"):
        inputs = resolved(spec, matte=str(tmp_path / name))
        assert inputs.notes == (f"{name} is held over all 8 frames",)
        assert set(mattes_of(inputs).values()) == {name}


def test_the_matte_of_a_single_plate_is_its_own(tmp_path: Path) -> None:
    spec = job(tmp_path, (1001,), (1001, 1002))
    assert mattes_of(resolved(spec)) == {1001: "m.1001.exr"}
    assert not resolved(spec).notes
    assert mattes_of(resolved(spec, matte=str(tmp_path / "m.1002.exr"))) == {1001: "m.1002.exr"}
    (tmp_path / "m.1001.exr").unlink()
    assert "--matte-offset -1" in refused(spec)
    (tmp_path / "plate.exr").write_text("a still has no number of its own")
    assert mattes_of(resolved(spec, plate=str(tmp_path / "plate.exr"))) == {1: "m.1002.exr"}


def test_a_holdout_of_one_frame_holds_there_alone_and_a_still_everywhere(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1004))
    front = write(tmp_path, "h", (1002,))
    for name in ("holdout", "exclude"):
        shot = to_shot(resolved(spec, **{name: front}))
        assert [shot.known_of(name, frame) is not None for frame in (1001, 1002, 1003)] == [False, True, False]
        inputs = resolved(spec, **{name: front.replace("####", "1002")})
        assert "h.1002.exr is held over all 3 frames" in inputs.notes
        assert all(to_shot(inputs).known_of(name, frame) for frame in (1001, 1002, 1003))
        assert "belongs to no plate: it has the frame 7 alone" in refused(spec, **{name: write(tmp_path, "g", (7,))})


# Mattes that are missing


def test_plates_that_are_not_filled_need_no_matte_and_then_are_no_source(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1011), range(1003, 1009), first=1003, last=1008)
    inputs = resolved(spec)
    assert plates_of(inputs) == list(range(1003, 1009))
    assert inputs.notes == ("no matte for 1001-1002, 1009-1010: no source",)
    assert resolved(spec, reference_first=1003, reference_last=1008).notes == ()
    said = refused(spec, first=None, last=None)
    assert "the matte m.####.exr lacks 4 frames: 1001-1002, 1009-1010; it runs from 1003 to 1008" in said
    assert "--first 1003 --last 1008" in said


def test_a_missing_matte_stops_the_job_or_hides_nothing_or_leaves_the_plate_out(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1007), (1001, 1002, 1005, 1006))
    said = refused(spec)
    assert "lacks 2 frames: 1003-1004" in said
    assert "--matte-missing empty" in said
    empty = resolved(spec, matte_missing="empty")
    assert empty.targets == tuple(range(1001, 1007))
    assert [frame for frame, name in mattes_of(empty).items() if name is None] == [1003, 1004]
    assert empty.notes == ("no matte for 1003-1004: nothing is hidden there",)
    left = resolved(spec, matte_missing="leave-out")
    assert left.targets == (1001, 1002, 1005, 1006)
    assert plates_of(left) == [1001, 1002, 1005, 1006]
    assert "no matte for 1003-1004: not filled" in left.notes
    assert len({inputs.key("e") for inputs in (empty, left)}) == 2


def test_one_matte_alone_may_say_all_there_is(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1005), (1002,))
    assert mattes_of(resolved(spec, matte_missing="empty")) == {1001: None, 1002: "m.1002.exr", 1003: None, 1004: None}
    assert mattes_of(resolved(spec, matte_missing="leave-out")) == {1002: "m.1002.exr"}
    assert "lacks" in refused(spec, matte_missing="leave-out", first=1003)


def test_the_nearest_matte_stands_in_inside_the_mattes_own_range_alone(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1007), (1001, 1002, 1005), missing="nearest")
    assert "lacks 1 frame: 1006" in refused(spec)
    inputs = resolved(spec, last=1005)
    assert mattes_of(inputs)[1003] == "m.1002.exr"
    assert mattes_of(inputs)[1004] == "m.1005.exr"
    assert "the nearest matte stands in for 1003-1004" in inputs.notes


def test_an_empty_matte_file_is_a_missing_matte(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1007), range(1001, 1007))
    write(tmp_path, "m", (1003,), text="")
    assert "lacks 1 frame: 1003 (an empty file)" in refused(spec)
    assert mattes_of(resolved(spec, matte_missing="empty"))[1003] is None


def test_a_painted_frame_without_a_matte_stays_a_source(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1005), (1001, 1002), last=1002)
    (tmp_path / "t.1004.exr").write_text("painted")
    inputs = resolved(spec, painted=str(tmp_path / "t.1004.exr"))
    assert mattes_of(inputs) == {1001: "m.1001.exr", 1002: "m.1002.exr", 1004: None}
    assert inputs.targets == tuple(target.frame for target in to_shot(inputs).targets) == (1001, 1002)


# Mattes of other numbers


def test_mattes_that_fit_nowhere_are_named_with_both_ranges_and_the_offset(tmp_path: Path) -> None:
    spec = job(tmp_path, range(1001, 1009), range(8))
    assert "it runs from 0 to 7, the plate runs from 1001 to 1008. If they begin together: --matte-offset 1001." in (
        refused(spec)
    )
    inputs = resolved(spec, matte_offset=1001)
    assert mattes_of(inputs) == {1001 + n: f"m.{n:04d}.exr" for n in range(8)}
    assert "If they begin together: --matte-offset 1001." in refused(spec, matte_offset=995)


def test_an_offset_of_a_still_means_nothing(tmp_path: Path) -> None:
    assert set(mattes_of(resolved(job(tmp_path, range(1001, 1004)), matte_offset=7)).values()) == {"m.exr"}


def test_a_shot_refuses_what_the_job_would_have_refused(tmp_path: Path) -> None:
    shot = to_shot(resolved(job(tmp_path, range(1001, 1004))))
    with pytest.raises(ShotError, match="no plate has the number 1009"):
        type(shot)(shot.plates, shot.mattes, frames=(1001, 1009))
    with pytest.raises(ShotError, match="the range 1003-1001 is reversed"):
        type(shot)(shot.plates, shot.mattes, first=1003, last=1001)
    with pytest.raises(ShotError, match="frames is"):
        type(shot)(shot.plates, shot.mattes, frames=[1001])  # type: ignore[arg-type]
