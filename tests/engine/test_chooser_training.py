"""Training the chooser: crops made from clips, and runs that are resumed where they stopped."""

from __future__ import annotations

import itertools
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch

from aan_engine.network.chooser import Chooser
from aan_engine.training.chooser_data import CANDIDATES, CROP
from aan_engine.training.crop_store import CropStore, make_crops
from aan_engine.training.run_log import RunLog
from aan_engine.training.train_chooser import ChooserPlan, augmented, samples, train
from tests.engine.shots import pan


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A folder with one small clip, and a run's folder with the crops of one scene."""
    folder = tmp_path_factory.mktemp("choice")
    (folder / "data").mkdir()
    writer = cv2.VideoWriter(str(folder / "data" / "pan_00.mp4"), cv2.VideoWriter.fourcc(*"mp4v"), 24, (480, 288))
    for view in pan(8, speed=12, size=(288, 480)):
        writer.write(np.clip(255 * view[..., ::-1] ** 0.45, 0, 255).astype(np.uint8))
    writer.release()
    make_crops(folder / "data", folder / "run", first=0, last=0)
    # One clip cannot be held back from itself.
    (folder / "run" / "pool-validation").symlink_to(folder / "run" / "pool-train")
    return folder / "data", folder / "run"


def test_crops_know_the_truth_and_their_candidates_do_not(
    run: tuple[Path, Path],
) -> None:
    store = CropStore(run[1] / "pool-train")
    given = store.batch(np.arange(len(store)))
    assert given["image"].shape[1:] == (CANDIDATES, 3, CROP, CROP)
    assert given["hidden"].amax() == 1
    valid = given["figures"][:, :, :1]
    assert (given["image"][:, :-1] * (1 - valid[:, :-1]) == 0).all()
    # The synthesis was made without the truth: in the hole the two differ.
    off = (given["image"][:, -1] - given["truth"]).abs() * given["hidden"]
    assert off.sum() / given["hidden"].sum() / 3 > 0.01


def test_another_process_makes_the_same_crops(run: tuple[Path, Path], tmp_path: Path) -> None:
    make_crops(run[0], tmp_path, first=0, last=0, processes=1)
    with np.load(run[1] / "pool-train" / "00000.npz") as ours, np.load(tmp_path / "pool-train" / "00000.npz") as theirs:
        assert set(ours) == set(theirs)
        for name in ours:
            # A process has one thread: sums in another order may round the last of eight bits differently.
            off = np.abs(ours[name].astype(int) - theirs[name].astype(int))
            assert off.max() <= 1, name
            assert off.mean() < 1e-4, name


def test_augmentation_changes_candidates_and_truth_alike(run: tuple[Path, Path]) -> None:
    store = CropStore(run[1] / "pool-train")
    given = store.batch(np.arange(2))
    turned = augmented({k: v.clone() for k, v in given.items()}, np.random.default_rng(5))

    def distances(batch: dict[str, torch.Tensor]) -> torch.Tensor:
        off = (batch["image"][:, -1] - batch["truth"]).abs() * batch["hidden"]
        return off.sum((1, 2, 3))

    torch.testing.assert_close(distances(turned), distances(given), rtol=1e-3, atol=1e-2)


def test_an_interrupted_run_ends_with_the_weights_of_an_uninterrupted_one(
    run: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
) -> None:
    data, folder = run
    plan = ChooserPlan(sequences=1, steps=4, count=1)

    def fresh(name: str) -> Path:
        out = folder.parent / name
        out.mkdir()
        for part in ("train", "validation"):
            (out / f"pool-{part}").symlink_to(folder / f"pool-{part}")
        return out

    whole = train(data, fresh("whole"), plan)
    broken = fresh("broken")
    with monkeypatch.context() as patched:
        clock = itertools.count()
        patched.setattr(RunLog, "minutes", property(lambda log: float(next(clock))))
        train(data, broken, ChooserPlan(sequences=1, steps=4, count=1, minutes=5.0))
    assert torch.load(broken / "checkpoint.pt")["step"] == 2
    resumed = train(data, broken, plan).state_dict()
    for name, value in whole.state_dict().items():
        assert torch.equal(value, resumed[name]), name


def test_samples_show_the_input_the_weighted_mean_the_synthesis_and_the_truth(run: tuple[Path, Path]) -> None:
    held = CropStore(run[1] / "pool-train")
    rows = samples(Chooser(), held, count=2)
    assert [len(row) for row in rows] == [4, 4]
    shown, chosen, _, truth = rows[0]
    hole = held.batch(np.arange(1))["hidden"][0]
    assert (shown * hole == 0).all()
    torch.testing.assert_close(chosen * (1 - hole), truth * (1 - hole))
