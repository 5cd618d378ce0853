"""Batches: who makes them, and how many runs they hold, changes nothing in training."""

from __future__ import annotations

import os
import time
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter
from aan_engine.training import clip_data, inpainter_data, train_homography
from aan_engine.training.batches import map_in_order
from aan_engine.training.clip_data import ClipRun, ClipRunBatch
from aan_engine.training.run_log import RunLog

torch.set_num_threads(1)


def run_of(length: int, references: int, *, seed: int) -> ClipRun:
    def noise(count: int, channels: int) -> torch.Tensor:
        return torch.rand(count, channels, 48, 64, generator=torch.Generator().manual_seed(seed))

    visible, flow = (noise(length, 1) > 0.3).float(), noise(length, 2)
    shown = (noise(references, 1) > 0.3).float()
    times, around = tuple(range(length)), tuple(range(length, length + references))
    return ClipRun(noise(length, 3), visible, flow, noise(references, 3), shown, times, around)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    rng = np.random.default_rng(0)
    for name in ("a", "b", "c"):
        cv2.imwrite(str(tmp_path / f"photo_{name}.png"), rng.integers(0, 255, (80, 100, 3), np.uint8))
    return tmp_path


@pytest.mark.parametrize("processes", [0, 2])
def test_batches_come_in_their_order_whoever_makes_them(processes: int) -> None:
    made = list(map_in_order(lambda n: (n, os.getpid()), range(3, 12), processes=processes))
    assert [number for number, _ in made] == list(range(3, 12))
    makers = {maker for _, maker in made}
    assert (makers == {os.getpid()}) if not processes else len(makers) == 2 and os.getpid() not in makers


def test_a_slow_batch_is_waited_for_and_not_overtaken() -> None:
    def slow(number: int) -> int:
        time.sleep(0.2 if number == 0 else 0)
        return number

    assert list(map_in_order(slow, range(4), processes=2)) == [0, 1, 2, 3]


def test_without_processes_nothing_is_made_before_it_is_asked_for() -> None:
    made: list[int] = []
    coming = map_in_order(lambda n: made.append(n), range(5))
    next(coming)
    assert made == [0]


def test_what_goes_wrong_in_a_process_ends_the_training() -> None:
    def broken(number: int) -> int:
        raise FloatingPointError(f"batch {number}")

    with pytest.raises(FloatingPointError, match="batch 0"):
        list(map_in_order(broken, range(2), processes=1))


def test_a_training_with_processes_ends_with_the_same_bits(data: Path, tmp_path: Path) -> None:
    ends = [
        train_homography.train(
            data, tmp_path / str(p), train_homography.HomographyPlan(steps=2, count=2, processes=p)
        ).state_dict()
        for p in (0, 2)
    ]
    assert all(torch.equal(ends[0][name], ends[1][name]) for name in ends[0])


def test_runs_in_a_batch_are_as_long_as_the_shortest_and_lack_no_reference() -> None:
    found = [run_of(7, 2, seed=1), run_of(6, 4, seed=2)]
    runs = ClipRunBatch.of(found)
    assert runs.truth.shape == (6, 2, 3, 48, 64)
    assert runs.reference.shape == (2, 4, 3, 48, 64)
    for b, run in enumerate(found):
        assert torch.equal(runs.truth[:, b], run.truth[:6])
        assert torch.equal(runs.flow[:, b], run.flow[:6])
        assert torch.equal(runs.reference[b, : len(run.reference)], run.reference)
    assert not runs.reference_visible[0, 2:].any()


def test_a_run_is_inpainted_in_a_batch_as_it_is_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clip_data, "clips", lambda data, part="train": [])
    torch.manual_seed(0)
    inpainter, estimator = Inpainter(), HomographyEstimator()
    torch.nn.init.normal_(inpainter.decoder.paint.weight, std=0.02)
    plan = inpainter_data.InpainterPlan(stage=2, height=48, width=64, runs=2)
    task = inpainter_data.ClipTask(Path(), plan, "cpu", estimator)
    found = [run_of(3, 2, seed=1), run_of(3, 4, seed=2)]

    def inpainted(runs: list[ClipRun]) -> torch.Tensor:
        with torch.no_grad():
            parts = list(task.inpainted(inpainter, ClipRunBatch.of(runs)))
        return torch.stack([frame.inpainted.image for part in parts for frame in part])

    together = inpainted(found)
    for b, run in enumerate(found):
        # In half precision a larger batch may change the order of a sum.
        torch.testing.assert_close(together[:, b : b + 1], inpainted([run]), atol=0.01, rtol=0)
    assert (together[:, 0] - together[:, 1]).abs().max() > 0.1


def test_the_rate_of_a_run_that_the_clock_will_end_falls_to_its_end(tmp_path: Path) -> None:
    log = RunLog(tmp_path)
    assert log.last_step(0, 1000, minutes=None) == 1000
    assert log.last_step(0, 1000, minutes=1.0) == 1000
    time.sleep(0.05)
    # Ten steps took a twentieth of a second, so a hundred more fit into half a second, and the whole into an hour.
    assert 40 < log.last_step(10, 1000, minutes=log.minutes + 0.5 / 60) < 130
    assert log.last_step(10, 1000, minutes=60.0) == 1000
    assert log.last_step(10, 1000, minutes=0.0) == 10
