"""Which layer of the plates is filled: by its name, once for the shot, or the artist is asked."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from aan_engine.errors import PlateUnsupported
from aan_engine.plates import exr, patch, picture_layer
from aan_engine.plates.exr_header import Description
from aan_engine.plates.shot_channels import ShotChannels
from aan_engine.plates.shot_frames import ShotFrames
from aan_engine.shot import Controls, FrameFile, Known, Shot
from tests.engine.layered import SHAPE, flat, header, picture, roto, triple, write, write_parts


def decided(description: Description, named: str | None = None, view: str | None = None) -> tuple[str, str]:
    """The part and the first channel of the layer that is decided on."""
    found = picture_layer.decide(description, frame=1001, named=named, view=view)
    return found.part, found.names[0]


def shot_of(folder: Path, *files: Path, **controls: object) -> Shot:
    write(folder / "m.exr", {"A": roto()})
    plates = tuple(FrameFile(1001 + i, file) for i, file in enumerate(files))
    return Shot(plates, (FrameFile(1001, folder / "m.exr"),), controls=Controls(**controls))  # type: ignore[arg-type]


# --- one file ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("layers", "first"),
    [
        (["AO", "rgba"], "rgba.R"),
        (["AO", "RGBA", "beauty"], "RGBA.R"),
        (["albedo", "beauty"], "beauty.R"),
        (["albedo", "Beauty"], "Beauty.R"),
        (["ViewLayer.AO", "ViewLayer.Combined", "ViewLayer.DiffCol"], "ViewLayer.Combined.R"),
        (["AO", "C"], "C.R"),
        (["Ci", "albedo"], "Ci.R"),
        (["RGB_color", "diffuse"], "RGB_color.R"),
        (["AO", ""], "R"),
        (["AO", "beauty", ""], "R"),
        (["anything"], "anything.R"),
        (["diffuse.color", "beauty"], "beauty.R"),
    ],
)
def test_a_layer_is_the_picture_by_its_name_and_not_by_the_alphabet(layers: list[str], first: str) -> None:
    channels = [name for layer in layers for name in triple(layer)]
    assert decided(header(("", channels))) == ("", first)


@pytest.mark.parametrize("spelling", ["RGB", "rgb", ("red", "green", "blue"), ("Red", "Green", "Blue")])
@pytest.mark.parametrize("layer", ["", "beauty", "ViewLayer.Combined"])
def test_every_usual_spelling_is_read(spelling: str, layer: str) -> None:
    names = triple(layer, spelling)
    found = picture_layer.decide(header(("", [*names, "Z"])), frame=1)
    assert found.names == tuple(names)


@pytest.mark.parametrize(
    ("parts", "expected"),
    [
        (["AO", "rgba"], "rgba"),
        (["albedo", "depth", "Beauty"], "Beauty"),
        (["ViewLayer.AO", "ViewLayer.Combined"], "ViewLayer.Combined"),
    ],
)
def test_a_part_of_such_a_name_wins_wherever_it_stands(parts: list[str], expected: str) -> None:
    assert decided(header(*((name, triple()) for name in parts))) == (expected, "R")
    assert decided(header(*((name, triple()) for name in reversed(parts)))) == (expected, "R")


def test_the_plain_channels_of_a_part_go_before_its_layers() -> None:
    both = header(("main pass", [*triple(), *triple("diffuse")]), ("depth", ["Z"]))
    assert decided(both) == ("main pass", "R")


@pytest.mark.parametrize(
    "description",
    [
        header(("", [*triple("AO"), *triple("albedo")])),
        header(("AO", triple()), ("albedo", triple())),
        header(("", [*triple("Near.Combined"), *triple("Far.Combined")])),
        header(("", [*triple("diffuse.color"), *triple("glossy.color")])),
    ],
)
def test_where_no_name_tells_the_artist_is_asked_with_the_list(description: Description) -> None:
    with pytest.raises(PlateUnsupported, match="may be any of 2") as told:
        picture_layer.decide(description, frame=1001)
    assert "--plate-layer" in told.value.hint
    for one in picture_layer.candidates(description):
        assert one.label in told.value.hint
        assert picture_layer.decide(description, frame=1001, named=one.label) == one
    assert told.value.frame == 1001


def test_layers_of_whole_numbers_do_not_stand_beside_light() -> None:
    ids = header(("", triple("ids")), kind="uint").parts[0].channels
    part = header(("", triple("render"))).parts[0]
    mixed = replace(part, channels=(*ids, *part.channels))
    assert decided(Description(Path("p.exr"), (mixed,))) == ("", "render.R")
    with pytest.raises(PlateUnsupported, match="integers"):
        picture_layer.decide(header(("", triple("ids")), kind="uint"), frame=1)


# --- named ---------------------------------------------------------------------------------------------------------

LAYERED = header(("", [*triple(), *triple("AO"), *triple("ViewLayer.Combined"), *triple("ao2")]))
PARTED = header(("rgba", triple()), ("Albedo", [*triple(), *triple("raw")]), ("depth", ["Z"]))


@pytest.mark.parametrize(
    ("description", "named", "expected"),
    [
        (LAYERED, "AO", ("", "AO.R")),
        (LAYERED, "ao", ("", "AO.R")),
        (LAYERED, "combined", ("", "ViewLayer.Combined.R")),
        (LAYERED, "ViewLayer.Combined", ("", "ViewLayer.Combined.R")),
        (LAYERED, "rgba", ("", "R")),
        (PARTED, "Albedo", ("Albedo", "R")),
        (PARTED, "albedo", ("Albedo", "R")),
        (PARTED, "Albedo.raw", ("Albedo", "raw.R")),
        (PARTED, "raw", ("Albedo", "raw.R")),
        (header(("", [*triple(), *triple("rgba")])), "rgba", ("", "rgba.R")),
    ],
)
def test_a_layer_or_part_is_named_in_its_own_case_or_in_any(
    description: Description, named: str, expected: tuple[str, str]
) -> None:
    assert decided(description, named) == expected


def test_a_name_that_nothing_has_or_several_have_is_answered_with_what_there_is() -> None:
    with pytest.raises(PlateUnsupported, match="no layer or part 'depth'") as told:
        decided(PARTED, "depth")
    assert "It has rgba, Albedo, Albedo.raw." in told.value.hint
    with pytest.raises(PlateUnsupported, match="'bEAUTY' may be any of 2"):
        decided(header(("", [*triple("Beauty"), *triple("beauty")])), "bEAUTY")


# --- views ---------------------------------------------------------------------------------------------------------


def test_a_view_has_its_own_layers_whose_names_may_carry_it() -> None:
    views = {"AO.left": "left", "rgba.left": "left", "AO.right": "right", "rgba.right": "right"}
    stereo_file = header(*((name, triple()) for name in views), views=views)
    assert decided(stereo_file) == ("rgba.left", "R")
    assert decided(stereo_file, view="right") == ("rgba.right", "R")
    names = [*triple("ViewLayer.Combined.left"), *triple("ViewLayer.AO.left")]
    blender = header(("left", names), ("right", [n.replace("left", "right") for n in names]), views={"left": "left"})
    assert decided(blender) == ("left", "ViewLayer.Combined.left.R")
    assert picture_layer.decide(blender, frame=1).label == "left.ViewLayer.Combined"


# --- a shot --------------------------------------------------------------------------------------------------------


def test_parts_may_swap_places_in_mid_shot(tmp_path: Path) -> None:
    beauty, albedo = ("beauty", picture()), ("albedo", {name: flat(0.5) for name in "RGB"})
    files = [write_parts(tmp_path / "1.exr", albedo, beauty), write_parts(tmp_path / "2.exr", beauty, albedo)]
    frames = ShotFrames(shot_of(tmp_path, *files))
    first, second = frames.plate(0), frames.plate(1)
    assert (first.picture.part, second.picture.part) == (1, 0)
    assert first.pixels.tobytes() == second.pixels.tobytes()


def test_a_frame_without_the_layer_is_refused_with_its_file_and_number(tmp_path: Path) -> None:
    files = [
        write(tmp_path / "1.exr", picture("beauty") | picture("AO")),
        write(tmp_path / "2.exr", picture("AO")),
    ]
    with pytest.raises(PlateUnsupported, match=r"no layer beauty.*frame 1002.*2\.exr.*It has AO"):
        ShotFrames(shot_of(tmp_path, *files)).plate(1)


def test_the_layer_that_is_named_is_read_of_every_frame(tmp_path: Path) -> None:
    files = [write(tmp_path / f"{i}.exr", picture() | picture("AO")) for i in (1, 2)]
    frames = ShotFrames(shot_of(tmp_path, *files, plate_layer="ao"))
    assert {frames.plate(i).picture.names for i in (0, 1)} == {("AO.R", "AO.G", "AO.B")}


def test_a_painted_frame_may_hold_the_picture_alone(tmp_path: Path) -> None:
    plate = write(tmp_path / "1.exr", picture("beauty") | picture("AO"))
    shot = shot_of(tmp_path, plate)
    plain = FrameFile(1001, write(tmp_path / "plain.exr", picture()))
    whole = FrameFile(1001, write(tmp_path / "whole.exr", picture("AO") | picture("beauty")))
    channels = ShotChannels(replace(shot, known=Known(painted=(plain,))))
    assert channels.picture_of(shot.plates[0]).names[0] == "beauty.R"
    assert channels.picture_of(plain).names[0] == "R"
    assert channels.picture_of(whole).names[0] == "beauty.R"


@pytest.mark.parametrize(
    ("layer", "spelling", "alpha"),
    [
        ("", "RGB", "A"),
        ("", "rgb", "a"),
        ("beauty", "rgb", "beauty.a"),
        ("rgba", ("red", "green", "blue"), "rgba.alpha"),
        ("rgba", ("Red", "Green", "Blue"), "rgba.Alpha"),
    ],
)
def test_the_alpha_of_a_patch_is_spelled_as_its_colours(tmp_path: Path, layer: str, spelling: str, alpha: str) -> None:
    plate = exr.read(write(tmp_path / "p.exr", picture(layer, spelling)), frame=1)
    cut = patch.cut(plate, pixels=np.zeros((*SHAPE, 3), np.float32), hidden=roto() > 0)
    assert set(cut.parts[0].channels) == {*triple(layer, spelling), alpha}
