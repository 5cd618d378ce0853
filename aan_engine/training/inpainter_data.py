"""Inpainter data: what the inpainter is trained and measured on, in the two stages of arXiv 1905.13066, section 3.4.

Stage 1: single stills with holes; no references, no past. Stage 2: runs of real clips, frame after frame, with
references aligned by the frozen homography estimator; runs begin with 6 frames and grow by 6, up to 24.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aan_engine.core.harmonic import harmonic_fill_batch
from aan_engine.network.blocks import WIDTHS, visible_cells
from aan_engine.network.homography import EncodedImage, HomographyEstimator
from aan_engine.network.inpainter import Inpainted, Inpainter, RecurrentState, ReferenceSet
from aan_engine.training import clip_data, losses
from aan_engine.training.autocast import half_precision
from aan_engine.training.batches import map_in_order
from aan_engine.training.frozen_registration import FrozenRegistration
from aan_engine.training.holes import INPAINTER_KINDS, Mask, random_hole
from aan_engine.training.inpainter_step import InpaintedFrame
from aan_engine.training.still_data import Still, crop_of_frame, stills

LEAST_TRUST = 0.5
"""Trust of the homography estimator below which a reference is hidden."""

GROWTH = 6
"""Frames by which runs grow, and through which a gradient reaches back."""

BATCHES_MEASURED = 5
"""Batches for each kind of hole on which stage 1 is measured."""

KIND_SHARES = (0.3, 0.2, 0.15, 0.15, 0.2)
"""How often each kind of hole comes in stage 1, in the order of `INPAINTER_KINDS`."""


@dataclass(frozen=True)
class InpainterPlan:
    """How to train: the learning rate falls along half a cosine over `steps`, or over `minutes` where that ends it
    earlier.

    `count` and `side` are the stills of stage 1 (a batch of square crops), `runs`, `height` and `width` the frames of
    stage 2. `processes` make the batches (see `map_in_order`).
    """

    stage: int = 1
    steps: int = 100_000
    minutes: float | None = None
    rate: float = 2e-4
    seed: int = 0
    count: int = 8
    side: int = 128
    runs: int = 1
    height: int = 96
    width: int = 160
    longest: int = 24
    measure_every: int = 500
    processes: int = 0
    weights: losses.LossWeights = field(default_factory=losses.LossWeights)

    def rate_at(self, step: int, *, last: int | None = None) -> float:
        """Half a cosine from `rate` to a fiftieth of it, after warming up for 200 steps or a quarter of them all.

        `last` is the step at which the clock will end it, where that is not the last of `steps`.
        """
        steps = self.steps if last is None else last
        warmup = min(1.0, (step + 1) / max(1, min(200, self.steps // 4)))
        return self.rate * warmup * (0.51 + 0.49 * math.cos(math.pi * min(step / max(steps, 1), 1.0)))

    def length(self, step: int) -> int:
        """Frames in a run at this step: the curriculum, in four equal parts of the training."""
        return min(self.longest, GROWTH * (1 + 4 * step // max(self.steps, 1)))


StillBatch = tuple[Tensor, Tensor]
"""Truth (B, 3, side, side) and visibility (B, 1, side, side)."""


class StillTask:
    """Stage 1: batches of square crops of stills, each with its own hole."""

    def __init__(self, data: Path, plan: InpainterPlan, device: str) -> None:
        self.plan, self.device = plan, device
        self.train, self.held = stills(data), stills(data, part="validation", every=20)

    def batches(self, inpainter: Inpainter, steps: range) -> Iterator[Iterator[list[InpaintedFrame]]]:
        """For each step its batch, inpainted when it is asked for: one part of one frame."""

        def make(step: int) -> StillBatch:
            return self._batch(self.train, np.random.default_rng([self.plan.seed, step]))

        for batch in map_in_order(make, steps, processes=self.plan.processes):
            yield self._inpainted(inpainter, batch)

    def _inpainted(self, inpainter: Inpainter, batch: StillBatch) -> Iterator[list[InpaintedFrame]]:
        truth, visible = (tensor.to(self.device) for tensor in batch)
        yield [InpaintedFrame(inpaint(inpainter, truth, visible, no_references(truth), None), truth, visible)]

    def _batch(self, pictures: list[Still], rng: np.random.Generator, *, kind: str | None = None) -> StillBatch:
        side = self.plan.side
        count = self.plan.count
        crops = [crop_of_frame(pictures[int(rng.integers(len(pictures)))], rng, side=side) for _ in range(count)]
        kinds = [kind] * count if kind else rng.choice(INPAINTER_KINDS, count, p=KIND_SHARES).tolist()
        visible = [1 - _hole_crop(rng, side, kind=k).astype(np.float32)[None] for k in kinds]
        truth = torch.from_numpy(np.stack([crop.transpose(2, 0, 1) for crop in crops]))
        return truth, torch.from_numpy(np.stack(visible))

    @torch.no_grad()
    def measure(self, inpainter: Inpainter) -> tuple[dict[str, float], list[list[Tensor]]]:
        """PSNR in the hole (dB, log range, mean over held-back stills) by kind of hole, and its gain over the smooth
        fill; rows of samples: input, output, smooth fill, truth."""
        measured: dict[str, float] = {}
        samples: list[list[Tensor]] = []
        for number, kind in enumerate(INPAINTER_KINDS):
            ours, smooth = 0.0, 0.0
            for i in range(BATCHES_MEASURED):
                batch = self._batch(self.held, np.random.default_rng([987_654_321, number, i]), kind=kind)
                truth, visible = (tensor.to(self.device) for tensor in batch)
                image = inpaint(inpainter, truth, visible, no_references(truth), None).image
                base = harmonic_fill_batch(truth, visible)
                ours -= losses.hole_decibel(image, truth, visible).item() / BATCHES_MEASURED
                smooth -= losses.hole_decibel(base, truth, visible).item() / BATCHES_MEASURED
            samples += [[truth[k] * visible[k], image[k], base[k], truth[k]] for k in range(2)]
            measured |= {kind: ours, f"{kind}_gain": ours - smooth}
        return measured, samples


def _hole_crop(rng: np.random.Generator, side: int, *, kind: str) -> Mask:
    """A (side, side) crop of a hole drawn at twice the side, as large as in a whole frame; 1 to 60 % are hidden."""
    while True:
        hole = random_hole(rng, 2 * side, 2 * side, kind=kind)
        top, left = rng.integers(side + 1, size=2)
        crop: Mask = hole[top : top + side, left : left + side]
        if 0.01 < crop.mean() < 0.6:
            return crop


class ClipTask:
    """Stage 2: runs of clips, inpainted frame after frame; the gradient reaches back through `GROWTH` frames at
    most."""

    def __init__(self, data: Path, plan: InpainterPlan, device: str, estimator: HomographyEstimator | None) -> None:
        self.plan, self.device = plan, device
        self.registration = FrozenRegistration((estimator or HomographyEstimator()).to(device))
        self.train, self.held = clip_data.clips(data), clip_data.clips(data, part="validation")

    def batches(self, inpainter: Inpainter, steps: range) -> Iterator[Iterator[list[InpaintedFrame]]]:
        """For each step its batch of runs, inpainted when it is asked for, in parts along time."""

        def make(step: int) -> clip_data.ClipRunBatch:
            return self._runs(self.train, np.random.default_rng([self.plan.seed, step]), self.plan.length(step))

        for runs in map_in_order(make, steps, processes=self.plan.processes):
            yield self.inpainted(inpainter, runs.to(self.device))

    def _runs(self, clips: list[list[Still]], rng: np.random.Generator, frames: int) -> clip_data.ClipRunBatch:
        size = {"height": self.plan.height, "width": self.plan.width}
        return clip_data.ClipRunBatch.of(
            [clip_data.random_run(clips, rng, frames=frames, **size) for _ in range(self.plan.runs)]
        )

    def inpainted(self, inpainter: Inpainter, runs: clip_data.ClipRunBatch) -> Iterator[list[InpaintedFrame]]:
        """The runs, frame after frame, in parts of `GROWTH` frames; gradients do not reach from part to part."""
        images, shown = runs.reference.flatten(0, 1), runs.reference_visible.flatten(0, 1)  # (B N, c, H, W)
        encoded = self.registration.encode(images, shown)
        state: RecurrentState | None = None
        for first in range(0, len(runs.truth), GROWTH):
            frames: list[InpaintedFrame] = []
            with half_precision(images.device):
                given = ReferenceSet(inpainter.features(images, shown), visible_cells(shown), torch.empty(0))
            for t in range(first, min(first + GROWTH, len(runs.truth))):
                truth, visible = runs.truth[t], runs.visible[t]
                # As in the engine, the state is warped along the measured motion.
                state = None if state is None else state.along(runs.flow[t])
                references = self._registered(given, encoded, self.registration.encode(truth, visible))
                found = inpaint(inpainter, truth, visible, references, state)
                state = found.state
                before = (runs.truth[t - 1], runs.flow[t]) if t else None
                frames.append(InpaintedFrame(found, truth, visible, before))
            yield frames
            state = RecurrentState(found.state.previous.detach(), found.state.before.detach())

    def _registered(self, given: ReferenceSet, references: EncodedImage, target: EncodedImage) -> ReferenceSet:
        """The B targets' references (B N, ...) with their homographies, a batch of B; those not trusted are hidden."""
        each = len(references.features) // len(target.features)
        repeated = EncodedImage(*(part.repeat_interleave(each, 0) for part in (target.features, target.visible)))
        homographies, trust = self.registration.homographies(
            repeated, references, height=self.plan.height, width=self.plan.width
        )
        kept = trust > LEAST_TRUST
        homographies = torch.where(kept[:, None, None], homographies, torch.eye(3, device=homographies.device))
        visible = given.visible * kept[:, None, None, None]
        parts = (given.features, visible, homographies)
        return ReferenceSet(*(part.reshape(-1, each, *part.shape[1:]) for part in parts))

    @torch.no_grad()
    def measure(self, inpainter: Inpainter) -> tuple[dict[str, float], list[list[Tensor]]]:
        """PSNR in the hole (dB, log range, mean over the frames of held-back clips), and its gain over the smooth fill;
        rows of samples: input, output, the share of the past, truth."""
        ours, smooth, samples = [], [], []
        for i in range(8):
            runs = self._runs(self.held, np.random.default_rng([987_654_321, i]), GROWTH).to(self.device)
            frames = [f for part in self.inpainted(inpainter, runs) for f in part]
            hidden = [f for f in frames if f.visible.min() < 1]
            ours += [-losses.hole_decibel(f.inpainted.image, f.truth, f.visible).item() for f in hidden]
            smooth += [
                -losses.hole_decibel(harmonic_fill_batch(f.truth, f.visible), f.truth, f.visible).item() for f in hidden
            ]
            last, found = frames[-1], frames[-1].inpainted
            samples.append([last.truth[0] * last.visible[0], found.image[0], found.composition[0], last.truth[0]])
        return {"clips": float(np.mean(ours)), "clips_gain": float(np.mean(ours) - np.mean(smooth))}, samples


def inpaint(
    inpainter: Inpainter, truth: Tensor, visible: Tensor, references: ReferenceSet, state: RecurrentState | None
) -> Inpainted:
    """One step in half precision, see `autocast`; colours stay float32."""
    with half_precision(truth.device):
        return inpainter.step(truth, visible, references=references, state=state)


def no_references(image: Tensor) -> ReferenceSet:
    """An empty set of references, for a batch of images (B, 3, H, W)."""
    b, _, height, width = image.shape
    h, w = height // 8, width // 8
    zeros = image.new_zeros
    return ReferenceSet(zeros(b, 0, WIDTHS[-1], h, w), zeros(b, 0, 1, h, w), zeros(b, 0, 3, 3))
