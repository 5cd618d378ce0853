"""Training: the data are what they claim to be, and a run that was killed is resumed to the same bits."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from aan_engine.core import projective
from aan_engine.errors import ShotError, WeightsError
from aan_engine.network.align import sample
from aan_engine.network.flow import warp
from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import RecurrentState
from aan_engine.training import (
    clip_data,
    holes,
    homography_data,
    inpainter_data,
    losses,
    still_data,
    train_homography,
    train_inpainter,
)
from aan_engine.training.autocast import half_precision
from aan_engine.training.cli import app
from aan_engine.training.run_log import RunLog

torch.set_num_threads(1)


def photo(rng: np.random.Generator, height: int = 180, width: int = 240) -> np.ndarray[Any, Any]:
    coarse = rng.uniform(20, 235, (12, 16, 3)).astype(np.float32)
    image = cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.clip(image, 0, 255).astype(np.uint8)


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three photos, and two clips of a slow pan."""
    folder = tmp_path_factory.mktemp("data")
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        cv2.imwrite(str(folder / f"photo_{name}.png"), photo(rng))
    for name in ("one_00", "two_00"):
        wide = photo(rng, 120, 260)
        film = cv2.VideoWriter(str(folder / f"{name}.avi"), cv2.VideoWriter.fourcc(*"MJPG"), 24, (200, 120))
        for t in range(24):
            film.write(np.ascontiguousarray(wide[:, 2 * t : 2 * t + 200]))
        film.release()
    return folder


class Killed(Exception):
    """The power went out."""


def killed_after(calls: int, real: Callable[..., Any]) -> Callable[..., Any]:
    left = [calls]

    def fake(*args: Any, **kwargs: Any) -> Any:
        if not left[0]:
            raise Killed
        left[0] -= 1
        return real(*args, **kwargs)

    return fake


def test_a_pair_is_the_same_still_seen_through_its_homography() -> None:
    rng = np.random.default_rng(1)
    pictures = [photo(rng, 400, 500) for _ in range(2)]
    given = homography_data.make_pairs(pictures, 8, seed=5, start=0)
    at = projective.apply(given.homography, projective.grid(256, 256)).reshape(8, 256, 256, 2)
    warped = sample(given.reference, at)
    mask = torch.nn.functional.interpolate(given.inliers, scale_factor=8)
    difference = (warped - given.target) * mask
    offset = difference.sum((2, 3), keepdim=True) / mask.sum((2, 3), keepdim=True).clamp_min(1)
    error = ((difference - offset).abs() * mask).mean((1, 2, 3)) / mask.mean((1, 2, 3)).clamp_min(0.01)
    unaligned = (given.reference - given.target).abs().mean((1, 2, 3))
    counted = (given.related > 0) & (mask.mean((1, 2, 3)) > 0.2)
    assert counted.sum() >= 4
    assert error[counted].mean() < 0.04 < unaligned[counted].mean()


def test_unrelated_pairs_have_no_inliers() -> None:
    rng = np.random.default_rng(1)
    pictures = [photo(rng, 300, 400) for _ in range(3)]
    given = homography_data.make_pairs(pictures, 48, seed=1, start=0)
    assert 0 < (given.related == 0).sum() < 12
    assert given.inliers[given.related == 0].sum() == 0


def test_pair_number_i_is_always_the_same_pair() -> None:
    pictures = [photo(np.random.default_rng(2), 300, 400)]
    together, later = (
        homography_data.make_pairs(pictures, 3, seed=9, start=4),
        homography_data.make_pairs(pictures, 1, seed=9, start=6),
    )
    assert torch.equal(together.target[2:], later.target)
    assert torch.equal(together.homography[2:], later.homography)


def test_most_random_homographies_move_no_corner_further_than_32_pixels() -> None:
    corners = np.array([[[0, 0]], [[255, 0]], [[255, 255]], [[0, 255]]], np.float64)
    gone = [
        np.abs(cv2.perspectiveTransform(corners, homography_data.random_homography(np.random.default_rng(i))) - corners)
        for i in range(200)
    ]
    far = [g.max() > 32.01 for g in gone]
    assert 0 < np.mean(far) < 0.4
    assert np.median([g.max() for g in gone]) > 8


@pytest.mark.parametrize("kind", holes.INPAINTER_KINDS)
def test_every_kind_of_hole_hides_something_but_not_everything(kind: str) -> None:
    shares = [holes.random_hole(np.random.default_rng(i), 96, 160, kind=kind).mean() for i in range(20)]
    assert min(shares) >= 0
    assert max(shares) < 0.75
    assert 0.002 < np.median(shares) < 0.35


def test_a_stain_stands_still_and_a_wire_moves() -> None:
    stain = holes.moving_hole(np.random.default_rng(1), 5, height=96, width=160, kind="stain")
    wires = holes.moving_hole(np.random.default_rng(1), 5, height=96, width=160, kind="wires")
    strokes = holes.moving_hole(np.random.default_rng(1), 5, height=96, width=160, kind="strokes")
    assert all(np.array_equal(still[0], s) for still in (stain, strokes) for s in still)
    assert not np.array_equal(wires[0], wires[4])


def test_cuts_of_one_source_are_never_in_both_parts(tmp_path: Path) -> None:
    for source in range(12):
        for cut in range(3):
            (tmp_path / f"s{source}_{cut:02}.mp4").touch()
    names = {
        part: {f.stem.split("_")[0] for f in still_data.files(tmp_path, still_data.CLIPS, part=part)}
        for part in ("train", "validation")
    }
    assert names["train"] | names["validation"] == {f"s{i}" for i in range(12)}
    assert not names["train"] & names["validation"]
    assert names["validation"]


def test_an_absent_or_empty_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ShotError, match="not there") as caught:
        still_data.stills(tmp_path / "nowhere")
    assert caught.value.file == tmp_path / "nowhere"
    with pytest.raises(ShotError, match="no photo and no clip"):
        still_data.stills(tmp_path)
    with pytest.raises(ShotError, match="no clip"):
        clip_data.clips(tmp_path)


def test_a_run_of_a_clip_knows_its_motion_and_is_never_its_own_reference(data: Path) -> None:
    found = clip_data.clips(data, part="train")
    given = clip_data.random_run(found, np.random.default_rng(3), frames=6, height=48, width=80)
    assert not set(given.times) & set(given.reference_times)
    warped, inside = warp(given.truth[:-1], given.flow[1:])
    error = ((warped - given.truth[1:]).abs() * inside).mean()
    assert error < 0.5 * (given.truth[:-1] - given.truth[1:]).abs().mean()
    assert set(given.visible.unique().tolist()) <= {0.0, 1.0}


def test_each_loss_is_zero_where_nothing_is_wrong_and_only_there() -> None:
    truth = torch.rand(1, 3, 32, 32)
    visible = torch.ones(1, 1, 32, 32)
    visible[..., 8:20, 8:20] = 0
    wrong = torch.where(visible > 0, truth, truth + 0.25)
    assert losses.valid_l1(wrong, truth, visible) == 0
    assert losses.hole_l1(wrong, truth, visible).item() == pytest.approx(0.25, abs=1e-5)
    assert losses.hole_l1(truth, truth, visible) == 0
    still = torch.zeros(1, 2, 32, 32)
    assert losses.flow_error(still, still, truth, truth).item() == pytest.approx(0, abs=1e-5)
    assert losses.flow_error(still + 4, still, truth, truth).item() > 0.5
    assert losses.warping_error(truth, truth, truth, still).item() == pytest.approx(0, abs=1e-5)
    assert losses.warping_error(truth + 0.1, truth, truth, still).item() == pytest.approx(0.1, abs=1e-3)


def test_in_decibels_an_easy_picture_counts_as_much_as_a_hard_one() -> None:
    truth, visible = torch.rand(3, 3, 32, 32), torch.ones(3, 1, 32, 32)
    visible[:2, :, 8:20, 8:20] = 0
    scale = torch.tensor([0.3, 0.03, 0.0])[:, None, None, None]
    found = losses.hole_decibel(truth + scale, truth, visible).item()
    assert found == pytest.approx(10 * np.log10(0.3 * 0.03), abs=0.1)
    assert losses.hole_decibel(truth + 0.5 * scale, truth, visible).item() == pytest.approx(found - 6.02, abs=0.2)


@pytest.mark.parametrize(("known", "found"), [({"avx512_bf16": True}, torch.bfloat16), ({"avx2": True}, torch.float32)])
def test_half_precision_is_for_processors_that_know_it(
    known: dict[str, bool], found: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: known)
    with half_precision("cpu"):
        assert torch.nn.Conv2d(1, 1, 3)(torch.zeros(1, 1, 8, 8)).dtype is found


def test_a_killed_homography_run_ends_with_the_same_bits(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_homography, "SAVE_MINUTES", -1.0)
    plan = train_homography.HomographyPlan(steps=3, count=2, seed=3)
    whole = train_homography.train(data, tmp_path / "whole", plan).state_dict()
    with monkeypatch.context() as patch:
        patch.setattr(homography_data, "make_pairs", killed_after(2, homography_data.make_pairs))
        with pytest.raises(Killed):
            train_homography.train(data, tmp_path / "killed", plan)
    resumed = train_homography.train(data, tmp_path / "killed", plan).state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    torch.manual_seed(3)
    start = HomographyEstimator().state_dict()
    assert any(not torch.equal(whole[name], start[name]) for name in whole)


@pytest.mark.parametrize("stage", [1, 2])
def test_a_killed_inpainter_run_ends_with_the_same_bits(
    stage: int, data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(train_inpainter, "SAVE_MINUTES", -1.0)
    plan = inpainter_data.InpainterPlan(stage=stage, steps=3, count=2, side=64, height=48, width=64, longest=6, seed=5)
    torch.manual_seed(1)
    estimator = HomographyEstimator()
    whole = train_inpainter.train(data, tmp_path / "whole", plan, estimator=estimator).state_dict()
    with monkeypatch.context() as patch:
        patch.setattr(inpainter_data, "random_hole", killed_after(3, holes.random_hole))
        patch.setattr(clip_data, "random_run", killed_after(2, clip_data.random_run))
        with pytest.raises(Killed):
            train_inpainter.train(data, tmp_path / "killed", plan, estimator=estimator)
    resumed = train_inpainter.train(data, tmp_path / "killed", plan, estimator=estimator).state_dict()
    assert all(torch.equal(whole[name], resumed[name]) for name in whole)
    state = RunLog(tmp_path / "killed").load_checkpoint()
    assert state is not None
    assert state["step"] == 3


def test_stage_two_starts_from_the_inpainter_of_stage_one(data: Path, tmp_path: Path) -> None:
    first = inpainter_data.InpainterPlan(stage=1, steps=1, count=2, side=64)
    trained = train_inpainter.train(data, tmp_path, first).state_dict()
    second = inpainter_data.InpainterPlan(stage=2, steps=0)
    torch.manual_seed(1)
    taken = train_inpainter.train(data, tmp_path, second, estimator=HomographyEstimator()).state_dict()
    assert all(torch.equal(trained[name], taken[name]) for name in trained)


def test_the_recurrence_s_state_is_warped_along_the_motion() -> None:
    rows = torch.arange(16.0).expand(1, 3, 8, 16)
    flow = torch.zeros(1, 2, 8, 16)
    flow[:, 0] = 3.0
    warped = RecurrentState(rows, -rows).along(flow)
    assert torch.allclose(warped.previous[..., :13], rows[..., 3:])
    assert torch.allclose(warped.before[..., :13], -rows[..., 3:])


def test_the_runs_grow_by_six_up_to_twenty_four() -> None:
    plan = inpainter_data.InpainterPlan(stage=2, steps=100)
    assert [plan.length(s) for s in (0, 24, 25, 50, 75, 99)] == [6, 6, 12, 18, 24, 24]


def test_the_rate_warms_up_and_falls_in_a_short_training_as_in_a_long_one() -> None:
    for steps in (40, 4000):
        plan = inpainter_data.InpainterPlan(steps=steps, rate=1.0)
        rates = [plan.rate_at(s) for s in range(steps)]
        assert rates[0] < 0.15
        assert max(rates) > 0.8
        assert rates[-1] < 0.03


def test_a_broken_checkpoint_is_refused_with_a_hint(tmp_path: Path) -> None:
    (tmp_path / "checkpoint.pt").write_bytes(b"half of a")
    with pytest.raises(WeightsError, match="checkpoint") as caught:
        RunLog(tmp_path).load_checkpoint()
    assert "--no-resume" in caught.value.hint


def test_the_command_trains_logs_and_draws(data: Path, tmp_path: Path) -> None:
    arguments = ["inpainter", "--data", str(data), "--out", str(tmp_path), "--steps", "1", "--no-image-gan"]
    result = CliRunner().invoke(app, arguments)
    assert result.exit_code == 0, result.output
    log = RunLog(tmp_path)
    log.log(1, loss=0.5)
    log.save_samples("x", [[torch.rand(3, 8, 8), torch.rand(1, 8, 8)]])
    assert json.loads((tmp_path / "log.jsonl").read_text().splitlines()[-1])["loss"] == 0.5
    assert cv2.imread(str(tmp_path / "sheet_x.png")).shape == (8, 16, 3)
