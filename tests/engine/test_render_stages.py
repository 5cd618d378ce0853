"""The stages of rendering: a list that can be read, and from which any stage can be left out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from aan_engine.colour.log_encoding import from_log, to_log
from aan_engine.pipeline import fill
from aan_engine.rendering import finisher
from aan_engine.rendering.fill_buffer import FillBuffer
from aan_engine.rendering.filled_frame import FilledFrame
from aan_engine.rendering.finisher import STAGES
from aan_engine.rendering.target import Stage, Target
from aan_engine.rendering.texture import copy_texture
from aan_engine.rendering.warp import Warp
from aan_engine.shot import Controls, Shot
from tests.engine.fill_plans import decided, hole, target_of
from tests.engine.shots import Array, box_matte, pan, shot_of
from tests.engine.source_plates import source_of

FRAMES = 3


@pytest.fixture(scope="module")
def plates() -> list[Array]:
    """A pan with white noise, new on every frame."""
    rng = np.random.default_rng(0)
    return [from_log(to_log(p) + np.float32(0.02) * rng.standard_normal(p.shape)) for p in pan(FRAMES, speed=9)]


def shot(folder: Path, plates: list[Array], **controls: object) -> Shot:
    folder.mkdir(exist_ok=True)
    mattes = box_matte(FRAMES)
    return shot_of(folder, plates, mattes, controls=Controls(**controls), aovs=("source",))  # type: ignore[arg-type]


def filled(
    folder: Path, plates: list[Array], stages: Sequence[Stage] = STAGES, **controls: object
) -> list[FilledFrame]:
    return list(fill(shot(folder, plates, **controls), stages=stages))


def name_of(stage: Stage) -> str:
    return getattr(stage, "__name__", type(stage).__name__.lower())


def test_the_list_is_documented_in_its_order() -> None:
    said = finisher.__doc__ or ""
    described = [line.split()[0] for line in said.splitlines() if line.startswith("    ") and line[4] != " "]
    assert described == [name_of(stage) for stage in STAGES]


@pytest.mark.parametrize("left_out", [name_of(stage) for stage in STAGES[1:]])
def test_every_stage_but_the_first_can_be_left_out(tmp_path: Path, plates: list[Array], left_out: str) -> None:
    kept = [stage for stage in STAGES if name_of(stage) != left_out]
    for frame, plate in zip(filled(tmp_path, plates, kept), plates, strict=True):
        assert np.isfinite(frame.pixels).all()
        error = np.abs(to_log(frame.pixels) - to_log(plate))[frame.hidden & (frame.layers["source.frame"] > 0)]
        assert np.median(error) < 0.06


def test_without_the_grain_stages_a_shot_comes_out_as_with_grain_off(tmp_path: Path, plates: list[Array]) -> None:
    stages = (STAGES[0], copy_texture)
    shorter, off = filled(tmp_path / "a", plates, stages), filled(tmp_path / "b", plates, STAGES, grain=False)
    for one, other in zip(shorter, off, strict=True):
        assert one.pixels.tobytes() == other.pixels.tobytes()


@pytest.mark.parametrize(("stage", "blurred"), [(Warp(), True), (Warp(match_defocus=False), False)])
def test_defocus_can_be_left_out_of_the_first_stage(stage: Warp, blurred: bool) -> None:
    size = (240, 400)
    texture = cv2.GaussianBlur(np.random.default_rng(1).standard_normal((*size, 1)).astype(np.float32), (0, 0), 1.0)
    sharp = from_log(np.float32(0.4) + np.float32(0.3) * texture[..., None] * np.ones(3, np.float32))
    hidden = hole(size)
    own = source_of(cv2.GaussianBlur(sharp, (0, 0), 2.0), hidden)
    target = replace(target_of(decided(hole(), (0, 0)), hidden, source_of(sharp), own=own), match_defocus=True)
    found = stage(FillBuffer.blank(size), target).fill[hidden]
    expected = (cv2.GaussianBlur(sharp, (0, 0), 2.0) if blurred else sharp)[hidden]
    assert np.abs(to_log(found) - to_log(expected)).mean() < 0.02


def test_without_any_stage_holes_stay_blank(tmp_path: Path, plates: list[Array]) -> None:
    for frame in filled(tmp_path, plates, ()):
        assert not frame.pixels[frame.hidden].any()
        assert (frame.layers["source.frame"][frame.hidden] == -1).all()


def test_a_stage_of_one_s_own_is_run_in_its_turn_on_every_target(tmp_path: Path, plates: list[Array]) -> None:
    seen = []

    def halve(fill: FillBuffer, target: Target, /) -> FillBuffer:
        assert (fill.confidence[target.hidden] > 0).any()
        seen.append(target.index)
        fill.fill *= np.float32(0.5)
        return fill

    plain, halved = filled(tmp_path / "a", plates, STAGES[:1]), filled(tmp_path / "b", plates, (*STAGES[:1], halve))
    assert seen == list(range(FRAMES))
    for one, other in zip(plain, halved, strict=True):
        np.testing.assert_array_equal(other.pixels[other.hidden], one.pixels[one.hidden] * np.float32(0.5))
