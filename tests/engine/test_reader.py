"""Footage: pictures of other formats come in as what they are, and go out as an EXR of the same values."""

from __future__ import annotations

import shutil
import struct
from pathlib import Path
from typing import Any

import numpy as np
import OpenImageIO
import pytest

from aan_engine.colour import encoding
from aan_engine.errors import MatteError, PlateMissing, PlateUnreadable, PlateUnsupported
from aan_engine.plates import exr, formats, matte, reader
from aan_engine.plates.plate import Plate
from tests.engine.pictures import SIZE, movie, ramp, still


@pytest.fixture(autouse=True)
def without_a_studio(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("OCIO", raising=False)


def srgb(codes: Any) -> Any:
    """The curve of IEC 61966-2-1, written down here once more."""
    codes = np.asarray(codes, np.float64)
    return np.where(codes <= 0.04045, codes / 12.92, ((codes + 0.055) / 1.055) ** 2.4)


def attribute(plate: Plate, name: str) -> bytes | None:
    found = plate.parts[0].description.attributes.get(name)
    return found.value if found is not None else None


@pytest.mark.parametrize(
    ("suffix", "kind", "top"), [("png", "uint8", 255), ("tif", "uint8", 255), ("png", "uint16", 65535)]
)
def test_srgb_pictures_become_light_in_a_type_that_holds_their_bits(
    tmp_path: Path, suffix: str, kind: str, top: int
) -> None:
    codes = ramp(kind)
    plate = reader.read(still(tmp_path / f"p.{suffix}", codes), frame=1001)
    wanted = srgb(codes / top)
    channel = plate.parts[0].channels["R"]
    assert channel.dtype == (np.float16 if kind == "uint8" else np.float32)
    assert plate.pixels == pytest.approx(wanted, rel=1e-3 if kind == "uint8" else 1e-5, abs=1e-6)
    assert attribute(plate, "colorInteropID") == b"lin_rec709_scene"
    assert len(np.unique(channel)) == len(np.unique(codes[..., 0]))


def test_a_jpeg_comes_in_too(tmp_path: Path) -> None:
    flat = np.full((*SIZE, 3), 128, np.uint8)
    plate = reader.read(still(tmp_path / "p.jpg", flat, kind="jpeg"), frame=1)
    assert np.abs(plate.pixels - srgb(128 / 255)).max() < 0.004


@pytest.mark.parametrize("kind", ["float32", "float16"])
def test_floating_point_pictures_are_light_already_and_keep_every_bit(tmp_path: Path, kind: str) -> None:
    light = np.random.default_rng(0).normal(1, 5, (*SIZE, 3)).astype(np.float16).astype(kind)
    plate = reader.read(still(tmp_path / "p.tif", light), frame=1)
    assert plate.pixels.tobytes() == light.astype(np.float32).tobytes()
    assert attribute(plate, "colorInteropID") is None


def ten_bits(path: Path, codes: Any, **more: Any) -> Path:
    stretched = (codes.astype(np.uint16) << 6) | (codes.astype(np.uint16) >> 4)
    return still(path, stretched, oiio_BitsPerSample=10, **more)


def test_a_dpx_of_ten_bits_is_read_to_its_very_codes(tmp_path: Path) -> None:
    codes = ramp("uint16", top=1023)
    plate = reader.read(ten_bits(tmp_path / "p.dpx", codes), frame=1, colorspace="lin_rec709")
    assert np.rint(plate.pixels * 1023).astype(int).tolist() == codes.tolist()
    assert plate.parts[0].channels["R"].dtype == np.float16


def test_a_dpx_is_read_by_what_its_header_says_of_its_curve(tmp_path: Path) -> None:
    codes = ramp("uint16", top=1023)
    density, video = (
        ten_bits(tmp_path / f"{i}.dpx", codes, **{"dpx_Transfer": said})
        for i, said in enumerate(("Printing density", "ITU-R 709-4"))
    )
    light = encoding.of_exr("Cineon").decode((codes / 1023).astype(np.float32))
    assert reader.read(density, frame=1).pixels == pytest.approx(light, rel=1e-3, abs=1e-5)
    assert reader.read(video, frame=1).pixels == pytest.approx((codes / 1023) ** 2.4, rel=1e-3, abs=1e-5)


def test_a_dpx_keeps_timecode_rate_and_pixel_aspect(tmp_path: Path) -> None:
    more = {
        "smpte_TimeCode": (OpenImageIO.TypeTimeCode, (0x01020304, 0)),
        "dpx_FrameRate": 23.976,
        "PixelAspectRatio": 2.0,
    }
    source = ten_bits(tmp_path / "p.dpx", ramp("uint16", top=1023), **more)
    plate = reader.read(source, frame=1)
    exr.write(tmp_path / "out.exr", plate, pixels=plate.pixels, hidden=np.zeros(SIZE, bool))
    for found in (plate, exr.read(tmp_path / "out.exr", frame=1)):
        assert found.parts[0].description.timecode == "01:02:03:04"
        assert attribute(found, "framesPerSecond") == struct.pack("<iI", 24000, 1001)
        assert found.parts[0].header["pixelAspectRatio"] == 2.0
    assert reader.describe(source).parts[0].timecode == "01:02:03:04"


def test_windows_of_a_cropped_tiff_are_kept(tmp_path: Path) -> None:
    source = still(tmp_path / "p.tif", ramp(), x=8, y=4, full_width=64, full_height=48)
    plate = reader.read(source, frame=1)
    assert plate.display_window == (0, 0, 63, 47)
    assert plate.data_window == (8, 4, 8 + SIZE[1] - 1, 4 + SIZE[0] - 1)


def test_alpha_passes_as_it_is_and_nothing_is_multiplied_by_it(tmp_path: Path) -> None:
    codes = ramp(channels=4)
    plate = reader.read(still(tmp_path / "p.png", codes, **{"oiio_UnassociatedAlpha": 1}), frame=1)
    assert plate.parts[0].channels["A"] == pytest.approx(codes[..., 3] / 255, abs=1e-3)
    assert plate.pixels == pytest.approx(srgb(codes[..., :3] / 255), rel=1e-3, abs=1e-6)


def test_a_grey_picture_is_filled_as_grey(tmp_path: Path) -> None:
    plate = reader.read(still(tmp_path / "p.png", ramp(channels=1)), frame=1)
    assert plate.picture.grey
    exr.write(tmp_path / "o.exr", plate, pixels=plate.pixels * 0 + 0.5, hidden=np.ones(SIZE, bool))
    assert (exr.read(tmp_path / "o.exr", frame=1).pixels == 0.5).all()


def test_what_goes_out_are_the_decoded_values_outside_the_hidden(tmp_path: Path) -> None:
    plate = reader.read(still(tmp_path / "p.png", ramp(channels=4)), frame=1)
    hidden = np.zeros(SIZE, bool)
    hidden[5:9, 6:16] = True
    exr.write(tmp_path / "out.exr", plate, pixels=np.full((*SIZE, 3), 0.25, np.float32), hidden=hidden)
    result = exr.read(tmp_path / "out.exr", frame=1)
    for name, channel in plate.parts[0].channels.items():
        keep = ~hidden if name != "A" else np.ones(SIZE, bool)
        assert result.parts[0].channels[name][keep].tobytes() == channel[keep].tobytes()
    assert (result.pixels[hidden] == 0.25).all()
    assert attribute(result, "colorInteropID") == b"lin_rec709_scene"
    assert attribute(result, "aanReadAs") == b"PNG, 8 bits, read as sRGB Encoded Rec.709 (sRGB)"


def test_a_named_space_is_the_pictures_and_the_studios_light_is_the_results(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    source = ten_bits(tmp_path / "p.dpx", ramp("uint16", top=1023))
    alone = reader.read(source, frame=1, colorspace="ARRI LogC4")
    assert attribute(alone, "colorInteropID") == b"ocio:lin_awg4_scene"
    monkeypatch.setenv("OCIO", "ocio://studio-config-latest")
    studio = reader.read(source, frame=1, colorspace="ARRI LogC4")
    assert attribute(studio, "colorInteropID") == b"lin_ap1_scene"
    assert not np.allclose(alone.pixels, studio.pixels)


def test_a_file_is_told_by_what_it_begins_with_and_not_by_its_name(tmp_path: Path) -> None:
    source = still(tmp_path / "p.png", ramp())
    shutil.copy(source, tmp_path / "named.exr")
    assert formats.sniff(tmp_path / "named.exr") == "png"
    plain, misnamed = (reader.read(tmp_path / name, frame=1) for name in ("p.png", "named.exr"))
    assert misnamed.pixels.tobytes() == plain.pixels.tobytes()


def test_an_exr_passes_with_every_bit_and_its_encoding_only_where_it_has_one(tmp_path: Path) -> None:
    plate = reader.read(still(tmp_path / "p.png", ramp()), frame=1)
    exr.write(tmp_path / "p.exr", plate, pixels=plate.pixels, hidden=np.zeros(SIZE, bool))
    assert reader.read(tmp_path / "p.exr", frame=1).encoding is None
    assert reader.read(tmp_path / "p.exr", frame=1, colorspace="ACEScg").encoding is None
    log = reader.read(tmp_path / "p.exr", frame=1, colorspace="ARRI LogC4")
    assert log.encoding is not None
    assert log.parts[0].channels["G"].tobytes() == plate.parts[0].channels["G"].tobytes()


def test_damaged_and_unknown_files_are_named(tmp_path: Path) -> None:
    good = still(tmp_path / "p.png", ramp())
    (tmp_path / "cut.png").write_bytes(good.read_bytes()[:200])
    (tmp_path / "text.png").write_bytes(b"this is no picture at all")
    (tmp_path / "empty.png").write_bytes(b"")
    for name, said in (("cut", "decoded"), ("text", "no picture of a known format"), ("empty", "empty")):
        with pytest.raises(PlateUnreadable, match=said) as refused:
            reader.read(tmp_path / f"{name}.png", frame=7)
        assert (refused.value.file, refused.value.frame) == (tmp_path / f"{name}.png", 7)
    with pytest.raises(PlateMissing):
        reader.read(tmp_path / "gone.png", frame=7)


def test_a_picture_without_colours_is_refused_by_name(tmp_path: Path) -> None:
    source = still(tmp_path / "p.tif", ramp(channels=2))
    with pytest.raises(PlateUnsupported):
        reader.read(source, frame=1)


# --- mattes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_a_matte_is_data_and_no_curve_is_undone(tmp_path: Path, suffix: str) -> None:
    like = reader.read(still(tmp_path / "p.png", ramp()), frame=1)
    codes = ramp(channels=1)
    roto = matte.read(still(tmp_path / f"m.{suffix}", codes), frame=1, channel=None, like=like)
    assert roto == pytest.approx(codes[..., 0] / 255, abs=1e-7)


def test_the_alpha_of_a_matte_wins_and_another_channel_can_be_named(tmp_path: Path) -> None:
    like = reader.read(still(tmp_path / "p.png", ramp()), frame=1)
    codes = ramp(channels=4)
    source = still(tmp_path / "m.png", codes, **{"oiio_UnassociatedAlpha": 1})
    for channel, column in ((None, 3), ("G", 1)):
        roto = matte.read(source, frame=1, channel=channel, like=like)
        assert roto == pytest.approx(codes[..., column] / 255, abs=1e-7)


def test_a_damaged_matte_is_named_as_a_matte(tmp_path: Path) -> None:
    like = reader.read(still(tmp_path / "p.png", ramp()), frame=1)
    (tmp_path / "m.png").write_bytes(b"no picture")
    with pytest.raises(MatteError, match="the matte cannot be read"):
        matte.read(tmp_path / "m.png", frame=1, channel=None, like=like)


def test_a_matte_may_be_a_movie(tmp_path: Path) -> None:
    like = reader.read(still(tmp_path / "p.png", ramp()), frame=1)
    frames = [np.full((*SIZE, 3), level, np.uint16) for level in (0, 65535)]
    source = movie(tmp_path / "m.mkv", frames)
    assert (matte.read(source, frame=1, channel=None, like=like) == 0).all()
    assert (matte.read(source, frame=2, channel=None, like=like) == 1).all()
