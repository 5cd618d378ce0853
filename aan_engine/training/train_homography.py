"""Training the homography estimator on synthetic pairs, and measuring it on pairs of held-back pictures.

Loss: mean distance between the sampling grids of predicted and true homography + L1 on the parameters (arXiv
1905.13066, section 3.1); and, ours, cross-entropy of the inlier mask, of the trust, and of the correlation with the
true match.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from aan_engine.core import projective
from aan_engine.network.blocks import STRIDE
from aan_engine.network.homography import CELLS, SIDE, EncodedImage, HomographyEstimate, HomographyEstimator, MatchField
from aan_engine.training import homography_data
from aan_engine.training.autocast import half_precision
from aan_engine.training.batches import lessons
from aan_engine.training.homography_data import Pairs
from aan_engine.training.run_log import RunLog
from aan_engine.training.still_data import Still, stills

TRUSTED = 4.0
SAVE_MINUTES = 3.0

MEASURED = 96
"""Held-back pairs on which a state is measured."""


@dataclass(frozen=True)
class HomographyPlan:
    """How long and how fast: the learning rate falls along a half cosine over `steps` of `count` pairs, or over
    `minutes` where that ends it earlier. `processes` make the pairs (see `lessons`)."""

    steps: int = 200_000
    minutes: float | None = None
    count: int = 8
    rate: float = 1e-3
    seed: int = 0
    processes: int = 0
    measure_every: int = 500


def train(
    data: Path, out: Path, plan: HomographyPlan, *, device: str = "cpu", resume: bool = True
) -> HomographyEstimator:
    """Trains into the folder `out`, from its checkpoint where there is one; returns the estimator.

    Raises:
        ShotError: no pictures in `data`.
        WeightsError: a checkpoint that cannot be read.
    """
    seen, held = stills(data), stills(data, part="validation", every=15)
    torch.manual_seed(plan.seed)
    model = HomographyEstimator().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=1e-4)
    journal = RunLog(out)
    state = journal.resume() if resume else None
    step = 0
    if state is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    saved = journal.minutes

    def lesson(number: int) -> Pairs:
        return homography_data.batch(seen, plan.count, seed=plan.seed, start=number * plan.count)

    for made in lessons(lesson, range(step, plan.steps), processes=plan.processes):
        if plan.minutes is not None and journal.minutes >= plan.minutes:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, plan.rate, journal.last_step(step, plan.steps, minutes=plan.minutes))
        given = moved(made, device)
        estimate, field = estimate_pairs(model, given)
        terms = losses(estimate, field, given)
        loss = torch.stack([WEIGHTS[name] * value for name, value in terms.items()]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        # One pair without any footing may have no finite gradient; a step on it would end the run.
        if torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).isfinite():
            optimizer.step()
        step += 1
        if step % 50 == 0:
            journal.note(step, loss=loss.item(), **{k: v.item() for k, v in terms.items()})
        if step % plan.measure_every == 0:
            journal.note(step, **{f"held_{k}": v for k, v in measure(model, held, device=device).items()})
        if journal.minutes - saved > SAVE_MINUTES:
            _keep(journal, model, optimizer, step)
            saved = journal.minutes
    _keep(journal, model, optimizer, step)
    return model


def _keep(journal: RunLog, model: HomographyEstimator, optimizer: torch.optim.Optimizer, step: int) -> None:
    state: dict[str, Any] = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    journal.keep(state)


def rate_at(step: int, rate: float, steps: int) -> float:
    """Half a cosine from `rate` to a fiftieth of it, after 200 steps of warming up."""
    fallen = 0.5 + 0.5 * float(torch.cos(torch.tensor(torch.pi * min(step / steps, 1.0))))
    return rate * min(1.0, (step + 1) / 200) * (0.02 + 0.98 * fallen)


def moved(given: Pairs, device: str) -> Pairs:
    """The same pairs on another device."""
    return Pairs(**{name: value.to(device) for name, value in vars(given).items()})


def estimate_pairs(model: HomographyEstimator, given: Pairs) -> tuple[HomographyEstimate, MatchField]:
    """The estimate, and the matches behind it. The encoder runs in half precision, see `precision`."""
    images = torch.cat([given.target, given.reference])
    visible = torch.cat([given.target_visible, given.reference_visible])
    with half_precision(images.device):
        cells = model.encode(images, visible)
    features, shown = cells.features.float().chunk(2), cells.visible.chunk(2)
    target, reference = EncodedImage(features[0], shown[0]), EncodedImage(features[1], shown[1])
    field = model.correlate(target, reference)
    return model.estimator(field, target.visible), field


WEIGHTS = {"grid": 0.1, "parameters": 0.02, "matches": 0.3, "inliers": 1.0, "trust": 0.2}


def losses(estimate: HomographyEstimate, field: MatchField, given: Pairs) -> dict[str, Tensor]:
    """Every term before its weight; strangers count for trust and inliers only."""
    related = given.related
    total = related.sum().clamp_min(1.0)
    points = projective.grid(CELLS, CELLS, step=STRIDE, offset=(STRIDE - 1) / 2, like=related)
    true = projective.apply(given.homography, points)
    weights = [0.1] * (len(estimate.rounds) - 1) + [0.5, 1.0]
    off = [_distance(projective.apply(h, points), true) for h in (*estimate.rounds, estimate.homography)]
    corner = projective.corners(SIDE, SIDE, like=related)
    wanted = projective.apply(given.homography, corner) - corner
    parameters = (estimate.offsets - wanted).abs().clamp_max(64).mean((1, 2))
    right = ((off[-1] < TRUSTED) & (related > 0)).float()
    return {
        "grid": sum(
            (w * (o.clamp_max(64) * related).sum() / total for w, o in zip(weights, off, strict=True)), start=0 * total
        ),
        "parameters": (parameters * related).sum() / total,
        "matches": _match_loss(field, true, given.explained),
        "inliers": _inlier_loss(estimate.inlier_logits, field, given.explained),
        "trust": F.binary_cross_entropy_with_logits(estimate.trust_logits, right),
    }


def _distance(a: Tensor, b: Tensor) -> Tensor:
    return ((a - b).square().sum(-1) + 1e-4).sqrt().clamp_max(96).mean(1)


def _inlier_loss(logits: Tensor, field: MatchField, explained: Tensor) -> Tensor:
    known = (field.sure[..., 0] > 0).float().reshape_as(explained)
    each = F.binary_cross_entropy_with_logits(logits, explained, reduction="none")
    return (each * known).sum() / known.sum().clamp_min(1.0)


def _match_loss(field: MatchField, true: Tensor, explained: Tensor) -> Tensor:
    """Cross-entropy of the correlation's softmax with the true match, spread bilinearly over its four cells."""
    at = (true - (STRIDE - 1) / 2) / STRIDE
    low = at.floor()
    rest = at - low
    spread = field.kernel.sum(2)
    loss, mass = torch.zeros_like(spread), torch.zeros_like(spread)
    for dy in (0, 1):
        for dx in (0, 1):
            column, row = low[..., 0] + dx, low[..., 1] + dy
            inside = (column >= 0) & (column < CELLS) & (row >= 0) & (row < CELLS)
            share = (rest[..., 0] if dx else 1 - rest[..., 0]) * (rest[..., 1] if dy else 1 - rest[..., 1])
            index = (row.clamp(0, CELLS - 1) * CELLS + column.clamp(0, CELLS - 1)).long().unsqueeze(2)
            chosen = field.kernel.gather(2, index).squeeze(2)
            share = share * inside * (chosen > 0)
            loss = loss + share * ((spread + 1e-30).log() - (chosen + 1e-30).log())
            mass = mass + share
    weight = explained.flatten(1) * (mass > 0.5)
    return (weight * loss / mass.clamp_min(0.5)).sum() / weight.sum().clamp_min(1.0)


@torch.no_grad()
def measure(model: HomographyEstimator, held: list[Still], *, device: str = "cpu") -> dict[str, float]:
    """Mean corner error in pixels at 256 x 256 on pairs of held-back pictures (fixed seed), and what trust is worth."""
    errors: list[float] = []
    trusts: list[float] = []
    strangers: list[float] = []
    inliers: list[Tensor] = []
    corner = projective.corners(SIDE, SIDE)
    for start in range(0, MEASURED, 8):
        given = moved(homography_data.batch(held, min(8, MEASURED - start), seed=987_654_321, start=start), device)
        estimate, field = estimate_pairs(model, given)
        gone = projective.apply(estimate.homography, corner.to(device)) - projective.apply(
            given.homography, corner.to(device)
        )
        off = gone.norm(dim=2).mean(1).cpu()
        known = field.sure[..., 0] > 0
        agree = ((estimate.inlier_logits > 0) == (given.explained > 0)).flatten(1)[known]
        inliers.append(agree.float().mean())
        for o, t, r in zip(off.tolist(), estimate.trust.tolist(), given.related.tolist(), strict=True):
            (errors if r else strangers).append(o if r else t)
            if r:
                trusts.append(t)
    error, trust = torch.tensor(errors), torch.tensor(trusts)
    kept = error[trust > 0.5]
    return {
        "median": error.median().item(),
        "p75": error.quantile(0.75).item(),
        "p90": error.quantile(0.9).item(),
        "under_4": (error < TRUSTED).float().mean().item(),
        "trusted": (trust > 0.5).float().mean().item(),
        "trusted_p90": kept.quantile(0.9).item() if len(kept) else float("nan"),
        "strangers_trusted": (torch.tensor(strangers) > 0.5).float().mean().item() if strangers else 0.0,
        "inlier_accuracy": torch.stack(inliers).mean().item(),
    }
