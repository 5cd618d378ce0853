"""The pipeline: shots in, filled frames out; untouched outside the matte, whatever happens."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import OpenEXR
import pytest

from aan_engine.colour.log_encoding import to_log
from aan_engine.errors import MatteError, PlateUnreadable, ShotError
from aan_engine.pipeline import Progress, fill
from aan_engine.shot import FrameFile, Shot
from tests.engine.shots import SIZE, Array, box_matte, pan, read_rgb, shot_of, write_rgb

FRAMES = 10


def error_db(found: Array, true: Array, hidden: Array) -> float:
    """PSNR in the hole, in the log range."""
    off = (to_log(found) - to_log(true))[hidden > 0]
    return float(-10 * np.log10(np.mean(off.astype(np.float64) ** 2) + 1e-12))


def test_what_other_frames_saw_is_copied_and_nothing_else_changes(tmp_path: Path) -> None:
    plates, mattes = pan(FRAMES, speed=6), box_matte(FRAMES)
    shot = shot_of(tmp_path, plates, mattes)
    frames = list(fill(shot))
    assert [f.frame for f in frames] == list(range(1001, 1001 + FRAMES))
    for filled, plate, matte in zip(frames, plates, mattes, strict=True):
        out = tmp_path / f"out.{filled.frame}.exr"
        filled.write(out)
        written = read_rgb(out)
        outside = matte == 0
        assert (written.view(np.uint16) == plate.astype(np.float16).view(np.uint16))[outside].all()
        assert error_db(written.astype(np.float32), plate, matte) > 28
        assert filled.unseen < 0.3


def test_the_same_job_gets_the_same_bits(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(5, speed=6), box_matte(5))
    for one, two in zip(fill(shot), fill(shot), strict=True):
        np.testing.assert_array_equal(one.pixels, two.pixels)


def test_a_range_limits_what_is_filled_but_not_what_is_looked_at(tmp_path: Path) -> None:
    plates, mattes = pan(FRAMES, speed=6), box_matte(FRAMES)
    shot = shot_of(tmp_path, plates, mattes, first=1005, last=1005)
    (only,) = fill(shot)
    assert only.frame == 1005
    assert error_db(only.pixels, plates[4], mattes[4]) > 28


def test_frames_that_exist_already_are_skipped_and_the_others_come_out_as_ever(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(5, speed=6), box_matte(5))
    whole = {f.frame: f.pixels for f in fill(shot)}
    rest = {f.frame: f.pixels for f in fill(shot, skip={1001, 1003})}
    assert sorted(rest) == [1002, 1004, 1005]
    for frame, pixels in rest.items():
        np.testing.assert_array_equal(pixels, whole[frame])


def test_what_no_frame_ever_saw_is_filled_and_marked_as_unseen(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(3, speed=0), box_matte(3), aovs=("unseen", "confidence", "source"))
    for filled in fill(shot):
        assert np.isfinite(filled.pixels).all()
        assert not (filled.pixels[filled.hidden] == 7.0).any()
        core = np.zeros(SIZE, bool)
        core[32:40, 56:64] = True
        assert (filled.layers["unseen.a"][core] == 1).all()
        # Its texture comes from somewhere; that says little of what was there.
        assert ((filled.layers["source.frame"][core] >= 1001) & (filled.layers["source.frame"][core] <= 1003)).all()
        assert (filled.layers["confidence.a"][core] <= 0.5).all()
        assert (filled.layers["unseen.a"][~filled.hidden] == 0).all()
        assert (filled.layers["confidence.a"][~filled.hidden] == 1).all()


def test_a_shot_of_one_frame_is_filled_from_itself(tmp_path: Path) -> None:
    (filled,) = fill(shot_of(tmp_path, pan(1), box_matte(1)))
    assert filled.unseen == 1.0
    assert np.isfinite(filled.pixels).all()


def test_nothing_is_copied_across_a_cut(tmp_path: Path) -> None:
    plates = pan(4, speed=0, seed=1) + pan(4, speed=0, seed=2)
    hidden = box_matte(4, side=16)
    clear = [np.zeros(SIZE, np.float32)] * 4
    # Before the cut the hole stands still and is never seen; after it there is no hole, but another scene.
    shot = shot_of(tmp_path, plates, hidden + clear, aovs=("source",), last=1004)
    for filled in fill(shot):
        source = filled.layers["source.frame"][filled.hidden]
        assert (source < 1005).all()


def test_an_empty_matte_passes_the_plate_through(tmp_path: Path) -> None:
    plates = pan(2)
    shot = shot_of(tmp_path, plates, [np.zeros(SIZE, np.float32)] * 2)
    for filled, plate in zip(fill(shot), plates, strict=True):
        np.testing.assert_array_equal(filled.pixels, plate)


def test_a_matte_over_the_whole_shot_still_ends_with_finite_marked_frames(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(2), [np.ones(SIZE, np.float32)] * 2)
    for filled in fill(shot):
        assert np.isfinite(filled.pixels).all()
        assert filled.unseen == 1.0


def test_broken_pixels_and_highlights_neither_spread_nor_clamp(tmp_path: Path) -> None:
    plates, mattes = pan(FRAMES, speed=6), box_matte(FRAMES)
    for plate in plates:
        plate[5, 5] = np.nan
        plate[6, 90] = np.inf
        plate[60, 60] = -0.5
        plate[8:12, 20:24] = 900.0
    shot = shot_of(tmp_path, plates, mattes)
    for filled, plate, matte in zip(fill(shot), plates, mattes, strict=True):
        outside = matte == 0
        np.testing.assert_array_equal(filled.pixels[outside], plate[outside])
        assert np.isfinite(filled.pixels[filled.hidden]).all()


def test_highlights_above_one_come_through_the_fill(tmp_path: Path) -> None:
    plates, mattes = [20 * p for p in pan(FRAMES, speed=6)], box_matte(FRAMES)
    frames = list(fill(shot_of(tmp_path, plates, mattes)))
    for filled, plate, matte in zip(frames, plates, mattes, strict=True):
        assert error_db(filled.pixels, plate, matte) > 25


def test_a_soft_matte_weighs_the_fill_once_in_linear_light(tmp_path: Path) -> None:
    mattes = [0.25 * m for m in box_matte(FRAMES)]
    plates = pan(FRAMES, speed=6)
    shot = shot_of(tmp_path, plates, mattes, first=1005, last=1005)
    (filled,) = fill(shot)
    # Under the matte lies the stain of 7: three quarters of it stay, one quarter is the background.
    expected = 0.75 * 7.0 + 0.25 * plates[4]
    np.testing.assert_allclose(filled.pixels[filled.hidden], expected[filled.hidden], atol=0.08)


def test_the_source_layers_rebuild_the_fill(tmp_path: Path) -> None:
    plates, mattes = pan(FRAMES, speed=6), box_matte(FRAMES)
    shot = shot_of(tmp_path, plates, mattes, aovs=("source", "confidence", "unseen"))
    H, W = SIZE
    same = total = 0
    for filled in fill(shot):
        frame, u, v = (filled.layers[f"source.{n}"] for n in ("frame", "u", "v"))
        ys, xs = np.nonzero(filled.hidden & (filled.layers["confidence.a"] > 0.9))
        for y, x in zip(ys, xs, strict=True):
            px, py = u[y, x] * W - 0.5, (1 - v[y, x]) * H - 0.5
            source = to_log(plates[int(frame[y, x]) - 1001])
            x0, y0 = int(px), int(py)
            fx, fy = px - x0, py - y0
            hole = source[y0 : y0 + 2, x0 : x0 + 2]
            value = (hole * np.outer([1 - fy, fy], [1 - fx, fx])[..., None]).sum((0, 1))
            same += bool(np.abs(value - to_log(filled.pixels[y, x])).max() < 0.05)
            total += 1
    assert total > 100
    assert same > 0.9 * total


def test_progress_is_told_for_every_frame_and_what_it_raises_ends_the_job(tmp_path: Path) -> None:
    class Stopped(Exception):
        pass

    shot = shot_of(tmp_path, pan(4), box_matte(4))
    steps: list[Progress] = []
    list(fill(shot, progress=steps.append))
    for stage in ("look", "decide", "fill"):
        assert [s.done for s in steps if s.stage == stage] == [1, 2, 3, 4]
    assert [s.done for s in steps if s.stage == "align"] == [1, 2, 3]

    def stop(step: Progress) -> None:
        if step.stage == "decide" and step.done == 2:
            raise Stopped

    with pytest.raises(Stopped):
        list(fill(shot, progress=stop))


def test_plates_larger_than_a_proxy_are_filled_at_their_own_resolution(tmp_path: Path) -> None:
    size = (432, 720)
    plates, mattes = pan(5, speed=30, size=size), box_matte(5, size=size, side=60)
    shot = shot_of(tmp_path, plates, mattes, first=1003, last=1003)
    (filled,) = fill(shot)
    assert filled.pixels.shape == (*size, 3)
    assert error_db(filled.pixels, plates[2], mattes[2]) > 25


def test_a_frame_of_another_size_is_named(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(3), box_matte(3))
    write_rgb(tmp_path / "plate.1002.exr", np.zeros((50, 50, 3), np.float32))
    with pytest.raises(ShotError, match=r"50 x 50 at 0, 0.*frame 1002.*plate\.1002\.exr"):
        list(fill(shot))


def test_a_data_window_that_wanders_is_named(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(3), box_matte(3))
    H, W = SIZE
    window = (np.array([4, 2], np.int32), np.array([W + 3, H + 1], np.int32))
    write_rgb(tmp_path / "plate.1003.exr", pan(3)[2], dataWindow=window, displayWindow=window)
    with pytest.raises(ShotError, match=r"at 4, 2.*frame 1003"):
        list(fill(shot))


def test_a_truncated_frame_is_named(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(3), box_matte(3))
    damaged = tmp_path / "plate.1002.exr"
    damaged.write_bytes(damaged.read_bytes()[:900])
    with pytest.raises(PlateUnreadable, match=r"frame 1002.*plate\.1002\.exr"):
        list(fill(shot))


def test_a_still_matte_is_held_over_the_shot_and_a_gap_in_a_matte_sequence_is_named(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(3), box_matte(3))
    held = Shot(shot.plates, shot.mattes[:1])
    assert len(list(fill(held))) == 3
    with pytest.raises(MatteError, match="1003"):
        Shot(shot.plates, (shot.mattes[0], shot.mattes[1]))


def test_impossible_jobs_are_refused_before_any_plate_is_read() -> None:
    plates = (FrameFile(1001, Path("nowhere.exr")),)
    for wrong in ({"first": 2000}, {"aovs": ("depth",)}, {"device": "abacus"}):
        with pytest.raises(ShotError):
            Shot(plates, plates, **wrong)  # type: ignore[arg-type]
    with pytest.raises(ShotError):
        Shot((), plates)


def test_diagnostic_layers_are_written_as_float_channels(tmp_path: Path) -> None:
    shot = shot_of(tmp_path, pan(3), box_matte(3), aovs=("confidence", "source", "unseen"), first=1002, last=1002)
    (filled,) = fill(shot)
    filled.write(tmp_path / "out.exr")
    channels = OpenEXR.File(str(tmp_path / "out.exr"), separate_channels=True).channels()
    for name in ("confidence.a", "source.frame", "source.u", "source.v", "unseen.a"):
        assert channels[name].pixels.dtype == np.float32
    assert channels["R"].pixels.dtype == np.float16
