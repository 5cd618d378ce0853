"""The room of moving pictures: short runs of real clips with moving holes over a truth that is known.

Run number i of a seed is always the same run. It knows nothing of networks: which homography joins two frames is
somebody else's to say.
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
from aan_engine.training.holes import PAINTED_OUT, moving_hole
from aan_engine.training.still_data import CLIPS, Array, Still, files, read_clip, to_log

EVERY = 10
SMALL = 400


@dataclass(frozen=True)
class ClipRun:
    """Consecutive frames to be painted, and the references they may look at.

    Args:
        truth: (T, 3, H, W) log range; visible: (T, 1, H, W) 0 or 1.
        flow: (T, 2, H, W) backward flow of the truth into the frame before, in pixels; 0 for the first.
        reference: (N, 3, H, W), reference_visible (N, 1, H, W): every tenth frame of the stretch around the run.
        times: (T,), reference_times: (N,) frame numbers; a frame is never its own reference.
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
    """B runs of the same length, side by side; what is named as in `Run` has a batch axis before the channels.

    Args:
        truth, visible, flow: (T, B, c, H, W).
        reference, reference_visible: (B, N, c, H, W); a run with fewer references than N has them padded with hidden
            ones.
    """

    truth: Tensor
    visible: Tensor
    flow: Tensor
    reference: Tensor
    reference_visible: Tensor

    @classmethod
    def beside(cls, found: list[ClipRun]) -> ClipRunBatch:
        """As long as the shortest of them."""
        frames = min(len(r.truth) for r in found)

        def side_by_side(name: str) -> Tensor:
            return torch.stack([getattr(r, name)[:frames] for r in found], dim=1)

        def padded(name: str) -> Tensor:
            return torch.nn.utils.rnn.pad_sequence([getattr(r, name) for r in found], batch_first=True)

        return cls(*map(side_by_side, ("truth", "visible", "flow")), *map(padded, ("reference", "reference_visible")))

    def to(self, device: str) -> ClipRunBatch:
        """The same runs on `device`."""
        return ClipRunBatch(**{name: value.to(device) for name, value in vars(self).items()})


def clips(folder: Path, *, part: str = "train") -> list[list[Still]]:
    """All clips of at least 12 frames, in memory as small 8-bit frames (at most 400 pixels wide).

    Raises:
        ShotError: when there is none.
    """
    found = []
    for file in files(folder, CLIPS, part=part):
        frames = [_small(f) for f in read_clip(file)]
        if len(frames) >= 12:
            found.append(frames)
    if not found:
        raise ShotError("no clip of 12 frames or more", hint="Name a folder with clips with --data.", file=folder)
    return found


def run(
    found: list[list[Still]], rng: np.random.Generator, *, frames: int, height: int, width: int, references: int = 5
) -> ClipRun:
    """One run of `frames` frames from a random clip, cropped to a random window and scaled to height x width."""
    clip = found[int(rng.integers(len(found)))]
    frames = min(frames, len(clip) - 1)
    first = int(rng.integers(0, len(clip) - frames + 1))
    times = list(range(first, first + frames))
    around = [t for t in range(int(rng.integers(EVERY)) % len(clip), len(clip), EVERY) if t not in times] or [times[-1]]
    around = sorted(sorted(around, key=lambda t: abs(t - first - frames / 2))[:references])
    low, high = min(times + around), max(times + around)
    window, flip = _window(rng, clip[0].shape[0], clip[0].shape[1], height / width), rng.random() < 0.5
    shown = {t: _view(clip[t], window, height, width, flip=flip) for t in times + around}
    kind = str(rng.choice(PAINTED_OUT))
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
    scale = min(1.0, SMALL / frame.shape[1])
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
    """Pseudo ground truth: at each pixel of `target`, the displacement to the same thing in `before`."""
    estimator = cv2.DISOpticalFlow.create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)
    grey = [cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (target, before)]
    flow: Array = estimator.calc(grey[0], grey[1], None)
    return flow
