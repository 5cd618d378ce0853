"""Training the homography estimator on synthetic pairs, and measuring it on pairs of held-back pictures.

Loss: mean distance between the sampling grids of predicted and true homography, and L1 on the parameters (arXiv
1905.13066, section 3.1). Beyond the paper: cross-entropy of the inlier mask, of the trust, and of the correlation with
the true match.
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
from aan_engine.training.batches import map_in_order
from aan_engine.training.homography_data import Pairs
from aan_engine.training.run_log import RunLog
from aan_engine.training.still_data import Still, stills

CORRECT = 4.0
"""Mean distance, in pixels at 256 x 256, up to which a homography counts as right."""

SAVE_MINUTES = 3.0

PAIRS_MEASURED = 96
"""Held-back pairs on which the estimator is measured."""


@dataclass(frozen=True)
class HomographyPlan:
    """How to train: the learning rate falls along half a cosine over `steps` of `count` pairs, or over `minutes` where
    that ends it earlier. `processes` make the pairs (see `map_in_order`)."""

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
    pictures, held = stills(data), stills(data, part="validation", every=15)
    torch.manual_seed(plan.seed)
    model = HomographyEstimator().to(device)
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=1e-4)
    log = RunLog(out)
    state = log.load_checkpoint() if resume else None
    step = 0
    if state is not None:
        model.load_state_dict(state["model"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    saved = log.minutes

    def make(number: int) -> Pairs:
        return homography_data.make_pairs(pictures, plan.count, seed=plan.seed, start=number * plan.count)

    for pairs in map_in_order(make, range(step, plan.steps), processes=plan.processes):
        if plan.minutes is not None and log.minutes >= plan.minutes:
            break
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, plan.rate, log.last_step(step, plan.steps, minutes=plan.minutes))
        given = to_device(pairs, device)
        estimate, field = estimate_pairs(model, given)
        terms = losses(estimate, field, given)
        loss = torch.stack([LOSS_WEIGHTS[name] * value for name, value in terms.items()]).sum()
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        # A degenerate pair may have no finite gradient; a step along it would end the run.
        if torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0).isfinite():
            optimizer.step()
        step += 1
        if step % 50 == 0:
            log.log(step, loss=loss.item(), **{k: v.item() for k, v in terms.items()})
        if step % plan.measure_every == 0:
            log.log(step, **{f"held_{k}": v for k, v in measure(model, held, device=device).items()})
        if log.minutes - saved > SAVE_MINUTES:
            _save(log, model, optimizer, step)
            saved = log.minutes
    _save(log, model, optimizer, step)
    return model


def _save(log: RunLog, model: HomographyEstimator, optimizer: torch.optim.Optimizer, step: int) -> None:
    state: dict[str, Any] = {"model": model.state_dict(), "optimizer": optimizer.state_dict(), "step": step}
    log.save_checkpoint(state)


def rate_at(step: int, rate: float, steps: int) -> float:
    """Half a cosine from `rate` to a fiftieth of it, after 200 steps of warming up."""
    cosine = 0.5 + 0.5 * float(torch.cos(torch.tensor(torch.pi * min(step / steps, 1.0))))
    return rate * min(1.0, (step + 1) / 200) * (0.02 + 0.98 * cosine)


def to_device(given: Pairs, device: str) -> Pairs:
    """The same pairs on another device."""
    return Pairs(**{name: value.to(device) for name, value in vars(given).items()})


def estimate_pairs(model: HomographyEstimator, given: Pairs) -> tuple[HomographyEstimate, MatchField]:
    """The estimate, and the matches it follows from. The encoder runs in half precision, see `autocast`."""
    images = torch.cat([given.target, given.reference])
    visible = torch.cat([given.target_visible, given.reference_visible])
    with half_precision(images.device):
        encoded = model.encode(images, visible)
    features, visible_cells = encoded.features.float().chunk(2), encoded.visible.chunk(2)
    target, reference = (EncodedImage(*halves) for halves in zip(features, visible_cells, strict=True))
    field = model.correlate(target, reference)
    return model.estimator(field, target.visible), field


LOSS_WEIGHTS = {"grid": 0.1, "parameters": 0.02, "matches": 0.3, "inliers": 1.0, "trust": 0.2}


def losses(estimate: HomographyEstimate, field: MatchField, given: Pairs) -> dict[str, Tensor]:
    """Every term, before its weight; unrelated pairs count for trust and inliers only."""
    related = given.related
    total = related.sum().clamp_min(1.0)
    points = projective.grid(CELLS, CELLS, step=STRIDE, offset=(STRIDE - 1) / 2, like=related)
    true = projective.apply(given.homography, points)
    weights = [0.1] * (len(estimate.rounds) - 1) + [0.5, 1.0]
    distances = [_distance(projective.apply(h, points), true) for h in (*estimate.rounds, estimate.homography)]
    corners = projective.corners(SIDE, SIDE, like=related)
    true_offsets = projective.apply(given.homography, corners) - corners
    parameters = (estimate.offsets - true_offsets).abs().clamp_max(64).mean((1, 2))
    correct = ((distances[-1] < CORRECT) & (related > 0)).float()
    return {
        "grid": sum(
            (w * (d.clamp_max(64) * related).sum() / total for w, d in zip(weights, distances, strict=True)),
            start=0 * total,
        ),
        "parameters": (parameters * related).sum() / total,
        "matches": _match_loss(field, true, given.inliers),
        "inliers": _inlier_loss(estimate.inlier_logits, field, given.inliers),
        "trust": F.binary_cross_entropy_with_logits(estimate.trust_logits, correct),
    }


def _distance(a: Tensor, b: Tensor) -> Tensor:
    """(B,) mean distance of points (B, n, 2), each counting as 96 pixels at most."""
    return ((a - b).square().sum(-1) + 1e-4).sqrt().clamp_max(96).mean(1)


def _inlier_loss(logits: Tensor, field: MatchField, inliers: Tensor) -> Tensor:
    known = (field.certainty[..., 0] > 0).float().reshape_as(inliers)
    each = F.binary_cross_entropy_with_logits(logits, inliers, reduction="none")
    return (each * known).sum() / known.sum().clamp_min(1.0)


def _match_loss(field: MatchField, true: Tensor, inliers: Tensor) -> Tensor:
    """Cross-entropy of the correlation's softmax with the true match, spread bilinearly over its four cells."""
    cell = (true - (STRIDE - 1) / 2) / STRIDE
    low = cell.floor()
    rest = cell - low
    total = field.kernel.sum(2)
    loss, mass = torch.zeros_like(total), torch.zeros_like(total)
    for dy in (0, 1):
        for dx in (0, 1):
            column, row = low[..., 0] + dx, low[..., 1] + dy
            inside = (column >= 0) & (column < CELLS) & (row >= 0) & (row < CELLS)
            share = (rest[..., 0] if dx else 1 - rest[..., 0]) * (rest[..., 1] if dy else 1 - rest[..., 1])
            index = (row.clamp(0, CELLS - 1) * CELLS + column.clamp(0, CELLS - 1)).long().unsqueeze(2)
            kernel = field.kernel.gather(2, index).squeeze(2)
            share = share * inside * (kernel > 0)
            loss = loss + share * ((total + 1e-30).log() - (kernel + 1e-30).log())
            mass = mass + share
    weight = inliers.flatten(1) * (mass > 0.5)
    return (weight * loss / mass.clamp_min(0.5)).sum() / weight.sum().clamp_min(1.0)


@torch.no_grad()
def measure(model: HomographyEstimator, held: list[Still], *, device: str = "cpu") -> dict[str, float]:
    """Mean corner error in pixels at 256 x 256 on pairs of held-back pictures (fixed seed), and how good trust is."""
    errors: list[float] = []
    trusts: list[float] = []
    unrelated_trusts: list[float] = []
    accuracies: list[Tensor] = []
    corners = projective.corners(SIDE, SIDE)
    for start in range(0, PAIRS_MEASURED, 8):
        given = to_device(
            homography_data.make_pairs(held, min(8, PAIRS_MEASURED - start), seed=987_654_321, start=start), device
        )
        estimate, field = estimate_pairs(model, given)
        found, true = (projective.apply(H, corners.to(device)) for H in (estimate.homography, given.homography))
        distance = (found - true).norm(dim=2).mean(1).cpu()
        known = field.certainty[..., 0] > 0
        agree = ((estimate.inlier_logits > 0) == (given.inliers > 0)).flatten(1)[known]
        accuracies.append(agree.float().mean())
        for d, trust, related in zip(distance.tolist(), estimate.trust.tolist(), given.related.tolist(), strict=True):
            if related:
                errors.append(d)
                trusts.append(trust)
            else:
                unrelated_trusts.append(trust)
    error, trusted = torch.tensor(errors), torch.tensor(trusts) > 0.5
    kept = error[trusted]
    unrelated = (torch.tensor(unrelated_trusts) > 0.5).float().mean().item() if unrelated_trusts else 0.0
    return {
        "median": error.median().item(),
        "p75": error.quantile(0.75).item(),
        "p90": error.quantile(0.9).item(),
        "under_4": (error < CORRECT).float().mean().item(),
        "trusted": trusted.float().mean().item(),
        "trusted_p90": kept.quantile(0.9).item() if len(kept) else float("nan"),
        "unrelated_trusted": unrelated,
        "inlier_accuracy": torch.stack(accuracies).mean().item(),
    }
