"""The patch: merged over the plate it is the full result, bit for bit; all else about it is the plate's."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from aan_engine.errors import OutsideMatteError
from aan_engine.pipeline import fill
from aan_engine.plates import exr, patch
from aan_engine.plates.exr_attributes import passthrough
from aan_engine.plates.verify import verify
from aan_engine.shot import Controls
from tests.engine.shots import box_matte, pan, shot_of

SHAPE = (40, 56)


def light(kind: Any, *, seed: int) -> Any:
    return np.random.default_rng(seed).random(SHAPE).astype(kind)


def plate_of(path: Path, names: str = "RGB", kind: Any = np.float16, **header: Any) -> exr.Plate:
    layered = {"RGB": ("R", "G", "B"), "Y": ("Y",), "layer": ("beauty.R", "beauty.G", "beauty.B")}[names]
    channels = {name: light(kind, seed=seed) for seed, name in enumerate(layered)}
    given = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage, **header}
    OpenEXR.File(given, channels).write(str(path))
    return exr.read(path, frame=1001)


def hole() -> Any:
    hidden = np.zeros(SHAPE, bool)
    hidden[10:21, 13:30] = True
    hidden[12, 15] = False
    return hidden


def write_patch(
    path: Path, plate: exr.Plate, pixels: Any, hidden: Any, *, whole: bool = False, **layers: Any
) -> exr.Plate:
    cut = patch.cut(plate, pixels=pixels, hidden=hidden, layers=layers, whole=whole)
    assert exr.write(path, cut, pixels=cut.pixels, hidden=np.zeros(cut.shape, bool)) == 0
    return exr.read(path, frame=1001)


def merged(over: exr.Plate, plate: exr.Plate) -> Any:
    """What a compositor's premultiplied over makes of it, from the files alone."""
    alpha_name = next(name for name in over.parts[0].channels if name.rpartition(".")[2] == "A")
    result = plate.pixels.copy()
    box = result[over.data_window.relative_to(plate.data_window).slices]
    box[:] = over.pixels + box * (1 - over.parts[0].channels[alpha_name].astype(np.float32)[..., None])
    return result


@pytest.mark.parametrize("names", ["RGB", "Y", "layer"])
@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_merged_over_the_plate_a_patch_is_the_full_result(tmp_path: Path, names: str, kind: Any) -> None:
    plate, hidden = plate_of(tmp_path / "p.exr", names, kind), hole()
    pixels = np.random.default_rng(9).normal(1, 2, (*SHAPE, 3)).astype(np.float32)
    exr.write(tmp_path / "full.exr", plate, pixels=pixels, hidden=hidden)
    cut = write_patch(tmp_path / "patch.exr", plate, pixels, hidden)
    np.testing.assert_array_equal(merged(cut, plate), exr.read(tmp_path / "full.exr", frame=1001).pixels)
    assert cut.data_window.as_exr() == (13, 10, 29, 20)


@pytest.mark.parametrize("names", ["RGB", "Y", "layer"])
@pytest.mark.parametrize("kind", [np.float16, np.float32])
def test_an_overlay_is_a_whole_frame_and_laid_over_the_plate_the_full_result(
    tmp_path: Path, names: str, kind: Any
) -> None:
    corner = (np.array([-8, -6], np.int32), np.array([47, 33], np.int32))
    display = (np.array([0, 0], np.int32), np.array([39, 27], np.int32))
    plate = plate_of(tmp_path / "p.exr", names, kind, dataWindow=corner, displayWindow=display)
    pixels = np.random.default_rng(9).normal(1, 2, (*SHAPE, 3)).astype(np.float32)
    exr.write(tmp_path / "full.exr", plate, pixels=pixels, hidden=hole())
    over = write_patch(tmp_path / "over.exr", plate, pixels, hole(), whole=True, **{"unseen.a": light(kind, seed=7)})
    np.testing.assert_array_equal(merged(over, plate), exr.read(tmp_path / "full.exr", frame=1001).pixels)
    assert (over.data_window, over.display_window) == (plate.data_window, plate.display_window)
    assert not over.pixels[~hole()].any()
    assert over.parts[0].channels["unseen.a"].shape == SHAPE


def test_where_nothing_is_hidden_an_overlay_is_transparent(tmp_path: Path) -> None:
    plate = plate_of(tmp_path / "p.exr")
    over = write_patch(tmp_path / "over.exr", plate, plate.pixels, np.zeros(SHAPE, bool), whole=True)
    assert over.shape == SHAPE
    assert not any(channel.any() for channel in over.parts[0].channels.values())


def test_windows_metadata_and_codec_are_the_plates(tmp_path: Path) -> None:
    corner = (np.array([-8, -6], np.int32), np.array([47, 33], np.int32))
    display = (np.array([0, 0], np.int32), np.array([39, 27], np.int32))
    extra = {"dataWindow": corner, "displayWindow": display, "owner": "unit B", "pixelAspectRatio": 2.0}
    plate = plate_of(tmp_path / "p.exr", compression=OpenEXR.PIZ_COMPRESSION, **extra)
    cut = write_patch(tmp_path / "patch.exr", plate, np.ones((*SHAPE, 3), np.float32), hole())
    assert cut.data_window.as_exr() == (5, 4, 21, 14)
    assert cut.display_window.as_exr() == (0, 0, 39, 27)
    before, after = plate.parts[0].description, cut.parts[0].description
    assert {n: a.value for n, a in passthrough(after).items()} == {n: a.value for n, a in passthrough(before).items()}
    assert after.attributes["pixelAspectRatio"].value == before.attributes["pixelAspectRatio"].value
    assert after.compression == "piz"


def test_a_patch_of_a_tiled_plate_with_a_matte_of_its_own_says_what_it_covers(tmp_path: Path) -> None:
    tiles = OpenEXR.TileDescription()
    tiles.xSize = tiles.ySize = 16
    channels = {name: light(np.float16, seed=seed) for seed, name in enumerate("RGBAZ")}
    given = {"compression": OpenEXR.DWAA_COMPRESSION, "type": OpenEXR.tiledimage, "tiles": tiles}
    OpenEXR.File(given, channels).write(str(tmp_path / "p.exr"))
    plate, hidden = exr.read(tmp_path / "p.exr", frame=1001), hole()
    cut = write_patch(tmp_path / "patch.exr", plate, np.ones((*SHAPE, 3), np.float32), hidden)
    assert sorted(cut.parts[0].channels) == ["A", "B", "G", "R"]
    np.testing.assert_array_equal(cut.parts[0].channels["A"] > 0, hidden[10:21, 13:30])
    assert cut.parts[0].description.compression == "zip"


def test_layers_are_cut_to_the_same_box(tmp_path: Path) -> None:
    plate, unseen = plate_of(tmp_path / "p.exr"), light(np.float32, seed=7)
    cut = write_patch(tmp_path / "patch.exr", plate, np.ones((*SHAPE, 3), np.float32), hole(), **{"unseen.a": unseen})
    np.testing.assert_array_equal(cut.parts[0].channels["unseen.a"], unseen[10:21, 13:30])


def test_where_nothing_is_hidden_the_patch_is_one_transparent_pixel(tmp_path: Path) -> None:
    plate = plate_of(tmp_path / "p.exr")
    cut = write_patch(tmp_path / "patch.exr", plate, plate.pixels, np.zeros(SHAPE, bool))
    assert cut.data_window.as_exr() == (0, 0, 0, 0)
    assert cut.display_window == plate.display_window
    assert {name: float(channel[0, 0]) for name, channel in cut.parts[0].channels.items()} == dict.fromkeys("RGBA", 0.0)
    np.testing.assert_array_equal(merged(cut, plate), plate.pixels)


def test_a_patch_that_comes_back_otherwise_is_refused(tmp_path: Path) -> None:
    plate = plate_of(tmp_path / "p.exr")
    cut = patch.cut(plate, pixels=np.ones((*SHAPE, 3), np.float32), hidden=hole())
    other = patch.cut(plate, pixels=np.full((*SHAPE, 3), 2, np.float32), hidden=hole())
    moved = patch.cut(plate, pixels=np.ones((*SHAPE, 3), np.float32), hidden=np.roll(hole(), 1, axis=1))
    nothing = np.zeros(cut.shape, bool)
    for written, why in ((other, "bits differ in R, G, B"), (moved, "dataWindow")):
        with pytest.raises(OutsideMatteError, match=why):
            verify(cut, written.parts, hidden=nothing, filled={}, path=tmp_path / "x.exr")


def test_a_shot_is_written_as_patches_where_asked(tmp_path: Path) -> None:
    plates, mattes = pan(3, speed=6), box_matte(3)
    mattes[1][28:44, 52:56] = 0.5
    mattes[2][:] = 0
    full = shot_of(tmp_path, plates, mattes, device="cpu")
    patches = shot_of(tmp_path, plates, mattes, device="cpu", aovs=("unseen",), controls=Controls(write="patch"))
    for whole, part in zip(fill(full), fill(patches), strict=True):
        assert whole.write(tmp_path / "full.exr") == 0
        assert part.write(tmp_path / "patch.exr") == 0
        cut, plate = exr.read(tmp_path / "patch.exr", frame=1), exr.read(whole.plate.path, frame=1)
        np.testing.assert_array_equal(merged(cut, plate), exr.read(tmp_path / "full.exr", frame=1).pixels)
        assert cut.shape == ((1, 1) if whole.frame == 1003 else (16, 16))
        assert "unseen.a" in cut.parts[0].channels
