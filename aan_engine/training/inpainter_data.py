"""Studies: what the inpainter paints to learn, in the two stages of arXiv 1905.13066, section 3.4, and how many.

Stage 1: single stills with holes; no reference, no past. Stage 2: runs of real clips, frame after frame, with
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
from aan_engine.training import clip_data as moving
from aan_engine.training import losses
from aan_engine.training.autocast import half_precision
from aan_engine.training.batches import lessons
from aan_engine.training.frozen_registration import FrozenRegistration
from aan_engine.training.holes import PAINTED_OUT, Mask, hole
from aan_engine.training.inpainter_step import Frame
from aan_engine.training.still_data import Still, crop_of_frame, stills

TRUSTED = 0.5
GROWTH = 6
MEASURED = 5
OFTEN = (0.3, 0.2, 0.15, 0.15, 0.2)
"""How often each kind of hole comes in stage 1, in the order of `PAINTED_OUT`."""


@dataclass(frozen=True)
class InpainterPlan:
    """How to train: the learning rate falls along half a cosine over `steps`, or over `minutes` where that ends it
    earlier.

    `count` and `side` are the stills of stage 1 (a batch of square crops), `runs`, `height` and `width` the frames of
    stage 2. `processes` make the lessons (see `lessons`).
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
    terms: losses.Terms = field(default_factory=losses.Terms)

    def rate_at(self, step: int, *, last: int | None = None) -> float:
        """Half a cosine from `rate` to a fiftieth of it, after warming up for 200 steps or a quarter of them all.

        `last` is the step at which the clock will end it, where that is not the last of `steps`.
        """
        steps = self.steps if last is None else last
        warmth = min(1.0, (step + 1) / max(1, min(200, self.steps // 4)))
        return self.rate * warmth * (0.51 + 0.49 * math.cos(math.pi * min(step / max(steps, 1), 1.0)))

    def length(self, step: int) -> int:
        """Frames in a run at this step: the curriculum, in four equal parts of the training."""
        return min(self.longest, GROWTH * (1 + 4 * step // max(self.steps, 1)))


Lesson = tuple[Tensor, Tensor]
"""Truth (B, 3, side, side) and visibility (B, 1, side, side)."""


class Stills:
    """Stage 1: batches of square crops of stills, each with its own hole."""

    def __init__(self, data: Path, plan: InpainterPlan, device: str) -> None:
        self.plan, self.device = plan, device
        self.seen, self.held = stills(data), stills(data, part="validation", every=20)

    def taught(self, painter: Inpainter, steps: range) -> Iterator[Iterator[list[Frame]]]:
        """The lessons of these steps, painted as each is asked for: every one is a single piece."""

        def lesson(step: int) -> Lesson:
            return self._batch(self.seen, np.random.default_rng([self.plan.seed, step]))

        for made in lessons(lesson, steps, processes=self.plan.processes):
            yield self._painted(painter, made)

    def _painted(self, painter: Inpainter, lesson: Lesson) -> Iterator[list[Frame]]:
        truth, visible = (part.to(self.device) for part in lesson)
        yield [Frame(paint(painter, truth, visible, nothing(truth), None), truth, visible)]

    def _batch(self, pictures: list[Still], rng: np.random.Generator, *, kind: str | None = None) -> Lesson:
        side = self.plan.side
        count = self.plan.count
        made = [crop_of_frame(pictures[int(rng.integers(len(pictures)))], rng, side=side) for _ in range(count)]
        kinds = [kind] * count if kind else rng.choice(PAINTED_OUT, count, p=OFTEN).tolist()
        holes = [1 - _part_of_a_hole(rng, side, kind=k).astype(np.float32)[None] for k in kinds]
        truth = torch.from_numpy(np.stack([m.transpose(2, 0, 1) for m in made]))
        return truth, torch.from_numpy(np.stack(holes))

    @torch.no_grad()
    def measure(self, painter: Inpainter) -> tuple[dict[str, float], list[list[Tensor]]]:
        """PSNR in the hole (log range, mean over held-back stills) by kind of hole, and how much better that is than
        the smooth fill; a sheet of samples: what is given, painted, filled smoothly, true."""
        measured: dict[str, float] = {}
        sheet: list[list[Tensor]] = []
        for number, kind in enumerate(PAINTED_OUT):
            ours, smooth = 0.0, 0.0
            for i in range(MEASURED):
                made = self._batch(self.held, np.random.default_rng([987_654_321, number, i]), kind=kind)
                truth, visible = (part.to(self.device) for part in made)
                image = paint(painter, truth, visible, nothing(truth), None).image
                base = harmonic_fill_batch(truth, visible)
                ours -= losses.hole_decibel(image, truth, visible).item() / MEASURED
                smooth -= losses.hole_decibel(base, truth, visible).item() / MEASURED
            sheet += [[truth[k] * visible[k], image[k], base[k], truth[k]] for k in range(2)]
            measured |= {kind: ours, f"{kind}_gain": ours - smooth}
        return measured, sheet


def _part_of_a_hole(rng: np.random.Generator, side: int, *, kind: str) -> Mask:
    """(side, side) cut from a hole drawn for twice the side: as large as in a whole frame, 1 to 60 % of the crop."""
    while True:
        drawn = hole(rng, 2 * side, 2 * side, kind=kind)
        top, left = rng.integers(side + 1, size=2)
        part: Mask = drawn[top : top + side, left : left + side]
        if 0.01 < part.mean() < 0.6:
            return part


class Clips:
    """Stage 2: runs of clips, painted frame after frame; the gradient reaches back through six frames at most."""

    def __init__(self, data: Path, plan: InpainterPlan, device: str, estimator: HomographyEstimator | None) -> None:
        self.plan, self.device = plan, device
        self.guide = FrozenRegistration((estimator or HomographyEstimator()).to(device))
        self.seen, self.held = moving.clips(data), moving.clips(data, part="validation")

    def taught(self, painter: Inpainter, steps: range) -> Iterator[Iterator[list[Frame]]]:
        """The lessons of these steps, painted as each is asked for: runs side by side, in pieces, as time goes."""

        def lesson(step: int) -> moving.ClipRunBatch:
            return self._runs(self.seen, np.random.default_rng([self.plan.seed, step]), self.plan.length(step))

        for made in lessons(lesson, steps, processes=self.plan.processes):
            yield self.painted(painter, made.to(self.device))

    def _runs(self, found: list[list[Still]], rng: np.random.Generator, frames: int) -> moving.ClipRunBatch:
        plan = self.plan
        return moving.ClipRunBatch.beside(
            [moving.run(found, rng, frames=frames, height=plan.height, width=plan.width) for _ in range(plan.runs)]
        )

    def painted(self, painter: Inpainter, runs: moving.ClipRunBatch) -> Iterator[list[Frame]]:
        """The runs, frame after frame, in pieces of `GROWTH`: through so many at most reaches the gradient."""
        every, shown = runs.reference.flatten(0, 1), runs.reference_visible.flatten(0, 1)  # (B N, c, H, W)
        references = self.guide.cells(every, shown)
        state: RecurrentState | None = None
        for first in range(0, len(runs.truth), GROWTH):
            frames: list[Frame] = []
            with half_precision(every.device):
                given = ReferenceSet(painter.features(every, shown), visible_cells(shown), torch.empty(0))
            for t in range(first, min(first + GROWTH, len(runs.truth))):
                truth, visible = runs.truth[t], runs.visible[t]
                # As the engine hands it on: brought along the measured motion.
                state = None if state is None else state.along(runs.flow[t])
                placed = self._placed(given, references, self.guide.cells(truth, visible))
                painted = paint(painter, truth, visible, placed, state)
                state = painted.state
                before = (runs.truth[t - 1], runs.flow[t]) if t else None
                frames.append(Frame(painted, truth, visible, before))
            yield frames
            state = RecurrentState(painted.state.previous.detach(), painted.state.before.detach())

    def _placed(self, given: ReferenceSet, references: EncodedImage, target: EncodedImage) -> ReferenceSet:
        """The B targets' references (B N, ...) with their homographies, a batch of B; what is not trusted is hidden."""
        each = len(references.features) // len(target.features)
        repeated = EncodedImage(*(part.repeat_interleave(each, 0) for part in (target.features, target.visible)))
        homographies, trust = self.guide.homographies(
            repeated, references, height=self.plan.height, width=self.plan.width
        )
        kept = trust > TRUSTED
        homographies = torch.where(kept[:, None, None], homographies, torch.eye(3, device=homographies.device))
        visible = given.visible * kept[:, None, None, None]
        parts = (given.features, visible, homographies)
        return ReferenceSet(*(part.reshape(-1, each, *part.shape[1:]) for part in parts))

    @torch.no_grad()
    def measure(self, painter: Inpainter) -> tuple[dict[str, float], list[list[Tensor]]]:
        """PSNR in the hole (log range, mean over frames) on held-back clips, and how much better that is than the
        smooth fill; a sheet of samples: what is given, painted, the share of the past, true."""
        ours, smooth, sheet = [], [], []
        for i in range(8):
            runs = self._runs(self.held, np.random.default_rng([987_654_321, i]), GROWTH).to(self.device)
            frames = [f for piece in self.painted(painter, runs) for f in piece]
            hidden = [f for f in frames if f.visible.min() < 1]
            ours += [-losses.hole_decibel(f.painted.image, f.truth, f.visible).item() for f in hidden]
            smooth += [
                -losses.hole_decibel(harmonic_fill_batch(f.truth, f.visible), f.truth, f.visible).item() for f in hidden
            ]
            last = frames[-1]
            sheet.append(
                [last.truth[0] * last.visible[0], last.painted.image[0], last.painted.composition[0], last.truth[0]]
            )
        return {"clips": float(np.mean(ours)), "clips_gain": float(np.mean(ours) - np.mean(smooth))}, sheet


def paint(
    painter: Inpainter, truth: Tensor, visible: Tensor, references: ReferenceSet, state: RecurrentState | None
) -> Inpainted:
    """One step in half precision, see `precision`; colours stay float32."""
    with half_precision(truth.device):
        return painter.step(truth, visible, references=references, state=state)


def nothing(image: Tensor) -> ReferenceSet:
    """No reference at all, for a batch of images (B, 3, H, W)."""
    b, _, height, width = image.shape
    h, w = height // 8, width // 8
    none = image.new_zeros
    return ReferenceSet(none(b, 0, WIDTHS[-1], h, w), none(b, 0, 1, h, w), none(b, 0, 3, 3))
