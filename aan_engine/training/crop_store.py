"""The pool: the chooser's gathered crops, on disk one file a scene, and in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from aan_engine.network.bundle import Networks
from aan_engine.training.batches import lessons
from aan_engine.training.chooser_data import ChooserCrop, batch, sequence
from aan_engine.training.scenes import Stage


def gather(data: Path, out: Path, *, first: int, last: int, part: str = "train", processes: int = 0) -> None:
    """Make the material of sequences `first` .. `last` that is not there yet, one file each.

    The shipped estimator and inpainter propose; `processes` make different sequences side by side.
    """
    pool = out / f"pool-{part}"
    pool.mkdir(parents=True, exist_ok=True)
    stage, networks = Stage(data, part=part), Networks.load(torch.device("cpu"))

    def kept(number: int) -> None:
        file = pool / f"{number:05d}.npz"
        if file.exists():
            return
        choices = list(sequence(stage, number, networks=networks))
        if choices:
            columns = {name: np.stack([getattr(c, name) for c in choices]) for name in ChooserCrop.__annotations__}
            fresh = file.with_suffix(".tmp.npz")
            np.savez(fresh, allow_pickle=False, **columns)
            fresh.replace(file)

    for _ in lessons(kept, range(first, last + 1), processes=processes):
        pass


class CropStore:
    """The gathered crops, in memory; looks for new files now and then, so that making and learning can overlap."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._known: set[Path] = set()
        self._choices: list[ChooserCrop] = []
        self.look()

    def __len__(self) -> int:
        return len(self._choices)

    def look(self) -> None:
        """Take in what was added to the folder."""
        for file in sorted(set(self._folder.glob("[0-9]*[0-9].npz")) - self._known):
            self._known.add(file)
            with np.load(file) as loaded:
                columns = [loaded[name] for name in ChooserCrop.__annotations__]
            self._choices += [ChooserCrop(*row) for row in zip(*columns, strict=True)]

    def batch(self, picks: np.ndarray[Any, Any]) -> dict[str, Tensor]:
        """The picked crops, see `choices.batch`."""
        return batch([self._choices[i] for i in picks])
