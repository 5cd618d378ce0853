"""Clip data: short runs of real clips with moving holes over a known truth.

A run is a pure function of the random generator that is given.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from aan_engine.errors import ShotError
from aan_engine.training.holes import INPAINTER_KINDS, moving_hole
from aan_engine.training.still_data import CLIPS, Array, Still, files, read_clip, to_log

REFERENCE_STRIDE = 10
"""Every tenth frame of a clip may be a reference, as in `candidates.references`."""

WIDEST = 400
"""Columns that a clip in memory has at most."""


@dataclass(frozen=True)
class ClipRun:
    """Consecutive frames to be filled, and their references.

    Args:
        truth: (T, 3, H, W) log range.
        visible: (T, 1, H, W) 0 or 1.
        flow: (T, 2, H, W) backward flow of the truth into the frame before, in pixels; 0 for the first.
        reference: (N, 3, H, W) log range: some of every tenth frame around the run.
        reference_visible: (N, 1, H, W) 0 or 1.
        times: (T,) frame numbers.
        reference_times: (N,) frame numbers; a frame is never its own reference.
    """

    truth: Tensor
    visible: Tensor
    flow: Tensor
    reference: Tensor
    reference_visible: Tensor
    times: tuple[int, ...]
    reference_times: tuple[int, ...]


@dataclass(frozen=True)
class ClipRunBatch:
    """B runs of the same length; fields as in `ClipRun`, with a batch axis before the channels.

    Args:
        truth, visible, flow: (T, B, c, H, W).
        reference, reference_visible: (B, N, c, H, W); where a run has fewer than N references, hidden ones are added.
    """

    truth: Tensor
    visible: Tensor
    flow: Tensor
    reference: Tensor
    reference_visible: Tensor

    @classmethod
    def of(cls, runs: list[ClipRun]) -> ClipRunBatch:
        """All cut to the shortest."""
        frames = min(len(r.truth) for r in runs)

        def stacked(name: str) -> Tensor:
            return torch.stack([getattr(r, name)[:frames] for r in runs], dim=1)

        def padded(name: str) -> Tensor:
            return torch.nn.utils.rnn.pad_sequence([getattr(r, name) for r in runs], batch_first=True)

        return cls(*map(stacked, ("truth", "visible", "flow")), *map(padded, ("reference", "reference_visible")))

    def to(self, device: str) -> ClipRunBatch:
        """On another device."""
        return ClipRunBatch(**{name: value.to(device) for name, value in vars(self).items()})


def clips(folder: Path, *, part: str = "train") -> list[list[Still]]:
    """All clips of at least 12 frames, in memory as small 8-bit frames (at most 400 pixels wide).

    Raises:
        ShotError: there is none.
    """
    found = []
    for file in files(folder, CLIPS, part=part):
        frames = [_small(f) for f in read_clip(file)]
        if len(frames) >= 12:
            found.append(frames)
    if not found:
        raise ShotError("no clip of 12 frames or more", hint="Name a folder with clips with --data.", file=folder)
    return found


def random_run(
    clips: list[list[Still]], rng: np.random.Generator, *, frames: int, height: int, width: int, references: int = 5
) -> ClipRun:
    """A run of `frames` frames from a random clip: a random window, scaled to height x width, behind a moving hole."""
    clip = clips[int(rng.integers(len(clips)))]
    frames = min(frames, len(clip) - 1)
    first = int(rng.integers(0, len(clip) - frames + 1))
    times = list(range(first, first + frames))
    around = [
        t for t in range(int(rng.integers(REFERENCE_STRIDE)) % len(clip), len(clip), REFERENCE_STRIDE) if t not in times
    ] or [times[-1]]
    around = sorted(sorted(around, key=lambda t: abs(t - first - frames / 2))[:references])
    low, high = min(times + around), max(times + around)
    window, flip = _window(rng, clip[0].shape[0], clip[0].shape[1], height / width), rng.random() < 0.5
    shown = {t: _view(clip[t], window, height, width, flip=flip) for t in times + around}
    kind = str(rng.choice(INPAINTER_KINDS))
    hidden = moving_hole(rng, high - low + 1, height=height, width=width, kind=kind)
    if hidden.mean() > 0.35:
        hidden = moving_hole(rng, high - low + 1, height=height, width=width, kind="stain")
    gain = np.float32(2.0 ** rng.normal(0, 0.3))
    log = {t: torch.from_numpy(to_log(v.astype(np.float32) / 255, gain).transpose(2, 0, 1)) for t, v in shown.items()}
    seen = {t: torch.from_numpy(1 - hidden[t - low]).float()[None] for t in times + around}
    flow = [np.zeros((height, width, 2), np.float32)]
    flow += [_true_flow(shown[b], shown[a]) for a, b in pairwise(times)]
    return ClipRun(
        truth=torch.stack([log[t] for t in times]),
        visible=torch.stack([seen[t] for t in times]),
        flow=torch.from_numpy(np.stack(flow).transpose(0, 3, 1, 2)),
        reference=torch.stack([log[t] for t in around]),
        reference_visible=torch.stack([seen[t] for t in around]),
        times=tuple(times),
        reference_times=tuple(around),
    )


def _small(frame: Still) -> Still:
    scale = min(1.0, WIDEST / frame.shape[1])
    small: Still = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return small


def _window(rng: np.random.Generator, height: int, width: int, aspect: float) -> tuple[int, int, int, int]:
    high = min(height, width * aspect) * float(rng.uniform(0.65, 1.0))
    wide = high / aspect
    top, left = rng.uniform(0, height - high), rng.uniform(0, width - wide)
    return int(top), int(left), int(high), int(wide)


def _view(frame: Still, window: tuple[int, int, int, int], height: int, width: int, *, flip: bool) -> Still:
    top, left, high, wide = window
    view = cv2.resize(frame[top : top + high, left : left + wide], (width, height), interpolation=cv2.INTER_AREA)
    return np.ascontiguousarray(view[:, ::-1] if flip else view)


def _true_flow(target: Still, before: Still) -> Array:
    """Pseudo ground truth by DIS flow: at each pixel of `target`, the displacement to the same thing in `before`."""
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (target, before)]
    flow: Array = estimator.calc(grey[0], grey[1], None)
    return flow
