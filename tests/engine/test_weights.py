"""Weights are found, verified, and loaded strictly, or refused with a clear word."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import torch

from aan_engine.errors import WeightsError
from aan_engine.network import weights
from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    torch.manual_seed(3)
    weights.save("homography", HomographyEstimator(), folder=tmp_path)
    return tmp_path


def test_what_was_saved_comes_back_in_half_precision(tmp_path: Path) -> None:
    module = HomographyEstimator()
    file = weights.save("homography", module, folder=tmp_path)
    loaded = weights.load("homography", folder=tmp_path)
    assert not loaded.training
    for name, value in module.state_dict().items():
        assert torch.equal(loaded.state_dict()[name], value.half().float())
    assert file.stat().st_size < 2.2 * sum(p.numel() for p in module.parameters()) + 20_000
    assert sorted(p.name for p in tmp_path.iterdir()) == ["homography.safetensors", "weights.json"]


def test_one_changed_byte_is_refused(folder: Path) -> None:
    file = folder / "homography.safetensors"
    content = bytearray(file.read_bytes())
    content[-1] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(WeightsError, match="not the ones that were shipped") as caught:
        weights.load("homography", folder=folder)
    assert caught.value.hint
    assert caught.value.file == file


def test_a_missing_file_is_named(folder: Path) -> None:
    (folder / "homography.safetensors").unlink()
    with pytest.raises(WeightsError, match="cannot be read") as caught:
        weights.load("homography", folder=folder)
    assert caught.value.file == folder / "homography.safetensors"


def test_a_part_without_registered_weights_is_refused(folder: Path) -> None:
    with pytest.raises(WeightsError, match="no weights are registered for the inpainter"):
        weights.load("inpainter", folder=folder)


@pytest.mark.parametrize("text", [None, "{ not json"])
def test_a_missing_or_broken_registry_is_refused(folder: Path, text: str | None) -> None:
    if text is None:
        (folder / "weights.json").unlink()
    else:
        (folder / "weights.json").write_text(text, encoding="utf-8")
    with pytest.raises(WeightsError, match="list of weights"):
        weights.load("homography", folder=folder)


def test_weights_of_another_network_are_refused(folder: Path) -> None:
    weights.save("inpainter", Inpainter(), folder=folder)
    registry = folder / "weights.json"
    entries = json.loads(registry.read_text(encoding="utf-8"))
    entries["homography"] = entries["inpainter"]
    registry.write_text(json.dumps(entries), encoding="utf-8")
    with pytest.raises(WeightsError, match="not of this homography"):
        weights.load("homography", folder=folder)


def test_weights_that_half_precision_cannot_hold_are_not_saved(tmp_path: Path) -> None:
    module = HomographyEstimator()
    torch.nn.init.constant_(module.sharpness, 1e6)
    with pytest.raises(WeightsError, match="not finite in half precision: sharpness"):
        weights.save("homography", module, folder=tmp_path)
    assert not list(tmp_path.iterdir())


def test_an_unknown_part_is_refused(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match="no part of the network"):
        weights.save("colour", HomographyEstimator(), folder=tmp_path)


def test_the_digest_changes_with_any_part(folder: Path) -> None:
    before = weights.digest(folder=folder)
    assert before == weights.digest(folder=folder)
    torch.manual_seed(4)
    weights.save("homography", HomographyEstimator(), folder=folder)
    assert weights.digest(folder=folder) != before


def test_every_part_is_shipped_with_its_card_and_all_are_small() -> None:
    total = 0
    for name in weights.PARTS:
        weights.load(name)
        assert (weights.FOLDER / f"{name}.md").is_file(), f"the {name} has no model card"
        total += (weights.FOLDER / f"{name}.safetensors").stat().st_size
    assert total <= 20 * 2**20
