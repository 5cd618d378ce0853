"""What the artist knows: mattes grown and held out, clean plates, painted frames, and what may not be a source."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest

from aan_engine import pipeline
from aan_engine.candidates.builders import synthesised
from aan_engine.candidates.candidate import Candidate, Kind, hole_region
from aan_engine.core.frame import CLEAN_NUMBER, clean_numbers
from aan_engine.errors import MatteError, ShotError
from aan_engine.plates import matte_edge
from aan_engine.plates.shot_frames import ShotFrames, _not_finite
from aan_engine.plates.source_policy import SourcePolicy
from aan_engine.rendering.filled_frame import FilledFrame
from aan_engine.selection.preference import prefer_artists_sources
from aan_engine.shot import Controls, FrameFile, Known, Shot
from tests.engine.shots import SIZE, Array, box_matte, pan, shot_of, write_matte, write_rgb

FRAMES = 5
EVERYTHING = ("source", "unseen", "confidence")


def told(tmp_path: Path, *, speed: float = 1.5) -> tuple[Shot, list[Array]]:
    plates = pan(FRAMES, speed=speed)
    shot = shot_of(tmp_path, plates, box_matte(FRAMES), aovs=EVERYTHING)
    return shot, plates


def filled(shot: Shot, **known: object) -> list[FilledFrame]:
    return list(pipeline.fill(dataclasses.replace(shot, **known)))  # type: ignore[arg-type]


def one(folder: Path, name: str, pixels: Array, *, frame: int = 1) -> tuple[FrameFile, ...]:
    write_rgb(folder / name, pixels)
    return (FrameFile(frame, folder / name),)


def over(folder: Path, name: str, y: slice, x: slice) -> tuple[FrameFile, ...]:
    mask = np.zeros(SIZE, np.float32)
    mask[y, x] = 1
    write_matte(folder / name, mask)
    return (FrameFile(1, folder / name),)


# What is broken


@pytest.mark.parametrize("kind", [np.float16, np.float32])
@pytest.mark.parametrize("bad", [np.nan, -np.nan, np.inf, -np.inf])
def test_a_single_broken_value_is_barred_and_no_sound_one_is(kind: Any, bad: float) -> None:
    largest = np.finfo(kind).max
    values = np.array([[0.0, -0.0, largest], [-largest, 1e-7, -1e-7]], kind)
    assert not _not_finite(values).any()
    values[1, 1] = bad
    assert np.argwhere(_not_finite(values)).tolist() == [[1, 1]]


# The matte


def test_a_matte_that_is_neither_grown_nor_feathered_is_itself() -> None:
    roto = box_matte(1)[0]
    assert matte_edge.grow_feather(roto, grow=0, feather=0) is roto


@pytest.mark.parametrize("grow", [1, 3, 2.5])
def test_growing_and_shrinking_move_the_edge_by_so_many_pixels(grow: float) -> None:
    roto = box_matte(1)[0]
    wide, narrow = (matte_edge.grow_feather(roto, grow=g, feather=0) for g in (grow, -grow))
    row = SIZE[0] // 2
    assert wide[row].sum() == pytest.approx(16 + 2 * grow)
    assert narrow[row].sum() == pytest.approx(16 - 2 * grow)
    assert (wide >= roto).all()
    assert (narrow <= roto).all()


def test_a_feather_fades_outwards_only_and_never_rises() -> None:
    roto = box_matte(1)[0]
    soft = matte_edge.grow_feather(roto, grow=0, feather=6)
    row = soft[SIZE[0] // 2, SIZE[1] // 2 :]
    assert (soft[roto > 0] == 1).all()
    assert (np.diff(row) <= 0).all()
    assert np.count_nonzero((row > 0) & (row < 1)) == 6


def test_a_matte_larger_than_drawn_fills_more_and_leaves_the_rest_alone(tmp_path: Path) -> None:
    shot, plates = told(tmp_path)
    (frame,) = filled(shot, first=1003, last=1003, controls=Controls(grow=3))
    assert frame.hidden.sum() > box_matte(1)[0].sum() + 4 * 16 * 2
    np.testing.assert_array_equal(frame.pixels[~frame.hidden], plates[2][~frame.hidden])


@pytest.mark.parametrize("width", [2.0, 5.0])
def test_a_soft_edge_leaves_no_fringe_of_the_object(tmp_path: Path, width: float) -> None:
    """A grey card composited over known plates with a soft edge: the band is as close to the truth as the inside."""
    plates = pan(FRAMES + 4, speed=8)
    mattes = [np.clip(cv2.GaussianBlur(m, (0, 0), width) * 1.1 - 0.05, 0, 1) for m in box_matte(FRAMES + 4, side=24)]
    shot = shot_of(tmp_path, plates, mattes, first=1005, last=1005)
    for file, plate, soft in zip(shot.plates, plates, mattes, strict=True):
        write_rgb(file.path, plate * (1 - soft[..., None]) + 2.0 * soft[..., None])
    (frame,) = filled(shot)
    off = np.abs(frame.pixels - plates[4]).mean(-1)
    soft = mattes[4]
    band, inside = off[(soft > 0) & (soft < 1)].mean(), off[soft >= 1].mean()
    fringe = (np.abs(2.0 - plates[4]).mean(-1) * soft * (1 - soft))[(soft > 0) & (soft < 1)].mean()
    assert band < 1.1 * inside + 0.004
    assert band < 0.2 * fringe


def test_a_matte_that_is_nowhere_opaque_is_an_opacity() -> None:
    roto = 0.25 * box_matte(1)[0]
    np.testing.assert_array_equal(matte_edge.fill_weight(roto), roto)


def test_a_hard_matte_covers_what_it_did() -> None:
    roto = box_matte(1)[0]
    assert matte_edge.fill_weight(roto) is roto


# In front


def test_what_passes_in_front_is_never_painted_and_never_a_source(tmp_path: Path) -> None:
    shot, plates = told(tmp_path)
    held = over(tmp_path, "front.exr", slice(30, 42), slice(56, 90))
    for frame, plate in zip(filled(shot, known=Known(holdout=held)), plates, strict=True):
        kept = np.zeros(SIZE, bool)
        kept[30:42, 56:90] = True
        assert not (frame.hidden & kept).any()
        np.testing.assert_array_equal(frame.pixels[kept & (box_matte(1)[0] == 0)], plate[kept & (box_matte(1)[0] == 0)])
        assert not taken_from(frame, kept).any()


def test_what_is_excluded_stays_as_it_is_and_nothing_is_taken_from_it(tmp_path: Path) -> None:
    shot, _ = told(tmp_path)
    excluded = over(tmp_path, "shadow.exr", slice(20, 52), slice(62, 80))
    area = np.zeros(SIZE, bool)
    area[20:52, 62:80] = True
    before = filled(shot)
    assert any(taken_from(frame, area).any() for frame in before)
    for frame in filled(shot, known=Known(exclude=excluded)):
        assert frame.hidden.any()
        assert not taken_from(frame, area).any()


def taken_from(frame: FilledFrame, area: np.ndarray) -> np.ndarray:
    """Filled pixels that come from within an area, the same on every frame."""
    h, w = SIZE
    x = np.clip(np.rint(frame.layers["source.u"] * w - 0.5), 0, w - 1).astype(int)
    y = np.clip(np.rint((1 - frame.layers["source.v"]) * h - 0.5), 0, h - 1).astype(int)
    return frame.hidden & (frame.layers["source.frame"] >= 0) & area[y, x]


# Which frames are sources


def test_only_frames_within_the_range_and_on_the_step_are_sources(tmp_path: Path) -> None:
    shot, _ = told(tmp_path, speed=8)
    for controls, allowed in (
        (Controls(reference_first=1002, reference_last=1004), {1002, 1003, 1004}),
        (Controls(reference_step=2), {1001, 1003, 1005}),
    ):
        used = set()
        for frame in filled(shot, controls=controls):
            used |= set(np.unique(frame.layers["source.frame"][frame.hidden]).astype(int))
        assert used - {-1} <= allowed
        assert used - {-1}


@pytest.mark.parametrize(
    "controls", [Controls(reference_first=2000), Controls(reference_first=900, reference_step=500)]
)
def test_a_range_and_step_that_leave_no_source_are_refused(tmp_path: Path, controls: Controls) -> None:
    shot, plates = told(tmp_path, speed=8)
    with pytest.raises(ShotError, match="no plate may serve"):
        dataclasses.replace(shot, controls=controls)
    known = Known(clean=one(tmp_path, "clean.exr", plates[0]))
    assert dataclasses.replace(shot, controls=controls, known=known).known.clean


def test_a_holdout_of_another_size_is_called_by_its_name(tmp_path: Path) -> None:
    shot, _ = told(tmp_path, speed=8)
    write_matte(tmp_path / "front.exr", np.ones((8, 12), np.float32))
    known = Known(holdout=(FrameFile(1001, tmp_path / "front.exr"),))
    with pytest.raises(MatteError, match="the holdout matte is 12 x 8"):
        filled(shot, known=known)


# Frames without a matte


def test_a_frame_without_a_matte_hides_nothing_and_serves_as_a_source(tmp_path: Path) -> None:
    shot, _ = told(tmp_path)
    mattes = tuple(m for m in shot.mattes if m.frame != 1003)
    with pytest.raises(MatteError, match="lacks 1 of the plate's frames: 1003"):
        dataclasses.replace(shot, mattes=mattes)
    frames = ShotFrames(dataclasses.replace(shot, mattes=mattes, without_matte=(1003,)))
    assert not frames.target(2)[1].hidden.any()
    assert 2 in frames.source_indices
    assert [frames.is_hiding(frame) for frame in (1002, 1003, 1004)] == [True, False, True]


def test_the_only_matte_of_a_sequence_is_not_held(tmp_path: Path) -> None:
    shot, _ = told(tmp_path)
    others = tuple(p.frame for p in shot.plates[1:])
    alone = dataclasses.replace(shot, mattes=shot.mattes[:1], numbered=("matte",), without_matte=others)
    frames = ShotFrames(alone)
    assert [frames.is_hiding(plate.frame) for plate in shot.plates] == [True, False, False, False, False]
    held = dataclasses.replace(shot, mattes=shot.mattes[:1])
    assert all(ShotFrames(held).is_hiding(plate.frame) for plate in shot.plates)


def test_named_frames_are_filled_with_the_same_pixels_and_no_others(tmp_path: Path) -> None:
    shot, _ = told(tmp_path)
    assert [t.frame for t in dataclasses.replace(shot, frames=(1002, 1004)).targets] == [1002, 1004]
    assert [t.frame for t in dataclasses.replace(shot, frames=(1002, 1004), last=1003).targets] == [1002]


def test_a_shot_before_frame_0_is_filled_as_any_other_and_its_sources_are_told_apart(tmp_path: Path) -> None:
    shot, plates = told(tmp_path, speed=8)
    clean = one(tmp_path, "clean.exr", plates[2], frame=2)

    def moved(by: int) -> Shot:
        files = (
            tuple(dataclasses.replace(f, frame=f.frame + by) for f in files) for files in (shot.plates, shot.mattes)
        )
        own, mattes = files
        return Shot(own, mattes, aovs=shot.aovs, known=Known(clean=clean), last=own[1].frame)

    there, before = (filled(moved(by)) for by in (0, -1004))
    for usual, negative in zip(there, before, strict=True):
        assert negative.frame == usual.frame - 1004
        np.testing.assert_array_equal(negative.pixels, usual.pixels)
        numbers, wanted = (frame.layers["source.frame"][frame.hidden] for frame in (negative, usual))
        for number in np.unique(wanted):
            expected = {-1: -1003, CLEAN_NUMBER - 2: CLEAN_NUMBER - 2}.get(int(number), number - 1004)
            assert (numbers[wanted == number] == expected).all()


def test_no_clean_plate_has_the_number_of_a_plate() -> None:
    assert clean_numbers([1, 2], plates=[1001, 1002]) == [CLEAN_NUMBER - 1, CLEAN_NUMBER - 2]
    for clean, plates in (
        ([1, 2], [-1002, -1001]),
        ([-2001, -999], [1001, 1002]),
        ([-999], [1001]),
        ([1], list(range(-5000, 0))),
    ):
        found = clean_numbers(clean, plates=plates)
        assert len({*found, *plates, -1}) == len(found) + len({*plates, -1})
        assert max(found) < min(*plates, -1)


# Clean plates


def test_a_clean_plate_shows_what_no_frame_of_the_shot_does(tmp_path: Path) -> None:
    shot, plates = told(tmp_path, speed=0)
    clean = one(tmp_path, "clean.exr", plates[0])
    without, having = filled(shot)[2], filled(shot, known=Known(clean=clean))[2]
    assert without.unseen > 0.9
    assert having.unseen < 0.05
    inside = having.hidden
    assert set(np.unique(having.layers["source.frame"][inside])) <= {-1, CLEAN_NUMBER - 1}
    off = np.abs(having.pixels - plates[2])[inside].mean()
    assert off < 0.1 * np.abs(without.pixels - plates[2])[inside].mean()


def test_only_the_clean_plate_is_used_where_the_artist_says_so(tmp_path: Path) -> None:
    shot, plates = told(tmp_path, speed=8)
    clean = one(tmp_path, "clean.exr", plates[2])
    for frame in filled(shot, known=Known(clean=clean), controls=Controls(clean_use="only")):
        assert set(np.unique(frame.layers["source.frame"][frame.hidden])) <= {-1, CLEAN_NUMBER - 1}


def test_only_the_clean_plate_without_one_is_refused(tmp_path: Path) -> None:
    shot, _ = told(tmp_path)
    with pytest.raises(ShotError, match="there is none"):
        dataclasses.replace(shot, controls=Controls(clean_use="only"))


# Painted frames


def test_a_painted_frame_is_taken_as_it_is_and_wins_over_every_other_source(tmp_path: Path) -> None:
    shot, plates = told(tmp_path, speed=8)
    marked = plates[2].copy()
    marked[28:44, 52:68] = (5, 0.25, 0.5)
    touched = one(tmp_path, "touched.exr", marked, frame=1003)
    frames = filled(shot, known=Known(painted=touched))
    own = frames[2]
    np.testing.assert_array_equal(own.pixels[own.hidden], marked.astype(np.float16)[own.hidden])
    assert (own.layers["source.frame"][own.hidden] == 1003).all()
    assert (own.layers["unseen.a"] == 0).all()
    for neighbour in (frames[1], frames[3]):
        assert (neighbour.layers["source.frame"][neighbour.hidden] == 1003).mean() > 0.8


def test_a_painted_frame_that_shows_no_plate_is_named(tmp_path: Path) -> None:
    shot, plates = told(tmp_path)
    touched = one(tmp_path, "touched.exr", plates[0], frame=1042)
    with pytest.raises(ShotError, match="frame 1042 shows no plate"):
        ShotFrames(dataclasses.replace(shot, known=Known(painted=touched)))


# Preferences


def layers_of(*kinds: Kind) -> list[Candidate]:
    hole = hole_region(0, np.pad(np.ones((4, 4), bool), 20))
    assert hole is not None
    blank = synthesised(np.zeros((*hole.hidden.shape, 3), np.float32), hole)
    return [dataclasses.replace(blank, kind=kind, frame=blank.frame.copy()) for kind in kinds]


def test_whatever_is_preferred_the_shares_still_sum_to_what_they_did() -> None:
    candidates = layers_of(Kind.TRACKED, Kind.PREVIOUS, Kind.SYNTHESISED)
    candidates[0].frame[:, ::2] = 5
    candidates[1].frame[::3] = 12
    shares = (
        np.random.default_rng(0).dirichlet([1, 1, 1], candidates[0].frame.shape).transpose(2, 0, 1).astype(np.float32)
    )
    policy = SourcePolicy(painted=frozenset({5}))
    prior = prefer_artists_sources(policy, candidates, weights=shares, count=9)
    np.testing.assert_allclose(prior.sum(0), shares.sum(0), rtol=1e-5)
    assert (prior[0, :, ::2] > 0.98).all()
    np.testing.assert_array_equal(
        prefer_artists_sources(SourcePolicy(), layers_of(Kind.TRACKED), weights=shares[:1], count=9), shares[:1]
    )
