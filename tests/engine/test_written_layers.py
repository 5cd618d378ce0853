"""Extra layers as they are written: the named channels in the hole, not a bit elsewhere; and names checked first."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from aan_engine.errors import OutsideMatteError, PlateUnsupported
from aan_engine.pipeline import fill
from aan_engine.plates import exr, patch
from aan_engine.plates.channels import replace_extra
from aan_engine.plates.plate import Plate
from aan_engine.plates.verify import verify
from aan_engine.rendering.fill_layers import LayerFiller
from aan_engine.shot import Controls, FrameFile, Shot
from tests.engine.rendered_plates import SHAPE, Sources, copied_from, masks_of, plate_of, square, view
from tests.engine.shots import write_matte


def parts_plate(folder: Path) -> Plate:
    """A beauty with alpha, and parts of depth and numbers."""
    channels = view(0)
    parts = [
        OpenEXR.Part({"compression": OpenEXR.ZIP_COMPRESSION}, {"Z": channels["Z"]}, "depth"),
        OpenEXR.Part({"compression": OpenEXR.ZIP_COMPRESSION}, {name: channels[name] for name in "RGBA"}, "beauty"),
        OpenEXR.Part(
            {"compression": OpenEXR.ZIP_COMPRESSION}, {"number": channels["id"], "share": channels["A"]}, "id"
        ),
    ]
    OpenEXR.File(parts).write(str(folder / "parts.exr"))
    return exr.read(folder / "parts.exr", frame=1001)


def test_only_the_named_channels_change_and_only_in_the_hole(tmp_path: Path) -> None:
    plate, hidden = parts_plate(tmp_path), square()
    masks, at = masks_of(hidden), copied_from(0, hidden, shift=(10, 0))
    extra = LayerFiller("A,depth,id.number", plates=Sources(plate)).fill(plate, masks, at)
    pixels = np.full((*SHAPE, 3), 0.5, np.float32)
    assert exr.write(tmp_path / "out.exr", plate, pixels=pixels, hidden=hidden, extra=extra) == 0
    after = exr.read(tmp_path / "out.exr", frame=1001)
    moved = {(0, "Z"), (1, "A"), (2, "number")}
    for index, (old, new) in enumerate(zip(plate.parts, after.parts, strict=True)):
        for name, values in old.channels.items():
            assert new.channels[name].dtype == values.dtype
            assert new.channels[name][~hidden].tobytes() == values[~hidden].tobytes()
            inside = np.roll(values, -10, axis=1)[hidden] if (index, name) in moved else values[hidden]
            if name not in ("R", "G", "B"):
                assert new.channels[name][hidden].tobytes() == inside.tobytes(), (index, name)
    assert (after.pixels[hidden] == 0.5).all()


def test_a_wrong_bit_in_a_channel_that_was_filled_along_is_found_inside_the_hole_and_outside(tmp_path: Path) -> None:
    plate, hidden = parts_plate(tmp_path), square()
    extra = LayerFiller("*", plates=Sources(plate)).fill(plate, masks_of(hidden), copied_from(0, hidden, shift=(9, 0)))
    beside = replace_extra(plate, extra, hidden=hidden)
    for place in ((0, 0), (12, 14)):
        wrong = [dict(part.channels) | beside.get(index, {}) for index, part in enumerate(plate.parts)]
        wrong[2]["number"] = wrong[2]["number"].copy()
        wrong[2]["number"][place] ^= 1
        written = tuple(replace(part, channels=names) for part, names in zip(plate.parts, wrong, strict=True))
        with pytest.raises(OutsideMatteError, match="1 bits differ in number"):
            verify(plate, written, hidden=hidden, filled={}, beside=beside, path=tmp_path / "x.exr")


def test_values_that_do_not_fit_the_hole_are_refused(tmp_path: Path) -> None:
    plate, hidden = parts_plate(tmp_path), square()
    extra = LayerFiller("A", plates=Sources(plate)).fill(plate, masks_of(hidden), copied_from(0, hidden, shift=(0, 0)))
    (channel, values), pixels = *extra.items(), np.zeros((*SHAPE, 3), np.float32)
    for wrong in (values[1:], values.astype(np.float32)):
        with pytest.raises(ValueError, match="does not fit 144 hidden pixels"):
            exr.write(tmp_path / "o.exr", plate, pixels=pixels, hidden=hidden, extra={channel: wrong})


def test_a_layer_of_ours_wins_over_a_channel_that_is_filled_along(tmp_path: Path) -> None:
    plate, hidden = plate_of(tmp_path, view(0) | {"unseen.a": np.zeros(SHAPE, np.float16)}), square()
    extra = LayerFiller("*", plates=Sources(plate)).fill(plate, masks_of(hidden), copied_from(0, hidden, shift=(0, 0)))
    unseen = np.full(SHAPE, 0.5, np.float32)
    pixels = np.zeros((*SHAPE, 3), np.float32)
    exr.write(tmp_path / "o.exr", plate, pixels=pixels, hidden=hidden, layers={"unseen.a": unseen}, extra=extra)
    assert (exr.read(tmp_path / "o.exr", frame=1).parts[0].channels["unseen.a"] == 0.5).all()


@pytest.mark.parametrize("whole", [False, True], ids=["patch", "overlay"])
def test_a_patch_and_an_overlay_hold_them_and_0_where_their_alpha_is(tmp_path: Path, whole: bool) -> None:
    plate, hidden = parts_plate(tmp_path), square()
    hidden[11, 13] = False
    extra = LayerFiller("*", plates=Sources(plate)).fill(plate, masks_of(hidden), copied_from(0, hidden, shift=(9, 0)))
    cut = patch.cut(plate, pixels=np.ones((*SHAPE, 3), np.float32), hidden=hidden, extra=extra, whole=whole)
    exr.write(tmp_path / "patch.exr", cut, pixels=cut.pixels, hidden=np.zeros(cut.shape, bool))
    channels = exr.read(tmp_path / "patch.exr", frame=1001).parts[0].channels
    assert sorted(channels) == ["A", "B", "G", "R", "depth.Z", "filled.A", "id.number", "id.share"]
    box = hidden if whole else hidden[10:22, 12:24]
    np.testing.assert_array_equal(channels["A"] == 1, box)
    by_label = {channel.label: values for channel, values in extra.items()} | {"filled.A": extra[next(iter(extra))]}
    for name in ("depth.Z", "id.number", "id.share"):
        np.testing.assert_array_equal(channels[name][box], by_label[name])
    np.testing.assert_array_equal(channels["filled.A"][box], np.roll(view(0)["A"], -9, axis=1)[hidden])
    for name in ("depth.Z", "id.number", "id.share", "filled.A"):
        assert (channels[name][~box] == 0).all()
    assert channels["id.number"].dtype == np.uint32


# --- before anything is computed -------------------------------------------------------------------------------------


def shot_with(folder: Path, names: str, *, lacks: int, hides: bool) -> Shot:
    """Three frames, one of which has no Z; that one's matte hides something or nothing."""
    plates, mattes = [], []
    for frame in range(3):
        channels = view(frame)
        if frame == lacks:
            del channels["Z"]
        plate = plate_of(folder, channels, frame=1001 + frame)
        write_matte(folder / f"m.{frame}.exr", square() * np.float32(hides or frame != lacks))
        plates.append(FrameFile(1001 + frame, plate.path))
        mattes.append(FrameFile(1001 + frame, folder / f"m.{frame}.exr"))
    return Shot(tuple(plates), tuple(mattes), controls=Controls(fill_layers=names))


class NoNetworks:
    """Whoever asks for anything of it computes."""


def test_a_frame_that_lacks_a_named_channel_is_refused_before_anything_is_computed(tmp_path: Path) -> None:
    shot = shot_with(tmp_path, "A,Z", lacks=2, hides=True)
    with pytest.raises(PlateUnsupported, match=r"no channel or layer 'Z'.*frame 1003.*p\.1003\.exr") as refused:
        next(fill(shot, networks=NoNetworks()))  # type: ignore[arg-type]
    assert refused.value.hint == "--fill-layers may name A, id, normals.X, normals.Y, normals.Z."


def test_a_frame_without_a_hole_need_not_have_them(tmp_path: Path) -> None:
    shot = shot_with(tmp_path, "A,Z", lacks=0, hides=False)
    with pytest.raises(AttributeError, match="NoNetworks"):
        list(fill(shot, networks=NoNetworks()))  # type: ignore[arg-type]
