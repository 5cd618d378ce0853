"""Crop store: the chooser's training crops, on disk one file a scene, and in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aan_engine.network.bundle import Networks
from aan_engine.training.batches import map_in_order
from aan_engine.training.chooser_data import ChooserCrop, scene_crops, stack_crops
from aan_engine.training.scenes import SceneMaker


def make_crops(data: Path, out: Path, *, first: int, last: int, part: str = "train", processes: int = 0) -> None:
    """Make the crops of the scenes numbered `first` .. `last` that are not there yet, one file each.

    The candidates are those of the shipped networks.

    Args:
        data: folder of photos and clips.
        out: the run's folder; the files go into `pool-PART` in it.
        processes: how many work on different scenes side by side.
    """
    folder = out / f"pool-{part}"
    folder.mkdir(parents=True, exist_ok=True)
    scenes, networks = SceneMaker(data, part=part), Networks.load(torch.device("cpu"))

    def make(number: int) -> None:
        file = folder / f"{number:05d}.npz"
        if file.exists():
            return
        crops = list(scene_crops(scenes, number, networks=networks))
        if crops:
            columns = {name: np.stack([getattr(c, name) for c in crops]) for name in ChooserCrop.__annotations__}
            temporary = file.with_suffix(".tmp.npz")
            np.savez(temporary, allow_pickle=False, **columns)
            temporary.replace(file)

    for _ in map_in_order(make, range(first, last + 1), processes=processes):
        pass


class CropStore:
    """The crops of a folder, in memory. `reload` takes in new files, so that making and training can overlap."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._loaded: set[Path] = set()
        self._crops: list[ChooserCrop] = []
        self.reload()

    def __len__(self) -> int:
        return len(self._crops)

    def reload(self) -> None:
        """Take in what was added to the folder."""
        for file in sorted(set(self._folder.glob("[0-9]*[0-9].npz")) - self._loaded):
            self._loaded.add(file)
            with np.load(file) as loaded:
                columns = [loaded[name] for name in ChooserCrop.__annotations__]
            self._crops += [ChooserCrop(*row) for row in zip(*columns, strict=True)]

    def batch(self, picks: np.ndarray[Any, Any]) -> dict[str, Tensor]:
        """The crops of these numbers, see `chooser_data.stack_crops`."""
        return stack_crops([self._crops[i] for i in picks])
