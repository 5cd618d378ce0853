"""Training the inpainter in the paper's two stages (arXiv 1905.13066, section 3.4), and measuring it.

Stage 1: single stills with holes; no reference, no past. The encoder, the residual pathway and the decoder learn.
Stage 2: everything, on runs of real clips, frame after frame, with references aligned by the frozen homography
estimator; runs begin with 6 frames and grow by 6, up to 24, as training goes on.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from aan_engine.network.blocks import WIDTHS, smooth_fill, visible_cells
from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter, Painted, ReferenceSet, State
from aan_engine.training import clips as moving
from aan_engine.training import losses
from aan_engine.training.guide import Guide
from aan_engine.training.holes import PAINTED_OUT, Mask, hole
from aan_engine.training.journal import Journal
from aan_engine.training.stills import Still, crop_of_frame, stills
from aan_engine.training.trainer import Frame, Trainer

SAVE_MINUTES = 3.0
TRUSTED = 0.5
GROWTH = 6
MEASURED = 5
OFTEN = (0.3, 0.2, 0.15, 0.15, 0.2)
"""How often each kind of hole comes in stage 1, in the order of `PAINTED_OUT`."""


@dataclass(frozen=True)
class Plan:
    """How to train: the learning rate falls along half a cosine over `steps`; `minutes` may end it earlier.

    `count` and `side` are the stills of stage 1 (a batch of square crops), `height` and `width` the frames of stage 2.
    """

    stage: int = 1
    steps: int = 100_000
    minutes: float | None = None
    rate: float = 2e-4
    seed: int = 0
    count: int = 8
    side: int = 128
    height: int = 96
    width: int = 160
    longest: int = 24
    measure_every: int = 500
    terms: losses.Terms = field(default_factory=losses.Terms)

    def rate_at(self, step: int) -> float:
        """Half a cosine from `rate` to a fiftieth of it, after warming up for 200 steps or a quarter of them all."""
        warmth = min(1.0, (step + 1) / max(1, min(200, self.steps // 4)))
        return self.rate * warmth * (0.51 + 0.49 * math.cos(math.pi * min(step / max(self.steps, 1), 1.0)))

    def length(self, step: int) -> int:
        """Frames in a run at this step: the curriculum, in four equal parts of the training."""
        return min(self.longest, GROWTH * (1 + 4 * step // max(self.steps, 1)))


def train(
    data: Path,
    out: Path,
    plan: Plan,
    *,
    estimator: HomographyEstimator | None = None,
    start: Inpainter | None = None,
    device: str = "cpu",
    resume: bool = True,
) -> Inpainter:
    """Trains into the folder `out`, from its checkpoint where there is one; returns the painter.

    Args:
        estimator: needed for stage 2; it stays as it is.
        start: a painter to begin with, where there is no checkpoint yet.

    Raises:
        ShotError: no pictures in `data`.
        WeightsError: a checkpoint that cannot be read.
    """
    trainer = Trainer(plan.terms, stage=plan.stage, seed=plan.seed, device=device)
    journal = Journal(out)
    if resume and (state := journal.resume()) is not None:
        trainer.restore(state)
    elif start is not None:
        trainer.start(start.state_dict())
    lessons = _Stills(data, plan, device) if plan.stage == 1 else _Clips(data, plan, device, estimator)
    saved = journal.minutes
    while trainer.step < plan.steps and (plan.minutes is None or journal.minutes < plan.minutes):
        rate = plan.rate_at(trainer.step)
        for frames in lessons.at(trainer.step, trainer.painter):
            noted = trainer.learn(frames, rate=rate)
        trainer.step += 1
        if trainer.step % (20 if plan.stage == 1 else 5) == 0:
            journal.note(trainer.step, **noted)
        if trainer.step % (plan.measure_every if plan.stage == 1 else plan.measure_every // 10) == 0:
            measured, sheet = lessons.measure(trainer.average)
            journal.note(trainer.step, **{f"held_{name}": value for name, value in measured.items()})
            journal.sheet(f"{plan.stage}", sheet)
        if journal.minutes - saved > SAVE_MINUTES:
            journal.keep(trainer.state())
            saved = journal.minutes
    journal.keep(trainer.state())
    return trainer.average


class _Stills:
    """Stage 1: batches of square crops of stills, each with its own hole."""

    def __init__(self, data: Path, plan: Plan, device: str) -> None:
        self.plan, self.device = plan, device
        self.seen, self.held = stills(data), stills(data, part="validation", every=20)

    def at(self, step: int, painter: Inpainter) -> Iterator[list[Frame]]:
        """The one lesson of this step."""
        truth, visible = self._batch(self.seen, np.random.default_rng([self.plan.seed, step]))
        yield [Frame(paint(painter, truth, visible, nothing(truth), None), truth, visible)]

    def _batch(
        self, pictures: list[Still], rng: np.random.Generator, *, kind: str | None = None
    ) -> tuple[Tensor, Tensor]:
        side = self.plan.side
        count = self.plan.count
        made = [crop_of_frame(pictures[int(rng.integers(len(pictures)))], rng, side=side) for _ in range(count)]
        kinds = [kind] * count if kind else rng.choice(PAINTED_OUT, count, p=OFTEN).tolist()
        holes = [1 - _part_of_a_hole(rng, side, kind=k).astype(np.float32)[None] for k in kinds]
        truth = torch.from_numpy(np.stack([m.transpose(2, 0, 1) for m in made]))
        return truth.to(self.device), torch.from_numpy(np.stack(holes)).to(self.device)

    @torch.no_grad()
    def measure(self, painter: Inpainter) -> tuple[dict[str, float], list[list[Tensor]]]:
        """PSNR in the hole (log range, mean over held-back stills) by kind of hole, and how much better that is than
        the smooth fill; a sheet of samples: what is given, painted, filled smoothly, true."""
        measured: dict[str, float] = {}
        sheet: list[list[Tensor]] = []
        for number, kind in enumerate(PAINTED_OUT):
            ours, smooth = 0.0, 0.0
            for i in range(MEASURED):
                truth, visible = self._batch(self.held, np.random.default_rng([987_654_321, number, i]), kind=kind)
                image = paint(painter, truth, visible, nothing(truth), None).image
                base = smooth_fill(truth, visible)
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


class _Clips:
    """Stage 2: runs of clips, painted frame after frame; the gradient reaches back through six frames at most."""

    def __init__(self, data: Path, plan: Plan, device: str, estimator: HomographyEstimator | None) -> None:
        self.plan, self.device = plan, device
        self.guide = Guide((estimator or HomographyEstimator()).to(device))
        self.seen, self.held = moving.clips(data), moving.clips(data, part="validation")

    def at(self, step: int, painter: Inpainter) -> Iterator[list[Frame]]:
        """The lessons of this step: the run in pieces, in the order of time."""
        rng = np.random.default_rng([self.plan.seed, step])
        yield from self._painted(painter, self._run(self.seen, rng, self.plan.length(step)))

    def _run(self, found: list[list[Still]], rng: np.random.Generator, frames: int) -> moving.Run:
        plan = self.plan
        return moving.run(found, rng, frames=frames, height=plan.height, width=plan.width).to(self.device)

    def _painted(self, painter: Inpainter, run: moving.Run) -> Iterator[list[Frame]]:
        references = self.guide.cells(run.reference, run.reference_visible)
        state: State | None = None
        for first in range(0, len(run.truth), GROWTH):
            frames: list[Frame] = []
            with torch.autocast(run.truth.device.type, dtype=torch.bfloat16):
                seen = painter.features(run.reference, run.reference_visible)
            for t in range(first, min(first + GROWTH, len(run.truth))):
                truth, visible = run.truth[t : t + 1], run.visible[t : t + 1]
                homographies, trust = self.guide.homographies(
                    self.guide.cells(truth, visible), references, height=self.plan.height, width=self.plan.width
                )
                kept = (trust > TRUSTED).nonzero().squeeze(1)
                given = ReferenceSet(seen[kept], visible_cells(run.reference_visible[kept]), homographies[kept])
                painted = paint(painter, truth, visible, given, state)
                state = painted.state
                before = (run.truth[t - 1 : t], run.flow[t : t + 1]) if t else None
                frames.append(Frame(painted, truth, visible, before))
            yield frames
            state = State(painted.state.previous.detach(), painted.state.before.detach())

    @torch.no_grad()
    def measure(self, painter: Inpainter) -> tuple[dict[str, float], list[list[Tensor]]]:
        """PSNR in the hole (log range, mean over frames) on held-back clips, and how much better that is than the
        smooth fill; a sheet of samples: what is given, painted, the share of the past, true."""
        ours, smooth, sheet = [], [], []
        for i in range(8):
            run = self._run(self.held, np.random.default_rng([987_654_321, i]), GROWTH)
            frames = [f for piece in self._painted(painter, run) for f in piece]
            hidden = [f for f in frames if f.visible.min() < 1]
            ours += [-losses.hole_decibel(f.painted.image, f.truth, f.visible).item() for f in hidden]
            smooth += [-losses.hole_decibel(smooth_fill(f.truth, f.visible), f.truth, f.visible).item() for f in hidden]
            last = frames[-1]
            sheet.append(
                [last.truth[0] * last.visible[0], last.painted.image[0], last.painted.composition[0], last.truth[0]]
            )
        return {"clips": float(np.mean(ours)), "clips_gain": float(np.mean(ours) - np.mean(smooth))}, sheet


def paint(painter: Inpainter, truth: Tensor, visible: Tensor, references: ReferenceSet, state: State | None) -> Painted:
    """One step in bfloat16 where that is safe: convolutions take half the time; colours stay float32."""
    with torch.autocast(truth.device.type, dtype=torch.bfloat16):
        return painter.step(truth, visible, references=references, state=state)


def nothing(image: Tensor) -> ReferenceSet:
    """No reference at all, for a batch of images (B, 3, H, W)."""
    b, _, height, width = image.shape
    h, w = height // 8, width // 8
    none = image.new_zeros
    return ReferenceSet(none(b, 0, WIDTHS[-1], h, w), none(b, 0, 1, h, w), none(b, 0, 3, 3))
