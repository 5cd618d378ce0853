"""Which channels of a matte are read: by name, by what they hold over the shot, or the artist is asked."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.errors import MatteError
from aan_engine.plates import matte, matte_choice
from aan_engine.plates.matte_channels import MatteChannels
from aan_engine.shot import FrameFile
from tests.engine.layered import SHAPE, flat, picture, roto, write, write_parts

Channels = dict[str, NDArray[Any]]
FLOOR = 1 / 255 * (1 + matte.ROUNDING)
WHOLE = matte.WholeFrame(Box.whole(SHAPE))


def shot(folder: Path, frames: list[Channels]) -> list[FrameFile]:
    return [FrameFile(1001 + i, write(folder / f"m.{1001 + i}.exr", channels)) for i, channels in enumerate(frames)]


def decided(files: list[FrameFile], named: str | None = None, **more: Any) -> str:
    return matte_choice.decide(files, named=named, view=None, floor=FLOOR, **more).text


def spread_over(
    roto_of: Callable[[int], NDArray[Any]], name: str, frames: int, **others: NDArray[Any]
) -> list[Channels]:
    return [{name: roto_of(i), **others} for i in range(frames)]


# --- not named -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ({"A": roto(), **picture()}, "A"),
        ({"a": roto(), **picture(spelling="rgb")}, "a"),
        ({"alpha": roto(), **picture(spelling=("red", "green", "blue"))}, "alpha"),
        ({"mask.a": roto(), **picture()}, "mask.a"),
        ({"A": roto(), "other.A": roto(top=0)}, "A"),
        ({"roto": roto()}, "roto"),
        ({"Y": roto(), "Z": flat(12.0), "id": flat(3, np.uint32)}, "Y"),
        ({"R": roto(), "G": roto(), "B": roto()}, "R"),
        ({"R": roto(), "G": flat(0), "B": flat(0)}, "R"),
        ({"R": flat(0), "G": roto(), "B": flat(0.003)}, "G"),
        ({"roto.red": roto(), "roto.green": flat(0), "roto.blue": flat(0)}, "roto.red"),
        ({**picture(), "Object_0.Y": roto()}, "Object_0.Y"),
        ({"Object_0.Y": flat(0), "Object_1.Y": roto()}, "Object_1.Y"),
        ({**{n: flat(0) for n in "RGB"}, **picture("original"), "other.woman01": roto()}, "other.woman01"),
        ({**picture(), **{f"crypto00.{n}": flat(0.3, np.float32) for n in "RGBA"}, "mask.Y": roto()}, "mask.Y"),
        ({n: flat(1) for n in "RGBA"}, "A"),
        ({n: flat(0) for n in "RGBA"}, "A"),
        ({**picture(), "A": flat(0)}, "A"),
        ({"Z": roto()}, "Z"),
    ],
)
def test_the_channel_that_is_certainly_the_matte_is_taken(tmp_path: Path, channels: Channels, expected: str) -> None:
    assert decided(shot(tmp_path, [channels])) == expected


@pytest.mark.parametrize(
    ("channels", "why", "offered"),
    [
        (picture(), "not clear", "R, G, B"),
        ({"Object_0.Y": roto(), "Object_1.Y": roto(top=0)}, "not clear", "Object_0.Y, Object_1.Y"),
        ({"R": roto(), "G": roto(top=0), "B": flat(0)}, "not clear", "G, R"),
        ({"R": roto(), "G": roto(top=0), "B": roto(left=20), "Y": roto(top=12)}, "not clear", "B, G, R, Y"),
        ({"car.A": roto(), "wires.A": roto(top=0)}, "not clear", "car.A, wires.A"),
        ({"A": flat(1), **{n: roto() for n in "RGB"}}, "alpha is 1 everywhere", "--matte-channel R"),
        ({"A": flat(1), **picture(), "roto.A": roto()}, "alpha is 1 everywhere", "--matte-channel roto.A"),
        ({"A": flat(1), **picture()}, "alpha is 1 everywhere", "--matte-channel R, G, B"),
        ({"Y": roto(), "A": flat(1)}, "alpha is 1 everywhere", "--matte-channel Y"),
        ({"A": flat(0), **{n: roto() for n in "RGB"}}, "alpha is 0 everywhere", "--matte-channel R"),
        ({"A": flat(0), "roto.Y": roto()}, "alpha is 0 everywhere", "--matte-channel roto.Y"),
    ],
)
def test_what_is_not_certain_is_asked_with_the_names_to_give(
    tmp_path: Path, channels: Channels, why: str, offered: str
) -> None:
    with pytest.raises(MatteError, match=why) as told:
        decided(shot(tmp_path, [channels]))
    assert offered in told.value.hint
    assert (told.value.frame, told.value.file) == (1001, tmp_path / "m.1001.exr")


def test_a_channel_that_holds_something_on_one_frame_alone_is_found(tmp_path: Path) -> None:
    at = 17
    frames: list[Channels] = [{"R": flat(0), "G": roto() if i == at else flat(0), "B": flat(0)} for i in range(30)]
    assert decided(shot(tmp_path, frames)) == "G"


def test_an_alpha_is_judged_over_the_whole_shot(tmp_path: Path) -> None:
    frames: list[Channels] = [{"A": roto() if i == 17 else flat(0), **{n: roto() for n in "RGB"}} for i in range(30)]
    assert decided(shot(tmp_path, frames)) == "A"


def test_an_object_that_fills_its_cropped_window_is_no_solid_alpha(tmp_path: Path) -> None:
    display = (np.array([0, 0], np.int32), np.array([31, 23], np.int32))
    cropped = (np.array([4, 4], np.int32), np.array([11, 9], np.int32))
    channels = {"A": np.ones((6, 8), np.float16), "R": np.linspace(0, 1, 48, dtype=np.float16).reshape(6, 8)}
    path = write(tmp_path / "m.1001.exr", channels, dataWindow=cropped, displayWindow=display)
    assert decided([FrameFile(1001, path)]) == "A"


def test_pixels_are_not_read_where_a_name_settles_it(tmp_path: Path) -> None:
    alone = write(tmp_path / "a.exr", {"roto": roto()})
    cut = tmp_path / "cut.exr"
    cut.write_bytes(alone.read_bytes()[:-40])
    assert decided([FrameFile(1, cut)]) == "roto"
    several = write(tmp_path / "b.exr", {"R": roto(), "G": roto(top=0)})
    cut.write_bytes(several.read_bytes()[:-40])
    assert decided([FrameFile(1, cut)], "G") == "G"


def test_holdout_mattes_are_decided_by_the_same_rule_without_an_option_to_name(tmp_path: Path) -> None:
    assert decided(shot(tmp_path, [{"R": roto(), "G": flat(0), "B": flat(0)}]), called="holdout matte") == "R"
    with pytest.raises(MatteError, match="the holdout matte") as told:
        decided(shot(tmp_path, [picture()]), called="holdout matte")
    assert "--matte-channel" not in told.value.hint


# --- named ---------------------------------------------------------------------------------------------------------

MANY: Channels = {
    "A": flat(1),
    **picture(),
    "roto.A": roto(),
    "hair.R": roto(),
    "hair.G": roto(),
    "hair.B": roto(),
    "Object_0.Y": roto(),
    "Object_1.Y": roto(top=0),
}


@pytest.mark.parametrize(
    ("named", "expected"),
    [
        ("roto.A", "roto.A"),
        ("roto", "roto.A"),
        ("ROTO", "roto.A"),
        ("roto.alpha", "roto.A"),
        ("hair", "hair.R"),
        ("A", "A"),
        ("a", "A"),
        ("red", "R"),
        ("Object_0.Y, Object_1.Y", "Object_0.Y + Object_1.Y"),
        ("object_1", "Object_1.Y"),
        ("roto,Object_0.Y,roto.A", "roto.A + Object_0.Y"),
    ],
)
def test_a_channel_a_layer_or_several_are_named(tmp_path: Path, named: str, expected: str) -> None:
    assert decided(shot(tmp_path, [MANY]), named) == expected


@pytest.mark.parametrize("named", ["mask", "roto.R", "Object_0.Y,nothing", " , "])
def test_a_name_that_is_not_there_is_answered_with_what_is(tmp_path: Path, named: str) -> None:
    with pytest.raises(MatteError, match="no channel") as told:
        decided(shot(tmp_path, [MANY]), named)
    if named.strip(" ,"):
        assert "roto.A" in told.value.hint


def test_a_name_that_several_channels_have_is_asked_about(tmp_path: Path) -> None:
    with pytest.raises(MatteError, match="'Y' may be any of 2 channels") as told:
        decided(shot(tmp_path, [MANY]), "Y")
    assert "Object_0.Y, Object_1.Y" in told.value.hint


@pytest.mark.parametrize(("named", "expected"), [("matte", "matte.Y"), ("matte.Y", "matte.Y"), ("MATTE", "matte.Y")])
def test_a_part_is_named_by_its_name_alone(tmp_path: Path, named: str, expected: str) -> None:
    path = write_parts(
        tmp_path / "m.exr",
        ("rgba", {**picture(), "A": flat(1)}),
        ("matte", {"Y": roto()}),
        ("id", {"uid": flat(1, np.uint32)}),
    )
    assert decided([FrameFile(1, path)], named) == expected


def test_a_layer_without_an_alpha_is_asked_about_as_a_file_is(tmp_path: Path) -> None:
    with pytest.raises(MatteError, match="not clear") as told:
        decided(shot(tmp_path, [{**picture("shown"), "A": roto()}]), "shown")
    assert "shown.R, shown.G, shown.B" in told.value.hint


def test_a_name_may_come_into_the_shot_later(tmp_path: Path) -> None:
    frames: list[Channels] = [{"Object_0.Y": roto()} for _ in range(20)]
    frames[13] = {"Object_0.Y": roto(), "Object_1.Y": roto(top=0)}
    assert decided(shot(tmp_path, frames), "Object_0.Y,Object_1.Y") == "Object_0.Y + Object_1.Y"


# --- read ----------------------------------------------------------------------------------------------------------


def read(file: FrameFile, channels: MatteChannels) -> NDArray[np.float32]:
    return matte.read(file.path, frame=file.frame, channel=channels, like=WHOLE)


def test_a_union_is_the_larger_value_of_those_that_a_frame_has(tmp_path: Path) -> None:
    low, high = 0.25 * roto(), roto(top=0, left=10)
    both, one, none = shot(tmp_path, [{"a.Y": low, "b.Y": high}, {"a.Y": low}, {"c.Y": low}])
    channels = matte_choice.decide([both, one], named="a.Y,b.Y", view=None)
    np.testing.assert_array_equal(read(both, channels), np.maximum(low, high))
    np.testing.assert_array_equal(read(one, channels), low)
    with pytest.raises(MatteError, match=r"no channel a\.Y \+ b\.Y.*frame 1003.*It has c\.Y"):
        read(none, channels)


def test_the_parts_of_a_union_have_their_own_windows(tmp_path: Path) -> None:
    def part(name: str, x: int) -> Any:
        display = (np.array([0, 0], np.int32), np.array([31, 23], np.int32))
        cropped = (np.array([x, 5], np.int32), np.array([x + 3, 8], np.int32))
        header = {"compression": OpenEXR.ZIP_COMPRESSION, "displayWindow": display, "dataWindow": cropped}
        return OpenEXR.Part(header, {"Y": np.ones((4, 4), np.float16)}, name)

    OpenEXR.File([part("left", 2), part("right", 20)]).write(str(tmp_path / "m.exr"))
    file = FrameFile(1, tmp_path / "m.exr")
    found = read(file, matte_choice.decide([file], named="left,right", view=None))
    expected = np.zeros(SHAPE, np.float32)
    expected[5:9, 2:6] = expected[5:9, 20:24] = 1
    np.testing.assert_array_equal(found, expected)


def test_the_matte_of_one_file_is_told_for_people(tmp_path: Path) -> None:
    path = write(tmp_path / "m.exr", {"R": roto(), "G": flat(0), "B": flat(0)})
    assert matte_choice.of_file(path, frame=1).text == "R"
