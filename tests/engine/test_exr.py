"""Plates in and out: whatever a plate holds comes out again, bit for bit, outside what was hidden."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import OpenEXR
import pytest

from aan_engine.errors import OutsideMatteError, PlateError, PlateUnreadable, PlateUnsupported, PlateUnwritable
from aan_engine.plates import exr, plate
from aan_engine.plates.exr_attributes import passthrough
from aan_engine.plates.verify import verify
from tests.engine.sample_exrs import SHARED, SHIPPED, needs_shared

SHAPE = (40, 56)
LOSSLESS = ("NO", "RLE", "ZIPS", "ZIP", "PIZ")
LOSSY = ("PXR24", "B44", "B44A", "DWAA", "DWAB")
UNCOMMON = ("HTJ2K256", "HTJ2K32", "ZSTD")


def every_bit(kind: Any, *, seed: int = 0) -> Any:
    """A channel of random bit patterns: NaNs with payloads, infinities, denormals and negative zeros among them."""
    kind = np.dtype(kind)
    bits = np.random.default_rng(seed).integers(0, 1 << 8 * kind.itemsize, SHAPE, dtype=f"u{kind.itemsize}")
    bits[0, :4] = [0, 1 << (8 * kind.itemsize - 1), 1, 3]
    return bits.view(kind)


def smooth(kind: Any) -> Any:
    """A channel of ordinary light, which the lossy codecs take too."""
    return np.linspace(0, 4, SHAPE[0] * SHAPE[1]).reshape(SHAPE).astype(kind)


def rgb(kind: Any) -> dict[str, Any]:
    return {name: every_bit(kind, seed=seed) for seed, name in enumerate("RGB")}


def tiles() -> dict[str, Any]:
    description = OpenEXR.TileDescription()
    description.xSize = description.ySize = 16
    return {"type": OpenEXR.tiledimage, "tiles": description}


def window(x0: int, y0: int, *, width: int = SHAPE[1], height: int = SHAPE[0]) -> Any:
    return np.array([x0, y0], np.int32), np.array([x0 + width - 1, y0 + height - 1], np.int32)


def make(path: Path, channels: dict[str, Any], **header: Any) -> Path:
    base = {"compression": OpenEXR.ZIP_COMPRESSION, "type": OpenEXR.scanlineimage}
    OpenEXR.File({**base, **header}, channels).write(str(path))
    return path


def names_in(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def rewrite(source: Path, target: Path, *, value: float = 0.5, **layers: Any) -> tuple[Any, Any, Any]:
    """Read, hide a box, write, read again: the plate, the result, and what was hidden."""
    before = exr.read(source, frame=1001)
    hidden = np.zeros(before.shape, bool)
    hidden[10:20, 10:30] = True
    pixels = np.full((*before.shape, 3), value, np.float32)
    exr.write(target, before, pixels=pixels, hidden=hidden, layers=layers)
    return before, exr.read(target, frame=1001), hidden


def assert_untouched(before: Any, after: Any, hidden: Any) -> None:
    """Independent of the engine's own count: the bytes outside `hidden`, channel by channel."""
    assert len(before.parts) == len(after.parts)
    for index, (old, new) in enumerate(zip(before.parts, after.parts, strict=True)):
        for name, channel in old.channels.items():
            picture = index == before.picture.part and name in before.picture.names
            keep = ~hidden if picture else np.ones(channel.shape, bool)
            assert new.channels[name].dtype == channel.dtype
            assert new.channels[name][keep].tobytes() == channel[keep].tobytes()
        assert {n: a.value for n, a in passthrough(old.description).items()} == {
            n: a.value for n, a in passthrough(new.description).items()
        }


# --- round trips ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("codec", [*LOSSLESS, *LOSSY, *UNCOMMON])
@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("layout", [{}, tiles()], ids=["scanline", "tiled"])
def test_no_bit_outside_the_hidden_changes(tmp_path: Path, codec: str, kind: Any, layout: dict[str, Any]) -> None:
    compression = getattr(OpenEXR, f"{codec}_COMPRESSION")
    channels = {name: smooth(kind) for name in "RGB"} if codec in LOSSY else rgb(kind)
    source = make(tmp_path / "p.exr", channels, compression=compression, **layout)

    before, after, hidden = rewrite(source, tmp_path / "out.exr")

    assert_untouched(before, after, hidden)
    assert (after.pixels[hidden] == 0.5).all()
    named = "none" if codec == "NO" else codec.lower()
    assert exr.describe(source).parts[0].compression == named
    described = exr.describe(tmp_path / "out.exr").parts[0]
    assert described.compression == (named if codec in LOSSLESS else "zip")
    assert described.type == ("tiled" if layout else "scanline")


def test_every_channel_beside_the_picture_is_carried(tmp_path: Path) -> None:
    others = {"A": every_bit("f2", seed=5), "depth.Z": every_bit("f4", seed=6), "id": every_bit("u4", seed=7)}
    source = make(tmp_path / "p.exr", rgb(np.float16) | others)
    before, after, hidden = rewrite(source, tmp_path / "out.exr")
    assert_untouched(before, after, hidden)
    assert dict(after.parts[0].description.channels) == {
        **{"A": "half", "B": "half", "G": "half", "R": "half"},
        **{"depth.Z": "float", "id": "uint"},
    }


def test_every_part_is_carried_and_only_the_beauty_is_filled(tmp_path: Path) -> None:
    wide = {"dataWindow": window(-8, -4), "displayWindow": window(0, 0, width=40, height=32)}
    parts = [
        OpenEXR.Part({**wide, "compression": OpenEXR.PIZ_COMPRESSION}, {"Z": every_bit("f4")}, "depth"),
        OpenEXR.Part({**wide, **tiles(), "compression": OpenEXR.ZIPS_COMPRESSION, "view": "left"}, rgb("f2"), "beauty"),
        OpenEXR.Part({**wide, "compression": OpenEXR.DWAA_COMPRESSION}, {"R": smooth("f2")}, "matte"),
    ]
    OpenEXR.File(parts).write(str(tmp_path / "p.exr"))
    before, after, hidden = rewrite(tmp_path / "p.exr", tmp_path / "out.exr")
    assert_untouched(before, after, hidden)
    assert [part.description.name for part in after.parts] == ["depth", "beauty", "matte"]
    assert [part.description.compression for part in after.parts] == ["piz", "zips", "zip"]
    assert before.picture.part == 1
    assert (after.pixels[hidden] == 0.5).all()


@pytest.mark.parametrize("corner", [(-8, -6), (12, 9)], ids=["overscan", "cropped"])
def test_windows_are_the_plates(tmp_path: Path, corner: tuple[int, int]) -> None:
    source = make(
        tmp_path / "p.exr",
        rgb(np.float16),
        dataWindow=window(*corner),
        displayWindow=window(0, 0, width=40, height=28),
        pixelAspectRatio=2.0,
    )
    before, after, hidden = rewrite(source, tmp_path / "out.exr")
    assert_untouched(before, after, hidden)
    assert after.data_window.as_exr() == (*corner, corner[0] + SHAPE[1] - 1, corner[1] + SHAPE[0] - 1)
    assert after.display_window.as_exr() == (0, 0, 39, 27)
    assert after.parts[0].header["pixelAspectRatio"] == 2.0


def test_a_picture_in_a_named_layer_is_found_and_the_default_layer_wins(tmp_path: Path) -> None:
    layer = {f"beauty.{name}": every_bit("f2", seed=seed) for seed, name in enumerate("RGB")}
    before, after, hidden = rewrite(make(tmp_path / "p.exr", layer), tmp_path / "out.exr")
    assert before.picture.names == ("beauty.R", "beauty.G", "beauty.B")
    assert_untouched(before, after, hidden)
    both = exr.read(make(tmp_path / "both.exr", layer | rgb(np.float16)), frame=1)
    assert both.picture.names == ("R", "G", "B")


def test_a_grey_plate_is_a_picture_of_three_equal_channels(tmp_path: Path) -> None:
    before, after, hidden = rewrite(make(tmp_path / "p.exr", {"Y": every_bit("f2")}), tmp_path / "out.exr")
    assert_untouched(before, after, hidden)
    assert list(after.parts[0].channels) == ["Y"]
    assert (after.pixels[hidden] == 0.5).all()


def test_smaller_levels_of_a_mipmap_are_not_kept(tmp_path: Path) -> None:
    # They are made from the picture, and would still show what was removed from it.
    before, after, hidden = rewrite(SHIPPED / "MirrorPattern.exr", tmp_path / "out.exr")
    assert_untouched(before, after, hidden)
    assert before.parts[0].header["tiles"].mode == OpenEXR.MIPMAP_LEVELS
    assert after.parts[0].header["tiles"].mode == OpenEXR.ONE_LEVEL
    assert after.parts[0].header["tiles"].xSize == 64


def test_the_diagnostic_layers_are_added_as_float_and_replace_their_namesakes(tmp_path: Path) -> None:
    namesakes = {"source.frame": every_bit("f2"), "source.other": every_bit("f2")}
    source = make(tmp_path / "p.exr", rgb(np.float16) | namesakes)
    confidence, frames = every_bit("f4", seed=8), np.full(SHAPE, 1017.0, np.float32)
    _, after, _ = rewrite(source, tmp_path / "out.exr", **{"confidence.a": confidence, "source.frame": frames})
    channels = after.parts[0].channels
    assert channels["confidence.a"].tobytes() == confidence.tobytes()
    assert channels["source.frame"].tobytes() == frames.tobytes()
    assert channels["source.other"].dtype == np.float16
    _, again, _ = rewrite(tmp_path / "out.exr", tmp_path / "out.exr", **{"confidence.a": frames})
    assert again.parts[0].channels["confidence.a"].tobytes() == frames.tobytes()


def test_light_too_strong_for_half_becomes_halfs_largest_value(tmp_path: Path) -> None:
    before = exr.read(make(tmp_path / "p.exr", rgb(np.float16)), frame=1)
    hidden = np.ones(SHAPE, bool)
    pixels = np.full((*SHAPE, 3), 1e9, np.float32)
    pixels[0, 0] = [-1e9, np.inf, np.nan]
    pixels[0, 1] = [1 + 2**-12, 65519.0, 2**-25]  # below, at, and above the middle between two halves
    exr.write(tmp_path / "out.exr", before, pixels=pixels, hidden=hidden)
    after = exr.read(tmp_path / "out.exr", frame=1).pixels
    np.testing.assert_array_equal(after[0, 0], [-65504.0, np.inf, np.nan])
    np.testing.assert_array_equal(after[0, 1], [1.0, 65504.0, 0.0])
    assert (after[1:] == 65504.0).all()


# --- what may go wrong ---------------------------------------------------------------------------------------------


def test_a_changed_bit_is_counted_and_refused(tmp_path: Path) -> None:
    before = exr.read(make(tmp_path / "p.exr", rgb("f2") | {"A": every_bit("f2"), "Z": every_bit("f4")}), frame=7)
    hidden = np.zeros(SHAPE, bool)
    hidden[:10] = True

    def altered(name: str, *, row: int, bits: int) -> tuple[plate.Part, ...]:
        channel = before.parts[0].channels[name].copy()
        channel.view(f"u{channel.itemsize}")[row, 0] ^= bits
        return (replace(before.parts[0], channels={**before.parts[0].channels, name: channel}),)

    verify(before, before.parts, hidden=hidden, filled={}, path=Path("out.exr"))
    filled = {"R": altered("R", row=3, bits=1)[0].channels["R"]}
    verify(before, altered("R", row=3, bits=1), hidden=hidden, filled=filled, path=Path("out.exr"))
    for name, row, bits, count in (("R", 10, 1, 1), ("A", 3, 3, 2), ("Z", 39, 1 << 31, 1)):
        with pytest.raises(OutsideMatteError, match=f"{count} bits differ in {name}") as caught:
            verify(before, altered(name, row=row, bits=bits), hidden=hidden, filled={}, path=Path("out.exr"))
        assert (caught.value.frame, caught.value.file) == (7, Path("out.exr"))
    with pytest.raises(OutsideMatteError, match="parts"):
        verify(before, (), hidden=hidden, filled={}, path=Path("out.exr"))
    fewer = replace(before.parts[0], channels={n: c for n, c in before.parts[0].channels.items() if n != "Z"})
    with pytest.raises(OutsideMatteError, match="channels"):
        verify(before, (fewer,), hidden=hidden, filled={}, path=Path("out.exr"))


def test_a_frame_altered_on_disk_is_refused_and_removed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = make(tmp_path / "p.exr", rgb(np.float16), compression=OpenEXR.NO_COMPRESSION)
    before = exr.read(source, frame=1)
    honest = exr.splice

    def and_a_flipped_bit(path: Path, parts: Any) -> None:
        honest(path, parts)
        data = bytearray(path.read_bytes())
        data[-1] ^= 1
        path.write_bytes(data)

    monkeypatch.setattr(exr, "splice", and_a_flipped_bit)
    with pytest.raises(OutsideMatteError, match="bits differ"):
        exr.write(tmp_path / "out.exr", before, pixels=before.pixels, hidden=np.zeros(SHAPE, bool))
    assert names_in(tmp_path) == ["p.exr"]


def test_a_lost_attribute_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = exr.read(make(tmp_path / "p.exr", rgb(np.float16), owner="us"), frame=1)
    monkeypatch.setattr(exr, "splice", lambda path, parts: None)
    with pytest.raises(OutsideMatteError, match="owner"):
        exr.write(tmp_path / "out.exr", before, pixels=before.pixels, hidden=np.zeros(SHAPE, bool))


def test_what_cannot_be_written_leaves_nothing_behind(tmp_path: Path) -> None:
    before = exr.read(make(tmp_path / "p.exr", rgb(np.float16)), frame=1001)
    (tmp_path / "folder.exr").mkdir()
    for target in ("missing/out.exr", "p.exr/out.exr", "folder.exr"):
        with pytest.raises(PlateUnwritable) as caught:
            exr.write(tmp_path / target, before, pixels=before.pixels, hidden=np.zeros(SHAPE, bool))
        assert caught.value.frame == 1001
    assert names_in(tmp_path) == ["folder.exr", "p.exr"]


def test_a_full_disk_leaves_the_earlier_result_as_it_was(tmp_path: Path) -> None:
    # A limit on file size stands for the full disk, in a process of its own because it cannot be lifted again.
    resource = pytest.importorskip("resource", reason="file size limits exist on POSIX systems only")
    source = make(tmp_path / "p.exr", rgb(np.float32))
    (tmp_path / "out.exr").write_bytes(b"earlier")
    script = f"""
import resource, numpy as np
from pathlib import Path
from aan_engine.plates import exr
from aan_engine.errors import PlateUnwritable
plate = exr.read(Path({str(source)!r}), frame=1)
resource.setrlimit(resource.RLIMIT_FSIZE, (9000, {resource.RLIM_INFINITY}))
try:
    exr.write(Path({str(tmp_path / "out.exr")!r}), plate, pixels=plate.pixels, hidden=np.zeros(plate.shape, bool))
except PlateUnwritable:
    raise SystemExit(7)
"""
    assert subprocess.run([sys.executable, "-c", script], check=False, timeout=60).returncode == 7
    assert names_in(tmp_path) == ["out.exr", "p.exr"]
    assert (tmp_path / "out.exr").read_bytes() == b"earlier"


def test_misfitting_arrays_are_a_programming_error(tmp_path: Path) -> None:
    before = exr.read(make(tmp_path / "p.exr", rgb(np.float16)), frame=1)
    good = {"pixels": before.pixels, "hidden": np.zeros(SHAPE, bool)}
    for bad in (
        {"pixels": before.pixels[1:]},
        {"hidden": np.zeros(SHAPE)},
        {"layers": {"R": np.zeros(SHAPE, np.float32)}},
        {"layers": {"confidence.a": np.zeros(SHAPE)}},
    ):
        with pytest.raises(ValueError, match=r"do(es)? not fit"):
            exr.write(tmp_path / "out.exr", before, **{**good, **bad})


def test_a_plate_cannot_be_written_into(tmp_path: Path) -> None:
    before = exr.read(make(tmp_path / "p.exr", rgb(np.float16)), frame=1)
    for array in before.parts[0].channels.values():
        with pytest.raises(ValueError, match="read-only"):
            array[0, 0] = 1
    taken = before.pixels.tobytes()
    before.pixels[:] = 1
    assert before.pixels.tobytes() == taken


# --- files from elsewhere ------------------------------------------------------------------------------------------


def test_a_photograph_from_elsewhere_keeps_its_camera_s_attributes(tmp_path: Path) -> None:
    before, after, hidden = rewrite(SHIPPED / "Carrots.exr", tmp_path / "out.exr")
    assert_untouched(before, after, hidden)
    assert {"cameraModel", "isoSpeed", "adoptedNeutral"} <= after.parts[0].description.attributes.keys()


@needs_shared
def test_sound_files_from_elsewhere_survive_and_the_others_are_refused_by_name(tmp_path: Path) -> None:
    filled, refused = [], {}
    for file in sorted(SHARED.rglob("*.exr")):
        try:
            before, after, hidden = rewrite(file, tmp_path / "out.exr")
        except PlateError as error:
            refused[file.stem] = type(error)
            continue
        assert_untouched(before, after, hidden)
        filled.append(file.stem)
    assert {"AllHalfValues", "BrightRingsNanInf", "t08", "GrayRampsDiagonal", "PeriodicPattern"} <= set(filled)
    assert refused == {
        **dict.fromkeys(("CrissyField", "MtTamNorth", "Trunks"), PlateUnsupported),
        **dict.fromkeys(("v1.7.test.interleaved", "v1.7.test.tiled"), PlateUnsupported),
        **dict.fromkeys(("comp_bad_neg_bounds_pxr24", "comp_bad_pos_bounds_pxr24"), PlateUnreadable),
        **dict.fromkeys(("comp_invalid_unknown", "invalid"), PlateUnreadable),
    }
