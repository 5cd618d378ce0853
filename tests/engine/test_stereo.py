"""Stereo files: both eyes and all that comes with them survive, one is filled, and the result says which."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from aan_engine.errors import PlateUnsupported
from aan_engine.plates import exr, matte, stereo
from aan_engine.plates.exr_attributes import passthrough
from aan_engine.plates.exr_header import Attribute, Description, PartDescription
from aan_engine.plates.picture_layer import find_picture_channels
from aan_engine.plates.plate import PictureChannels
from plugin_host.server.describe import as_text

SHAPE = (24, 40)
MULTI_VIEW = b"\x05\0\0\0right\x04\0\0\0left"


def bits(kind: str, *, seed: int) -> Any:
    """Every bit pattern there is: NaN payloads, infinities and negative zeros among them."""
    width = np.dtype(kind).itemsize
    return np.random.default_rng(seed).integers(0, 1 << 8 * width, SHAPE, dtype=f"u{width}").view(kind)


def header(**more: Any) -> dict[str, Any]:
    overscan = (np.array([-4, -2], np.int32), np.array([35, 21], np.int32))
    framed = (np.array([0, 0], np.int32), np.array([31, 19], np.int32))
    return {
        "compression": OpenEXR.ZIP_COMPRESSION,
        "type": OpenEXR.scanlineimage,
        "dataWindow": overscan,
        "displayWindow": framed,
        "pixelAspectRatio": 2.0,
        "framesPerSecond": Fraction(24000, 1001),
        "cryptomatte/abc/name": "object",
        "cryptomatte/abc/manifest": '{"car": "3f2a1b00"}',
        **more,
    }


def in_parts(path: Path) -> Path:
    """Each eye in a part of its own, with what a renderer puts beside it."""
    parts = []
    for seed, eye in enumerate(("left", "right")):
        channels = {name: bits("f2", seed=10 * seed + i) for i, name in enumerate("RGBA")}
        channels |= {"depth.Z": bits("f4", seed=seed + 5), "id": bits("u4", seed=seed + 6)}
        channels |= {f"crypto00.{name}": bits("f4", seed=seed + 7) for name in "RGBA"}
        parts.append(OpenEXR.Part(header(view=eye), channels, f"rgba.{eye}"))
    OpenEXR.File(parts).write(str(path))
    return path


def shown(description: Description, picture: PictureChannels) -> str | None:
    return stereo.view_of(description.parts[picture.part], picture.names[0])


def filled(source: Path, target: Path) -> tuple[Any, Any, Any]:
    before = exr.read(source, frame=7)
    hidden = np.zeros(SHAPE, bool)
    hidden[6:12, 8:20] = True
    exr.write(target, before, pixels=np.full((*SHAPE, 3), 0.25, np.float32), hidden=hidden)
    return before, exr.read(target, frame=7), hidden


def test_the_first_eye_is_filled_and_every_bit_of_the_other_and_of_all_layers_stays(tmp_path: Path) -> None:
    before, after, hidden = filled(in_parts(tmp_path / "p.exr"), tmp_path / "out.exr")
    for index, (old, new) in enumerate(zip(before.parts, after.parts, strict=True)):
        for name, channel in old.channels.items():
            keep = ~hidden if index == 0 and name in "RGB" else np.ones(SHAPE, bool)
            assert new.channels[name][keep].tobytes() == channel[keep].tobytes(), (index, name)
            assert new.channels[name].dtype == channel.dtype
        kept = {name: attribute.value for name, attribute in passthrough(old.description).items()}
        assert {"framesPerSecond", "cryptomatte/abc/manifest", "view"} <= kept.keys()
        assert kept.items() <= {name: a.value for name, a in passthrough(new.description).items()}.items()
        assert new.description.data_window.as_exr() == (-4, -2, 35, 21)
        assert new.header["pixelAspectRatio"] == 2.0
    assert (after.pixels[hidden] == 0.25).all()


def test_the_result_of_a_stereo_plate_says_which_eye_was_filled(tmp_path: Path) -> None:
    _, after, _ = filled(in_parts(tmp_path / "p.exr"), tmp_path / "out.exr")
    left, right = (part.description.attributes for part in after.parts)
    assert left[stereo.FILLED_VIEW].value == b"left"
    assert stereo.FILLED_VIEW not in right


def test_a_result_that_is_filled_again_keeps_its_note_once(tmp_path: Path) -> None:
    filled(in_parts(tmp_path / "p.exr"), tmp_path / "out.exr")
    _, after, _ = filled(tmp_path / "out.exr", tmp_path / "again.exr")
    assert after.parts[0].description.attributes[stereo.FILLED_VIEW].value == b"left"


def test_the_other_eye_of_a_shared_part_is_filled_in_a_second_job_and_the_note_names_it(tmp_path: Path) -> None:
    channels = {name: bits("f2", seed=i) for i, name in enumerate(("R", "G", "B", "left.R", "left.G", "left.B"))}
    OpenEXR.File(header(multiView=["right", "left"]), channels).write(str(tmp_path / "p.exr"))
    filled(tmp_path / "p.exr", tmp_path / "right.exr")
    again = exr.read(tmp_path / "right.exr", frame=7, view="left")
    assert again.parts[0].description.attributes[stereo.FILLED_VIEW].value == b"right"
    hidden = np.ones(SHAPE, bool)
    exr.write(tmp_path / "both.exr", again, pixels=np.full((*SHAPE, 3), 0.25, np.float32), hidden=hidden)
    (part,) = exr.describe(tmp_path / "both.exr").parts
    assert part.attributes[stereo.FILLED_VIEW].value == b"left"


def test_a_plate_with_one_view_or_none_gets_no_note(tmp_path: Path) -> None:
    channels = {name: bits("f2", seed=i) for i, name in enumerate("RGB")}
    for number, more in enumerate(({}, {"view": "left"})):
        source = tmp_path / f"{number}.exr"
        OpenEXR.File(header(**more), channels).write(str(source))
        _, after, _ = filled(source, tmp_path / "out.exr")
        assert stereo.FILLED_VIEW not in after.parts[0].description.attributes


def test_eyes_that_share_a_part_are_told_by_its_list_and_the_one_without_a_name_is_its_first() -> None:
    listed = Attribute("stringvector", MULTI_VIEW, at=0)
    window = (0, 0, 3, 3)
    names = ("B", "G", "R", "left.B", "left.G", "left.R")
    channels = tuple((name, "half") for name in names)
    part = PartDescription("", "scanline", "zip", window, window, channels, None, (), {"multiView": listed})
    description = Description(Path("p.exr"), (part,))
    assert stereo.view_names(description) == ("right", "left")
    assert shown(description, find_picture_channels(description, frame=1)) == "right"
    assert shown(description, PictureChannels(0, ("left.R", "left.G", "left.B"))) == "left"


def test_the_eye_that_is_named_is_filled_and_the_other_keeps_every_bit(tmp_path: Path) -> None:
    source, hidden = in_parts(tmp_path / "p.exr"), np.zeros(SHAPE, bool)
    hidden[6:12, 8:20] = True
    before = exr.read(source, frame=7, view="right")
    exr.write(tmp_path / "out.exr", before, pixels=np.full((*SHAPE, 3), 0.25, np.float32), hidden=hidden)
    left, right = exr.read(tmp_path / "out.exr", frame=7).parts
    for name, channel in before.parts[0].channels.items():
        assert left.channels[name].tobytes() == channel.tobytes()
    assert (right.channels["R"][hidden] == np.float16(0.25)).all()
    assert right.description.attributes[stereo.FILLED_VIEW].value == b"right"
    assert stereo.FILLED_VIEW not in left.description.attributes


def test_an_eye_in_a_shared_part_goes_by_its_own_channels_and_not_by_a_layer_s() -> None:
    listed = Attribute("stringvector", MULTI_VIEW, at=0)
    names = ("B", "G", "R", *(f"{layer}left.{c}" for layer in ("crypto.", "") for c in "BGR"))
    channels = tuple((name, "half") for name in names)
    part = PartDescription("", "scanline", "zip", (0, 0, 3, 3), (0, 0, 3, 3), channels, None, (), {"multiView": listed})
    description = Description(Path("p.exr"), (part,))
    assert find_picture_channels(description, frame=1, view="left").names == ("left.R", "left.G", "left.B")
    assert find_picture_channels(description, frame=1, view="right").names == ("R", "G", "B")


def test_an_eye_that_is_not_there_is_named_with_those_that_are(tmp_path: Path) -> None:
    with pytest.raises(PlateUnsupported, match="no view 'centre'") as caught:
        exr.read(in_parts(tmp_path / "p.exr"), frame=7, view="centre")
    assert "left and right" in caught.value.hint
    OpenEXR.File(header(), {name: bits("f2", seed=1) for name in "RGB"}).write(str(tmp_path / "mono.exr"))
    with pytest.raises(PlateUnsupported, match="no view 'left'") as caught:
        exr.read(tmp_path / "mono.exr", frame=7, view="left")
    assert "no stereo file" in caught.value.hint


def test_a_stereo_matte_lends_each_eye_its_own(tmp_path: Path) -> None:
    parts = [
        OpenEXR.Part(header(view=eye), {"A": np.full(SHAPE, value, np.float16)}, f"matte.{eye}")
        for eye, value in (("left", 0), ("right", 1))
    ]
    OpenEXR.File(parts).write(str(tmp_path / "m.exr"))
    plate = exr.read(in_parts(tmp_path / "p.exr"), frame=7)
    for eye, value in ((None, 0), ("left", 0), ("right", 1)):
        found = matte.read(tmp_path / "m.exr", frame=7, channel=None, like=plate, view=eye)
        assert (found == value).all()
        assert matte.is_empty(tmp_path / "m.exr", frame=7, channel=None, view=eye) is (value == 0)


def test_a_list_of_views_that_ends_early_does_no_harm() -> None:
    part = PartDescription("", "scanline", "zip", (0, 0, 1, 1), (0, 0, 1, 1), (("Y", "half"),), None)
    for cut in range(len(MULTI_VIEW)):
        attributes = {"multiView": Attribute("stringvector", MULTI_VIEW[:cut], at=0)}
        assert len(stereo.view_names(Description(Path("p.exr"), (replace(part, attributes=attributes),)))) <= 2


def test_info_names_the_eye_that_is_filled_and_the_one_that_stays(tmp_path: Path) -> None:
    said = as_text(exr.describe(in_parts(tmp_path / "p.exr")))
    assert "R G B of part 0" in said
    assert "left is filled; right stays as it is" in said


def test_info_says_that_a_picture_in_luminance_and_chroma_is_not_filled(tmp_path: Path) -> None:
    OpenEXR.File(header(), {name: bits("f2", seed=1) for name in ("Y", "RY", "BY")}).write(str(tmp_path / "p.exr"))
    assert "filled   nothing: this plate cannot be filled" in as_text(exr.describe(tmp_path / "p.exr"))
