"""Training the parts together, at the end: the inpainter paints, the chooser chooses, both learn from the answer.

Frame after frame of made scenes, as the engine fills them: the survey and attention propose plates, the inpainter
paints with its references and its past, the chooser weighs all of it. What the blend gets wrong teaches both: the
painter learns to paint what no plate shows, for that is where its layer weighs. (arXiv 1905.13066 trains one part
after the other and names this as future work.) The homography estimator stays as it is: between it and the picture
lies the photometric refinement, which passes no gradient.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aan_engine.candidates.candidate import HoleRegion
from aan_engine.colour.log_encoding import to_log
from aan_engine.core.types import Array
from aan_engine.network.bundle import Networks
from aan_engine.plates.proxy import make_proxy
from aan_engine.plates.proxy_store import ProxyStore
from aan_engine.selection.plan import CandidateSet
from aan_engine.selection.selector import build
from aan_engine.training import train_chooser
from aan_engine.training.autocast import half_precision
from aan_engine.training.chooser_data import CROP, FRAMES, RUN, RUNS, batch, crop, laid, shown, windows
from aan_engine.training.run_log import RunLog
from aan_engine.training.scenes import HEIGHT, WIDTH, Stage
from aan_engine.training.still_data import to_linear
from aan_engine.training.train_homography import rate_at

SAVE_MINUTES = 3.0


@dataclass(frozen=True)
class JointPlan:
    """`scenes` in all, the rate falling along half a cosine over them; `minutes` may end it earlier."""

    scenes: int = 400
    minutes: float | None = None
    rate: float = 3e-4
    seed: int = 0


class Ensemble:
    """Painter and chooser under one optimizer, learning from scene after scene."""

    def __init__(self, networks: Networks, plan: JointPlan) -> None:
        self.networks = networks
        self.parts = torch.nn.ModuleDict({"inpainter": networks.inpainter, "chooser": networks.chooser})
        self.parts.requires_grad_(True)
        self.optimizer = torch.optim.AdamW(self.parts.parameters(), lr=plan.rate, weight_decay=1e-4)
        self.step = 0

    def learn(self, stage: Stage, number: int, *, rate: float) -> dict[str, float]:
        """One scene, a step after each run of frames; the mean of the losses."""
        rng = np.random.default_rng((number, 13))
        scene = stage.scene(rng, FRAMES)
        length = len(scene.frames)
        holes = laid(rng, scene.actors)
        noted: dict[str, list[float]] = {}
        with ProxyStore(length, (HEIGHT, WIDTH)) as proxies:
            for index, (frame, hole) in enumerate(zip(scene.frames, holes, strict=True)):
                proxies.put(index, make_proxy(to_linear(frame), hole, size=proxies.size))
            selector = build(self.networks, proxies)
            places = max(1, length - RUN)
            for begin in sorted(rng.choice(places, min(RUNS, places), replace=False).tolist()):
                lessons = []
                for index in range(begin, min(begin + RUN, length)):
                    proposed = selector.candidates(index)
                    if proposed is None:
                        continue
                    selector.remember(proposed, weights=selector.weights(proposed))
                    if shown(proposed) >= 0.1 or rng.uniform() < 0.3:
                        lessons.append((proposed, to_log(to_linear(scene.frames[index]))))
                for name, value in self._descend(lessons, rng, rate=rate).items():
                    noted.setdefault(name, []).append(value)
            selector.close()
        return {name: float(np.mean(values)) for name, values in noted.items()}

    def _descend(
        self, lessons: list[tuple[CandidateSet, Array]], rng: np.random.Generator, *, rate: float
    ) -> dict[str, float]:
        if not lessons:
            return {}
        for group in self.optimizer.param_groups:
            group["lr"] = rate
        self.optimizer.zero_grad(set_to_none=True)
        noted: dict[str, float] = {}
        for proposed, truth in lessons:
            terms = self.losses(proposed, truth, rng)
            loss = train_chooser.objective(terms) + 0.3 * terms["painted"]
            (loss / len(lessons)).backward()  # type: ignore[no-untyped-call]
            for name, value in terms.items():
                noted[name] = noted.get(name, 0.0) + value.item() / len(lessons)
        if torch.nn.utils.clip_grad_norm_(self.parts.parameters(), 1.0).isfinite():
            self.optimizer.step()
        self.step += 1
        return noted

    def losses(self, proposed: CandidateSet, truth: Array, rng: np.random.Generator) -> dict[str, Tensor]:
        """The chooser's terms (see `choice`) with the painted layer inside the gradient, and the painter's own."""
        brief, hole, device = proposed.inputs, proposed.hole, self.networks.device
        with half_precision(device):
            frame = self.networks.inpainter.step(
                brief.image, brief.visible, references=brief.references, state=brief.state
            )
        painting = frame.image.float()
        target = torch.from_numpy(truth).permute(2, 0, 1)[None].to(device)
        gap = 1 - brief.visible[..., : target.shape[-2], : target.shape[-1]]
        off = (painting[..., : target.shape[-2], : target.shape[-1]] - target).abs() * gap
        at = windows(proposed, rng, count=2)
        given = {k: v.to(device) for k, v in batch([crop(truth, proposed, top=y, left=x) for y, x in at]).items()}
        given["image"] = torch.cat([given["image"][:, :-1], _pieces(painting, hole, at)[:, None]], 1)
        with half_precision(device):
            terms = train_chooser.losses(self.networks.chooser, given)
        return terms | {"painted": (off + 6 * off.square()).sum() / gap.sum().clamp(min=1) / 3}


def _pieces(painting: Tensor, hole: HoleRegion, at: list[tuple[int, int]]) -> Tensor:
    """The windows of the box cut from a whole painted frame (1, 3, H, W): (n, 3, CROP, CROP)."""
    h, w = hole.hidden.shape
    box = painting[0, :, hole.top : hole.top + h, hole.left : hole.left + w]
    box = F.pad(box, (0, max(0, CROP - w), 0, max(0, CROP - h)))
    return torch.stack([box[:, y : y + CROP, x : x + CROP] for y, x in at])


def train(data: Path, out: Path, plan: JointPlan, *, device: str = "cpu", resume: bool = True) -> Networks:
    """Goes on from the shipped parts, or from the checkpoint in the folder `out`; returns all parts."""
    stage = Stage(data)
    ensemble = Ensemble(Networks.load(torch.device(device)), plan)
    journal = RunLog(out)
    number = 0
    if resume and (state := journal.resume()) is not None:
        ensemble.parts.load_state_dict(state["parts"])
        ensemble.optimizer.load_state_dict(state["optimizer"])
        number = state["number"]
    saved = journal.minutes

    def keep() -> None:
        journal.keep(
            {"parts": ensemble.parts.state_dict(), "optimizer": ensemble.optimizer.state_dict(), "number": number}
        )

    while number < plan.scenes and (plan.minutes is None or journal.minutes < plan.minutes):
        noted = ensemble.learn(stage, plan.seed + number, rate=rate_at(number, plan.rate, plan.scenes))
        number += 1
        journal.note(number, **noted)
        if journal.minutes - saved > SAVE_MINUTES:
            keep()
            saved = journal.minutes
    keep()
    ensemble.parts.requires_grad_(False)
    return ensemble.networks
