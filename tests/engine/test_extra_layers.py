"""Extra layers by name: what a plate's channels are called, which of them a name means, and which stay."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import pytest

from aan_engine.core.box import Box
from aan_engine.errors import PlateUnsupported
from aan_engine.plates import extra_layers
from aan_engine.plates.exr_header import Attribute, Description, PartDescription
from aan_engine.plates.plate import PictureChannels

WINDOW = Box(top=0, bottom=24, left=0, right=32)
PLAIN = PictureChannels(0, ("R", "G", "B"))
BLENDER = PictureChannels(0, ("ViewLayer.Combined.R", "ViewLayer.Combined.G", "ViewLayer.Combined.B"))


def part(names: Iterable[str], name: str = "", *, window: Box = WINDOW, view: str = "") -> PartDescription:
    """A part; a channel's type may follow its name, as in `id:uint`."""
    split = [channel.partition(":") for channel in sorted(names)]
    attributes = {"view": Attribute("string", view.encode(), at=0)} if view else {}
    typed = tuple((channel, kind or "half") for channel, _, kind in split)
    return PartDescription(name, "scanline", "zip", WINDOW, window, typed, None, (), attributes)


def header(*parts: PartDescription) -> Description:
    return Description(Path("p.1003.exr"), parts)


CG = header(part(["R", "G", "B", "A", "Z", "depth.Z", "normals.X", "normals.Y", "normals.Z", "albedo.R", "id:uint"]))
CYCLES = header(
    part([*BLENDER.names, "ViewLayer.Combined.A", "ViewLayer.Depth.Z", "ViewLayer.Normal.X", "Other.Normal.X"])
)
PARTS = header(part([*"RGBA"], "beauty"), part(["Z"], "depth"), part(["N.X", "N.Y"], "N"), part(["number:uint"], "id"))


def meant(description: Description, names: str | None, picture: PictureChannels = PLAIN) -> list[str]:
    return [channel.label for channel in extra_layers.chosen(description, picture, names, frame=1003)]


NORMALS = ["normals.X", "normals.Y", "normals.Z"]


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        (None, []),
        ("", []),
        (" , ", []),
        ("A", ["A"]),
        ("Z", ["Z"]),
        ("depth.Z", ["depth.Z"]),
        ("depth", ["depth.Z"]),
        ("normals", NORMALS),
        ("normals.*", NORMALS),
        ("normals.[XY]", NORMALS[:2]),
        ("a, NORMALS.x", ["A", "normals.X"]),
        ("alpha", ["A"]),
        ("A,Z,normals.*", ["A", "Z", *NORMALS]),
        ("A,A,*", ["A", "Z", "albedo.R", "depth.Z", "id", *NORMALS]),
        ("R,G,B,A", ["A"]),
        ("R", []),
    ],
)
def test_a_name_is_a_channel_a_layer_or_a_pattern_in_its_own_case_or_any(names: str | None, labels: list[str]) -> None:
    assert meant(CG, names) == labels


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ("A", ["ViewLayer.Combined.A"]),
        ("Combined", ["ViewLayer.Combined.A"]),
        ("Z", ["ViewLayer.Depth.Z"]),
        ("depth", ["ViewLayer.Depth.Z"]),
        ("Depth.Z", ["ViewLayer.Depth.Z"]),
        ("Depth.*", ["ViewLayer.Depth.Z"]),
        ("*.Normal.X", ["Other.Normal.X", "ViewLayer.Normal.X"]),
        ("ViewLayer.Normal", ["ViewLayer.Normal.X"]),
    ],
)
def test_the_name_of_a_view_layer_may_be_left_away_where_it_is_clear(names: str, labels: list[str]) -> None:
    assert meant(CYCLES, names, BLENDER) == labels


def test_a_vectors_z_and_a_passs_alpha_are_not_taken_for_the_depth_and_the_alpha() -> None:
    passes = header(part([*"RGB", *NORMALS, "albedo.R", "albedo.A"]))
    for name in ("Z", "A"):
        with pytest.raises(PlateUnsupported, match=f"no channel or layer '{name}'"):
            meant(passes, name)


def test_a_name_that_may_be_either_of_two_layers_is_refused_with_both() -> None:
    with pytest.raises(PlateUnsupported, match=r"'Normal' to fill along may be any of 2 layers") as refused:
        meant(CYCLES, "Normal", BLENDER)
    assert refused.value.hint == "Name Other.Normal or ViewLayer.Normal."
    assert refused.value.frame == 1003


@pytest.mark.parametrize(
    ("names", "labels"),
    [
        ("depth", ["depth.Z"]),
        ("depth.Z", ["depth.Z"]),
        ("Z", ["depth.Z"]),
        ("beauty.A", ["A"]),
        ("N", ["N.X", "N.Y"]),
        ("id.number", ["id.number"]),
        ("*", ["A", "depth.Z", "N.X", "N.Y", "id.number"]),
    ],
)
def test_other_parts_are_meant_by_their_names(names: str, labels: list[str]) -> None:
    assert meant(PARTS, names) == labels


def test_a_label_stays_the_same_where_parts_change_places() -> None:
    swapped = header(*reversed(PARTS.parts))
    last = PictureChannels(len(PARTS.parts) - 1, PLAIN.names)
    before = {c.label: (PARTS.parts[c.part].name, c.name) for c in extra_layers.available(PARTS, PLAIN)}
    after = {c.label: (swapped.parts[c.part].name, c.name) for c in extra_layers.available(swapped, last)}
    assert before == after


def test_two_channels_never_share_a_label() -> None:
    both = header(part([*"RGB", "depth.Z"], "beauty"), part(["Z"], "depth"))
    labels = [channel.label for channel in extra_layers.available(both, PLAIN)]
    assert labels == ["depth.Z", "depth.depth.Z"]


def test_an_unknown_name_is_refused_with_what_there_is_the_file_and_the_frame() -> None:
    with pytest.raises(PlateUnsupported) as refused:
        meant(CG, "A,Q")
    assert str(refused.value) == (
        "this plate has no channel or layer 'Q' to fill along (frame 1003, p.1003.exr). "
        "--fill-layers may name A, Z, albedo.R, depth.Z, id, normals.X, normals.Y, normals.Z."
    )
    with pytest.raises(PlateUnsupported, match="nothing beside its picture: leave --fill-layers away"):
        meant(header(part("RGB")), "Z")


def test_a_part_of_another_window_and_another_eye_are_not_filled_along() -> None:
    smaller = header(part("RGB", "beauty"), part(["Z"], "depth", window=Box(top=0, bottom=9, left=0, right=9)))
    assert meant(smaller, "R") == []
    with pytest.raises(PlateUnsupported, match="'depth' cannot be filled along: it has another data window"):
        meant(smaller, "depth")
    eyes = header(part(["R", "G", "B", "Z"], "left", view="left"), part(["R", "G", "B", "Z"], "right", view="right"))
    assert meant(eyes, "*") == ["Z"]
    with pytest.raises(PlateUnsupported, match="'right' cannot be filled along: it belongs to another view"):
        meant(eyes, "right")


@pytest.mark.parametrize(
    "name",
    [
        "Z",
        "depth.Z",
        "Depth.V",
        "ViewLayer.Depth.Z",
        "ZBack",
        "ZDepth",
        "depth.R",
        "worldDepth",
        "P.X",
        "Position.X",
        "id",
        "id.R",
        "objectID",
        "object_id",
        "uid",
        "materialid",
        "IndexOB.X",
        "indexMA",
        "puzzle_id.G",
        "CryptoObject00.r",
        "crypto_material.red",
        "normal_crypto00.X",
        "number:uint",
    ],
)
def test_numbers_distances_and_points_are_taken_whole(name: str) -> None:
    (channel,) = extra_layers.available(header(part([*PLAIN.names, name])), PLAIN)
    assert channel.nearest, name


@pytest.mark.parametrize(
    "names",
    ["A", "albedo.R", "grid.R", "video.G", "side.a", "hidden", "N.X N.Y N.Z", "Vector.X Vector.Y Vector.Z", "Mist"],
)
def test_all_else_is_interpolated_and_so_are_the_components_of_vectors(names: str) -> None:
    channels = extra_layers.available(header(part([*PLAIN.names, *names.split()])), PLAIN)
    assert [channel.nearest for channel in channels] == [False] * len(names.split())


@pytest.mark.parametrize(
    ("description", "picture", "names", "said"),
    [
        (header(part("RGB")), PLAIN, None, ""),
        (header(part("RGBA")), PLAIN, None, "alpha stays as it is (--fill-layers)"),
        (header(part("RGBAZ")), PLAIN, None, "alpha and Z stay as they are (--fill-layers)"),
        (header(part("RGBAZ")), PLAIN, "A", "Z stays as it is (--fill-layers)"),
        (header(part("RGBAZ")), PLAIN, "Z,A", ""),
        (header(part("RGBAZ")), PLAIN, "nothing", "alpha and Z stay as they are (--fill-layers)"),
        (CG, PLAIN, None, "alpha, Z, albedo and 3 more layers stay as they are (--fill-layers)"),
        (CG, PLAIN, "id,normals", "alpha, Z, albedo and 1 more layer stay as they are (--fill-layers)"),
        (CG, PLAIN, "*", ""),
        (CYCLES, BLENDER, "*Normal*", "alpha and ViewLayer.Depth stay as they are (--fill-layers)"),
        (PARTS, PLAIN, "A", "depth, N and id stay as they are (--fill-layers)"),
    ],
)
def test_what_stays_is_said_in_one_sentence(
    description: Description, picture: PictureChannels, names: str | None, said: str
) -> None:
    assert extra_layers.note(description, picture, names) == said
