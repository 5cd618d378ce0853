"""Training the chooser: which candidate is right, learned from holes over what is known.

Loss, in the hole and in the log range: the distance of the blended answer (absolute and squared), and the mean
distance of the candidates by their weights, which rewards committing to one good candidate over averaging two bad.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import cast

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from aan_engine.network.chooser import Chooser, choose, features
from aan_engine.training.autocast import half_precision
from aan_engine.training.crop_store import CropStore, gather
from aan_engine.training.run_log import RunLog
from aan_engine.training.train_homography import rate_at

SAVE_MINUTES = 3.0

AVERAGED = 0.995

MEASURED = 240
"""Held-back crops on which a state is measured, about."""

EASY = 0.02
"""A crop whose best candidates are off by this much (log range) counts half."""


@dataclass(frozen=True)
class ChooserPlan:
    """`sequences` scenes are made first, by `processes`, and kept in the run's folder; `steps` of `count` crops."""

    sequences: int = 240
    steps: int = 12_000
    minutes: float | None = None
    count: int = 6
    rate: float = 8e-4
    seed: int = 0
    measure_every: int = 500
    processes: int = 0


def train(
    data: Path,
    out: Path,
    plan: ChooserPlan,
    *,
    device: str = "cpu",
    resume: bool = True,
    start: dict[str, Tensor] | None = None,
) -> Chooser:
    """Trains into the folder `out`, from its checkpoint where there is one, else from the weights `start`."""
    gather(data, out, first=0, last=plan.sequences - 1, processes=plan.processes)
    gather(data, out, first=0, last=max(1, plan.sequences // 10) - 1, part="validation", processes=plan.processes)
    seen, held = CropStore(out / "pool-train"), CropStore(out / "pool-validation")
    torch.manual_seed(plan.seed)
    model = Chooser().to(device)
    if start is not None:
        model.load_state_dict(start)
    # What is measured and shipped is the running mean of the weights: single steps of so few crops are noisy.
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGED))  # type: ignore[no-untyped-call]
    kept = cast(Chooser, average.module)
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=1e-4)
    journal = RunLog(out)
    step = 0
    if resume and (state := journal.resume()) is not None:
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    saved = journal.minutes

    def keep() -> None:
        states = {"model": model.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
        journal.keep(states | {"step": step})

    while step < plan.steps and (plan.minutes is None or journal.minutes < plan.minutes):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, plan.rate, plan.steps)
        rng = np.random.default_rng((plan.seed, step))
        given = augmented(seen.batch(rng.integers(len(seen), size=plan.count)), rng)
        # The loss itself stays in full precision.
        with half_precision(device):
            terms = losses(model, {k: v.to(device) for k, v in given.items()})
        loss = objective(terms)
        optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        average.update_parameters(model)
        step += 1
        if step % 50 == 0:
            journal.note(step, loss=loss.item(), **{k: v.item() for k, v in terms.items()})
        if step % plan.measure_every == 0:
            journal.note(step, crops=len(seen), **measure(kept, held, device=device))
            journal.sheet("choices", samples(kept, held, device=device))
        if journal.minutes - saved > SAVE_MINUTES:
            keep()
            saved = journal.minutes
            seen.look()
    keep()
    return kept


def augmented(given: dict[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
    """Mirrored, turned, brighter or darker, and with candidates left out: what holds does so for all of them."""
    axes = [axis for axis in (-1, -2) if rng.uniform() < 0.5]
    turn = rng.uniform() < 0.5
    out = {}
    for name, value in given.items():
        if name != "kind":
            value = value.flip(axes) if axes else value
            value = value.transpose(-1, -2).contiguous() if turn else value
        out[name] = value
    shift = float(rng.normal(0, 0.05))
    out["truth"] = out["truth"] + shift
    out["image"] = out["image"] + shift * out["told"][:, :, :1]
    lost = torch.from_numpy(rng.uniform(size=out["kind"].shape) < 0.12)
    lost[:, -1] = False
    out["told"] = out["told"] * ~lost[:, :, None, None, None]
    out["image"] = out["image"] * ~lost[:, :, None, None, None]
    return out


def weights_of(model: Chooser, given: dict[str, Tensor]) -> Tensor:
    """The chooser's (B, K, h, w) weights for a batch."""
    valid, distance, confidence, independent_motion = torch.split(given["told"], 1, dim=2)
    fine, coarse = features(
        given["truth"] * (1 - given["hidden"]),
        given["hidden"],
        image=given["image"],
        valid=valid,
        distance=distance,
        confidence=confidence,
        independent_motion=independent_motion,
        kind=given["kind"],
    )
    logits = model(fine, coarse, valid=valid, kind=given["kind"])
    return choose(logits.float(), valid[:, :, 0])


def losses(model: Chooser, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """`blend`, `square` and `expected`: see the module. Each is a mean over crops, the easier ones weighing more.

    What no candidate shows cannot be chosen: left alone, such crops would drown those from which there is to learn.
    """
    weight = weights_of(model, given)
    hole, truth, image = given["hidden"], given["truth"], given["image"]
    off = (weight[:, :, None] * image).sum(1) - truth
    each = (image - truth[:, None]).abs().mean(2)
    # A candidate is right where its neighbourhood is: single pixels agree by chance.
    each = F.avg_pool2d(each, 5, 1, 2)
    best = torch.where(given["told"][:, :, 0] > 0, each, torch.inf).amin(1, keepdim=True)
    ease = EASY / (EASY + _in_hole(best, hole))

    def mean(error: Tensor) -> Tensor:
        return (ease * _in_hole(error, hole)).mean()

    return {
        "blend": mean(off.abs()),
        "square": mean(off.square()),
        "expected": mean((weight * each).sum(1, keepdim=True)),
    }


def objective(terms: dict[str, Tensor]) -> Tensor:
    """The terms of `losses` together."""
    return terms["blend"] + 8 * terms["square"] + 0.5 * terms["expected"]


def _in_hole(error: Tensor, hole: Tensor) -> Tensor:
    """(B,) the mean of (B, c, h, w) over each crop's hidden pixels."""
    count = hole.sum((1, 2, 3)).clamp(min=1) * error.shape[1]
    return torch.where(hole > 0, error * hole, 0.0).sum((1, 2, 3)) / count


@torch.no_grad()
def measure(model: Chooser, held: CropStore, *, device: str = "cpu") -> dict[str, float]:
    """PSNR in the hole (dB, log range, mean over crops) of the choice beside simple rules and the best possible."""
    found: dict[str, list[float]] = {}
    picks = np.arange(len(held))[:: max(1, len(held) // MEASURED)]
    for start in range(0, len(picks), 8):
        given = {k: v.to(device) for k, v in held.batch(picks[start : start + 8]).items()}
        weight = weights_of(model, given)
        hole, truth, image, valid = given["hidden"], given["truth"], given["image"], given["told"][:, :, 0]
        each = (image - truth[:, None]).square().mean(2)
        distance = given["told"][:, :, 1] + 1000 * (given["kind"] != 0)[:, :, None, None] + 1e6 * (valid <= 0)
        smooth = F.avg_pool2d(each, 5, 1, 2) + 1e6 * (valid <= 0)
        errors = {
            "chosen": ((weight[:, :, None] * image).sum(1) - truth).square().mean(1, keepdim=True),
            "winner": each.gather(1, weight.argmax(1, keepdim=True)),
            "painted": each[:, -1:],
            "nearest": each.gather(1, distance.argmin(1, keepdim=True)),
            "oracle": each.gather(1, smooth.argmin(1, keepdim=True)),
        }
        for name, error in errors.items():
            mean = (error * hole).sum((1, 2, 3)) / hole.sum((1, 2, 3)).clamp(min=1)
            found.setdefault(name, []).extend((-10 * torch.log10(mean.clamp(min=1e-5))).tolist())
    return {name: float(np.mean(values)) for name, values in found.items()}


@torch.no_grad()
def samples(model: Chooser, held: CropStore, *, device: str = "cpu", count: int = 8) -> list[list[Tensor]]:
    """Rows for a sheet: held-back crops with their holes, what the weights make of them, the paint, the truth."""
    picks = np.linspace(0, len(held) - 1, min(count, len(held))).round().astype(int)
    given = {k: v.to(device) for k, v in held.batch(picks).items()}
    blend = (weights_of(model, given)[:, :, None] * given["image"]).sum(1)
    hole, truth = given["hidden"], given["truth"]
    columns = [truth * (1 - hole), blend * hole + truth * (1 - hole), given["image"][:, -1], truth]
    return [list(row) for row in zip(*columns, strict=True)]
