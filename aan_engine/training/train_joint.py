"""Joint training: the inpainter and the chooser learn from the error of one answer.

Frame after frame of synthetic scenes, as in the engine: candidates are proposed, the inpainter synthesises with its
references and its past, the chooser weighs. The error of the weighted mean reaches both networks: the inpainter learns
most where its candidate weighs, where no plate shows the pixel. (arXiv 1905.13066 trains one part after the other and
names this as future work.) The homography estimator does not learn: between it and the answer lies the photometric
refinement, which passes no gradient.
"""

from __future__ import annotations

from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aan_engine.candidates.candidate import HoleRegion
from aan_engine.core.types import Array
from aan_engine.network.bundle import Networks
from aan_engine.selection.plan import CandidateSet
from aan_engine.selection.selector import Selector, build
from aan_engine.training import train_chooser
from aan_engine.training.autocast import half_precision
from aan_engine.training.chooser_data import (
    CROP,
    FRAMES,
    LITTLE_SHOWN,
    RUN,
    RUNS,
    crop_corners,
    make_crop,
    random_holes,
    run_starts,
    scene_proxies,
    stack_crops,
    true_proxy,
    visible_share,
)
from aan_engine.training.run_log import RunLog
from aan_engine.training.scenes import SceneMaker
from aan_engine.training.still_data import Still
from aan_engine.training.train_homography import rate_at

SAVE_MINUTES = 3.0

KEPT = 0.3
"""Share of the targets of which plates show little that is kept."""

INPAINTER_WEIGHT = 0.3
"""Weight of the inpainter's own loss beside the chooser's. Not measured separately."""


@dataclass(frozen=True)
class JointPlan:
    """`scenes` in all, the rate falling along half a cosine over them; `minutes` may end it earlier."""

    scenes: int = 400
    minutes: float | None = None
    rate: float = 3e-4
    seed: int = 0


class JointTrainer:
    """Inpainter and chooser under one optimizer."""

    def __init__(self, networks: Networks, plan: JointPlan) -> None:
        self.networks = networks
        self.parts = torch.nn.ModuleDict({"inpainter": networks.inpainter, "chooser": networks.chooser})
        self.parts.requires_grad_(True)
        self.optimizer = torch.optim.AdamW(self.parts.parameters(), lr=plan.rate, weight_decay=1e-4)

    def learn(self, scenes: SceneMaker, number: int, *, rate: float) -> dict[str, float]:
        """One scene, a step after each run of frames; the mean of the losses."""
        rng = np.random.default_rng((number, 13))
        scene = scenes.scene(rng, FRAMES)
        holes = random_holes(rng, scene.moving)
        values: dict[str, list[float]] = {}
        with scene_proxies(scene, holes) as proxies, closing(build(self.networks, proxies)) as selector:
            for begin in run_starts(rng, len(scene.frames), runs=RUNS, run=RUN):
                indices = range(begin, min(begin + RUN, len(scene.frames)))
                targets = self._targets(selector, scene.frames, indices, rng)
                for name, value in self._descend(targets, rng, rate=rate).items():
                    values.setdefault(name, []).append(value)
        return {name: float(np.mean(found)) for name, found in values.items()}

    def _targets(
        self, selector: Selector, frames: list[Still], indices: range, rng: np.random.Generator
    ) -> list[tuple[CandidateSet, Array]]:
        """The candidates of a run's targets, and their truth (h, w, 3) in the log range."""
        targets = []
        for index in indices:
            found = selector.candidates(index)
            if found is None:
                continue
            selector.remember(found, weights=selector.weights(found))
            if visible_share(found) >= LITTLE_SHOWN or rng.uniform() < KEPT:
                targets.append((found, true_proxy(frames[index])))
        return targets

    def _descend(
        self, targets: list[tuple[CandidateSet, Array]], rng: np.random.Generator, *, rate: float
    ) -> dict[str, float]:
        """One step along the mean gradient of the targets; the mean of their losses."""
        if not targets:
            return {}
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        values: dict[str, float] = {}
        for found, truth in targets:
            terms = self.losses(found, truth, rng)
            loss = train_chooser.objective(terms) + INPAINTER_WEIGHT * terms["synthesised"]
            (loss / len(targets)).backward()  # type: ignore[no-untyped-call]
            for name, value in terms.items():
                values[name] = values.get(name, 0.0) + value.item() / len(targets)
        if torch.nn.utils.clip_grad_norm_(self.parts.parameters(), 1.0).isfinite():
            self.optimizer.step()
        return values

    def losses(self, found: CandidateSet, truth: Array, rng: np.random.Generator) -> dict[str, Tensor]:
        """The chooser's terms (see `train_chooser.losses`), through which gradients reach the inpainter, and the
        inpainter's own, `synthesised`."""
        inputs, hole, device = found.inputs, found.hole, self.networks.device
        with half_precision(device):
            inpainted = self.networks.inpainter.step(
                inputs.image, inputs.visible, references=inputs.references, state=inputs.state
            )
        synthesis = inpainted.image.float()
        target = torch.from_numpy(truth).permute(2, 0, 1)[None].to(device)
        hidden = 1 - inputs.visible[..., : target.shape[-2], : target.shape[-1]]
        error = (synthesis[..., : target.shape[-2], : target.shape[-1]] - target).abs() * hidden
        corners = crop_corners(found, rng, count=2)
        crops = stack_crops([make_crop(truth, found, top=y, left=x) for y, x in corners])
        given = {k: v.to(device) for k, v in crops.items()}
        # The crops hold the synthesis in eight bits, without a gradient: it is replaced by the one just made.
        given["image"] = torch.cat([given["image"][:, :-1], _cut(synthesis, hole, corners)[:, None]], 1)
        with half_precision(device):
            terms = train_chooser.losses(self.networks.chooser, given)
        return terms | {"synthesised": (error + 6 * error.square()).sum() / hidden.sum().clamp(min=1) / 3}


def _cut(synthesis: Tensor, hole: HoleRegion, corners: list[tuple[int, int]]) -> Tensor:
    """Crops of the box, cut from a whole synthesised frame (1, 3, H, W): (n, 3, CROP, CROP)."""
    h, w = hole.hidden.shape
    rows, columns = hole.box.slices
    box = F.pad(synthesis[0, :, rows, columns], (0, max(0, CROP - w), 0, max(0, CROP - h)))
    return torch.stack([box[:, y : y + CROP, x : x + CROP] for y, x in corners])


def train(data: Path, out: Path, plan: JointPlan, *, device: str = "cpu", resume: bool = True) -> Networks:
    """Goes on from the shipped weights, or from the checkpoint in the folder `out`; returns all networks.

    Raises:
        ShotError: no pictures in `data`.
        WeightsError: a checkpoint that cannot be read.
    """
    scenes = SceneMaker(data)
    trainer = JointTrainer(Networks.load(torch.device(device)), plan)
    log = RunLog(out)
    number = 0
    if resume and (state := log.load_checkpoint()) is not None:
        trainer.parts.load_state_dict(state["parts"])
        trainer.optimizer.load_state_dict(state["optimizer"])
        number = state["number"]
    saved = log.minutes

    def save() -> None:
        states = {"parts": trainer.parts.state_dict(), "optimizer": trainer.optimizer.state_dict()}
        log.save_checkpoint(states | {"number": number})

    while number < plan.scenes and (plan.minutes is None or log.minutes < plan.minutes):
        values = trainer.learn(scenes, plan.seed + number, rate=rate_at(number, plan.rate, plan.scenes))
        number += 1
        log.log(number, **values)
        if log.minutes - saved > SAVE_MINUTES:
            save()
            saved = log.minutes
    save()
    trainer.parts.requires_grad_(False)
    return trainer.networks
