"""Joint training: one answer trains both networks, and a run is resumed where it stopped."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
import torch

from aan_engine.network.bundle import Networks
from aan_engine.training import train_joint
from aan_engine.training.run_log import RunLog
from aan_engine.training.scenes import SceneMaker
from aan_engine.training.train_joint import JointPlan, JointTrainer
from tests.engine.shots import pan


@pytest.fixture
def data(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of two photos; scenes of five frames with one run of two."""
    (tmp_path / "data").mkdir()
    for number, view in enumerate(pan(2, speed=60, size=(480, 800))):
        photo = np.clip(255 * view[..., ::-1] ** 0.45, 0, 255).astype(np.uint8)
        cv2.imwrite(str(tmp_path / "data" / f"photo{number}.png"), photo)
    for name, value in {"FRAMES": 5, "RUNS": 1, "RUN": 2}.items():
        monkeypatch.setattr(train_joint, name, value)
    return tmp_path / "data"


def test_one_answer_trains_the_inpainter_and_the_chooser(data: Path) -> None:
    trainer = JointTrainer(Networks.load(torch.device("cpu")), JointPlan())
    before = {name: value.clone() for name, value in trainer.parts.state_dict().items()}
    values = trainer.learn(SceneMaker(data), 3, rate=1e-3)
    assert {"blend", "square", "expected", "synthesised"} <= values.keys()
    assert all(np.isfinite(value) for value in values.values())
    moved = {name for name, value in trainer.parts.state_dict().items() if not torch.equal(value, before[name])}
    for part in ("inpainter.decoder.paint.weight", "inpainter.encoder.stem.0.weight", "chooser.leave.weight"):
        assert part in moved


@pytest.mark.timeout(300)  # three scenes, on a slow machine
def test_a_resumed_run_ends_like_an_uninterrupted_one(
    data: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Copied(RunLog):
        """Keeps a copy of its first checkpoint, as of a run that was stopped there."""

        def save_checkpoint(self, state: dict[str, Any]) -> None:
            super().save_checkpoint(state)
            if state["number"] == 1:
                shutil.copytree(self.folder, tmp_path / "stopped")

    with monkeypatch.context() as patch:
        patch.setattr(train_joint, "RunLog", Copied)
        patch.setattr(train_joint, "SAVE_MINUTES", -1.0)
        whole = train_joint.train(data, tmp_path / "whole", JointPlan(scenes=2))
    resumed = train_joint.train(data, tmp_path / "stopped", JointPlan(scenes=2))
    start = Networks.load(torch.device("cpu"))
    for name in ("inpainter", "chooser"):
        again, before = (getattr(networks, name).state_dict() for networks in (resumed, start))
        for key, value in getattr(whole, name).state_dict().items():
            assert torch.equal(value, again[key]), key
        assert any(not torch.equal(value, before[key]) for key, value in again.items())
