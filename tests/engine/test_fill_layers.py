"""Extra layers filled along: each channel's own stored values, from where the picture's pixels were copied."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from aan_engine.core.box import Box
from aan_engine.plates.plate import Plate
from aan_engine.plates.shot_frames import FrameMasks
from aan_engine.rendering import fill_layers
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.fill_layers import LayerFiller
from tests.engine.rendered_plates import (
    SHAPE,
    STEP,
    Sources,
    copied_from,
    masks_of,
    plate_of,
    square,
    view,
    with_object,
)


def filled(names: str, plate: Plate, masks: FrameMasks, buffer: FillBuffer, *sources: Plate) -> dict[str, NDArray[Any]]:
    """What is filled along, by label."""
    found = LayerFiller(names, plates=Sources(*sources)).fill(plate, masks, buffer)
    return {channel.label: values for channel, values in found.items()}


# --- values ----------------------------------------------------------------------------------------------------------


def test_what_another_frame_shows_is_taken_from_there_in_every_channels_own_type(tmp_path: Path) -> None:
    hidden, truth = square(), view(0)
    plate = plate_of(tmp_path, with_object(truth, hidden))
    other = plate_of(tmp_path, with_object(view(1), square(left=30)), frame=1002)
    found = filled("*", plate, masks_of(hidden), copied_from(1, hidden, shift=(-STEP, 0)), plate, other)
    assert sorted(found) == ["A", "Z", "id", "normals.X", "normals.Y", "normals.Z"]
    for name, values in found.items():
        assert values.dtype == truth[name].dtype
        np.testing.assert_array_equal(values, truth[name][hidden])


def test_between_pixels_numbers_and_depth_are_those_of_one_pixel_and_all_else_is_interpolated(tmp_path: Path) -> None:
    hidden, truth = square(), view(0)
    plate, other = plate_of(tmp_path, truth), plate_of(tmp_path, view(1), frame=1002)
    found = filled("*", plate, masks_of(hidden), copied_from(1, hidden, shift=(-STEP + 0.375, 0.25)), plate, other)
    np.testing.assert_array_equal(found["Z"], truth["Z"][hidden])
    np.testing.assert_array_equal(found["id"], truth["id"][hidden])
    y, x = np.nonzero(hidden)
    between = 0.5 + 0.4 * np.sin((x + 0.375) / 7) * np.cos((y + 0.25) / 9)
    assert np.abs(found["A"].astype(np.float32) - between).max() < 3e-3
    assert np.abs(found["normals.X"].astype(np.float32) - np.sin((x + 0.375) / 11)).max() < 2e-3


def test_halfway_between_two_pixels_each_pixel_is_taken_once(tmp_path: Path) -> None:
    hidden, channels = square(), view(0)
    channels["id"] = np.arange(np.prod(SHAPE), dtype=np.uint32).reshape(SHAPE)
    plate = plate_of(tmp_path, channels)
    found = filled("id", plate, masks_of(hidden), copied_from(0, hidden, shift=(0.5, -0.5)), plate)
    y, x = np.nonzero(hidden)
    np.testing.assert_array_equal(found["id"], y * SHAPE[1] + x + 1)


def test_interpolation_does_not_overshoot_at_the_edge_of_an_alpha(tmp_path: Path) -> None:
    hidden, channels = square(), view(0)
    channels["A"] = (np.mgrid[: SHAPE[0], : SHAPE[1]][1] > 17).astype(np.float16)
    plate = plate_of(tmp_path, channels)
    found = filled("A", plate, masks_of(hidden), copied_from(0, hidden, shift=(0.3, 0.3)), plate)["A"]
    assert found.min() == 0
    assert found.max() == 1


def test_beside_a_nan_the_nearest_value_is_taken_and_infinite_depth_is_copied(tmp_path: Path) -> None:
    hidden, channels = square(), view(0)
    channels["normals.X"] = channels["normals.X"].copy()
    channels["normals.X"][0:16, 20] = np.nan
    plate = plate_of(tmp_path, channels)
    found = filled("normals.X,Z", plate, masks_of(hidden), copied_from(0, hidden, shift=(0.25, 0)), plate)
    np.testing.assert_array_equal(np.isnan(found["normals.X"]), np.isnan(channels["normals.X"][hidden]))
    assert np.isinf(found["Z"]).any()


def test_at_a_soft_edge_values_are_mixed_by_the_matte_and_whole_ones_change_at_one_half(tmp_path: Path) -> None:
    hidden, truth = square(), view(0)
    plate = plate_of(tmp_path, with_object(truth, hidden))
    for weight in (0.25, 0.5, 0.75):
        buffer = copied_from(1, hidden, shift=(0, 0))
        found = filled("A,id,Z", plate, masks_of(hidden, weight=weight), buffer, plate, plate_of(tmp_path, truth))
        mixed = (1 - weight) + weight * truth["A"][hidden].astype(np.float32)
        assert np.abs(found["A"].astype(np.float32) - mixed).max() < 1e-3
        np.testing.assert_array_equal(found["id"], truth["id"][hidden] if weight >= 0.5 else 7)
        np.testing.assert_array_equal(found["Z"], truth["Z"][hidden] if weight >= 0.5 else 1.5)


def test_values_beyond_halfs_range_become_its_largest_one(tmp_path: Path) -> None:
    hidden, channels = square(), view(0)
    wide = channels | {"motion": np.full(SHAPE, 1e9, np.float32)}
    plate = plate_of(tmp_path, channels | {"motion": np.zeros(SHAPE, np.float16)})
    other = plate_of(tmp_path, wide, frame=1002)
    found = filled("motion", plate, masks_of(hidden), copied_from(1, hidden, shift=(0, 0)), plate, other)
    np.testing.assert_array_equal(found["motion"], np.float16(65504))


# --- what no frame shows ---------------------------------------------------------------------------------------------


def test_what_no_frame_shows_is_continued_from_around(tmp_path: Path) -> None:
    hidden, channels = square(), view(0)
    y, x = np.mgrid[: SHAPE[0], : SHAPE[1]].astype(np.float32)
    channels |= {"A": (x / 100).astype(np.float32), "Z": np.where(x < 18, 2, 9).astype(np.float32)}
    channels["id"] = np.where(x < 18, 4_000_000_000, 3).astype(np.uint32)
    plate = plate_of(tmp_path, with_object(channels, hidden))
    found = filled("A,Z,id", plate, masks_of(hidden), FillBuffer.blank(SHAPE))
    assert np.abs(found["A"] - channels["A"][hidden]).max() < 0.01
    assert set(found["Z"]) == {2, 9}
    assert set(found["id"]) == {4_000_000_000, 3}
    nearer = (x < 14)[hidden] & (np.abs(y - 15.5) < 3)[hidden]
    assert (found["Z"][nearer] == 2).all()


def test_copied_pixels_are_continued_too_and_what_passes_in_front_is_not(tmp_path: Path) -> None:
    hidden, channels = square(), view(0)
    channels |= {"A": np.full(SHAPE, 0.9, np.float32), "Z": np.full(SHAPE, 1, np.float32)}
    plate = plate_of(tmp_path, channels)
    far = plate_of(
        tmp_path, channels | {"A": np.zeros(SHAPE, np.float32), "Z": np.full(SHAPE, 80, np.float32)}, frame=2
    )
    buffer = copied_from(1, hidden, shift=(0, 0))
    buffer.source[14:18, 16:20] = -1
    found = filled("A,Z", plate, masks_of(hidden, unusable=~hidden), buffer, plate, far)
    np.testing.assert_array_equal(found["A"], 0)
    np.testing.assert_array_equal(found["Z"], 80)


def test_a_source_without_such_a_channel_gives_none(tmp_path: Path) -> None:
    hidden, channels = square(), view(0)
    channels |= {"A": np.full(SHAPE, 0.25, np.float32), "Z": np.full(SHAPE, 4, np.float32)}
    plate = plate_of(tmp_path, with_object(channels, hidden))
    clean = plate_of(tmp_path, {name: channels[name] for name in "RGB"}, name="clean")
    other_kind = plate_of(tmp_path, channels | {"id": np.ones(SHAPE, np.float32)}, name="float")
    at = copied_from(1, hidden, shift=(0, 0))
    found = filled("A,Z,id", plate, masks_of(hidden), at, plate, clean)
    np.testing.assert_allclose(found["A"], 0.25, atol=1e-6)
    np.testing.assert_array_equal(found["Z"], 4)
    assert set(found["id"]) <= set(channels["id"].reshape(-1))
    same = filled("id", plate, masks_of(hidden), at, plate, other_kind)
    np.testing.assert_array_equal(same["id"], found["id"])


def test_where_nothing_at_all_is_known_the_plates_own_values_stay(tmp_path: Path) -> None:
    everything = np.ones(SHAPE, bool)
    plate = plate_of(tmp_path, view(0))
    found = filled("A,id", plate, masks_of(everything), FillBuffer.blank(SHAPE))
    np.testing.assert_array_equal(found["A"], view(0)["A"].reshape(-1))
    np.testing.assert_array_equal(found["id"], view(0)["id"].reshape(-1))


def test_frames_with_windows_of_their_own_are_sampled_by_the_scene_not_by_their_corner(tmp_path: Path) -> None:
    hidden, truth = square(), view(0)
    canvas = Box.whole(SHAPE)
    whole, cut = plate_of(tmp_path, with_object(truth, hidden)), {n: v[4:30, 6:40] for n, v in truth.items()}
    corner = (np.array([6, 4], np.int32), np.array([39, 29], np.int32))
    smaller = replace(plate_of(tmp_path, cut, frame=1002, data=corner), canvas=canvas)
    target = {n: v[4:30, 6:40] for n, v in with_object(truth, hidden).items()}
    own = replace(plate_of(tmp_path, target, frame=1003, data=corner), canvas=canvas)
    at = copied_from(0, hidden, shift=(0, 0))
    for plate, source in ((whole, smaller), (own, plate_of(tmp_path, truth, frame=1004)), (own, smaller)):
        for name, values in filled("*", plate, masks_of(hidden), at, source).items():
            np.testing.assert_array_equal(values, truth[name][hidden])


# --- reading ---------------------------------------------------------------------------------------------------------


def test_each_source_is_read_once_and_never_unless_asked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    hidden = square()
    plates = [plate_of(tmp_path, view(frame), frame=1001 + frame) for frame in range(3)]
    sources = Sources(*plates)
    filler = LayerFiller("A,Z", plates=sources)
    for plate in plates:
        filler.fill(plate, masks_of(hidden), copied_from(1, hidden, shift=(0, 0)))
    assert sources.reads == [0, 1, 0]
    for names, where in ((None, hidden), ("A", np.zeros(SHAPE, bool))):
        quiet = LayerFiller(names, plates=Sources())
        assert quiet.fill(plates[0], masks_of(where), copied_from(1, hidden, shift=(0, 0))) == {}
    monkeypatch.setattr(fill_layers, "MAX_BYTES", 1)
    filler, sources.reads = LayerFiller("A,Z", plates=sources), [0, 0, 0]
    for frame in (0, 1, 2, 0):
        filler.fill(plates[0], masks_of(hidden), copied_from(frame, hidden, shift=(0, 0)))
    assert sources.reads == [2, 1, 1]
