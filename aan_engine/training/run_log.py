"""Run log: the folder of one training run: a checkpoint to resume from, the log as JSON lines, sheets of samples.

A checkpoint is written to a temporary file and renamed: a run that is killed while it writes loses nothing.
"""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import torch
from torch import Tensor

from aan_engine.errors import WeightsError


class RunLog:
    """The folder of a run: `checkpoint.pt`, `log.jsonl`, `sheet_*.png`."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self._began = time.monotonic()
        self._first: tuple[int, float] | None = None

    @property
    def minutes(self) -> float:
        """How long ago this object was made."""
        return (time.monotonic() - self._began) / 60

    def last_step(self, step: int, steps: int, *, minutes: float | None) -> int:
        """The step at which a run that has come to `step` will end: the last of `steps`, or earlier, by its pace, when
        `minutes` are over."""
        if self._first is None:
            self._first = (step, self.minutes)
        before, began = self._first
        if minutes is None or step <= before:
            return steps
        pace = (step - before) / max(self.minutes - began, 1e-6)
        return min(steps, step + round(max(minutes - self.minutes, 0.0) * pace))

    def log(self, step: int, **values: float) -> None:
        """Adds a line to the log."""
        line = {"step": step, "minutes": round(self.minutes, 2)} | {k: round(float(v), 5) for k, v in values.items()}
        with (self.folder / "log.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(line) + "\n")

    def save_checkpoint(self, state: dict[str, Any]) -> None:
        """Writes the checkpoint, atomically."""
        temporary = self.folder / "checkpoint.tmp"
        torch.save(state, temporary)
        temporary.replace(self.folder / "checkpoint.pt")

    def load_checkpoint(self) -> dict[str, Any] | None:
        """The last checkpoint, or None where there is none yet.

        Raises:
            WeightsError: it is there and cannot be read.
        """
        file = self.folder / "checkpoint.pt"
        if not file.exists():
            return None
        try:
            state: dict[str, Any] = torch.load(file, map_location="cpu", weights_only=True)
        except Exception as e:
            raise WeightsError("the checkpoint cannot be read", hint="Start afresh with --no-resume.", file=file) from e
        return state

    def save_samples(self, name: str, rows: list[list[Tensor]]) -> None:
        """Writes rows of (3, H, W) or (1, H, W) pictures, 0 .. 1, as one PNG, `sheet_NAME.png`."""
        lines = [np.concatenate([_picture(p) for p in row], axis=1) for row in rows]
        cv2.imwrite(str(self.folder / f"sheet_{name}.png"), np.concatenate(lines, axis=0)[..., ::-1])


def _picture(tensor: Tensor) -> np.ndarray[Any, np.dtype[np.uint8]]:
    rgb = tensor.detach().float().expand(3, -1, -1).clamp(0, 1).permute(1, 2, 0).cpu().numpy()
    return (rgb * 255).round().astype(np.uint8)
