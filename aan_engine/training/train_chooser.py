"""Training the chooser, on holes over a known truth.

Loss, in the hole and in the log range: the distance of the weighted mean from the truth, absolute and squared, and the
expected distance of a candidate drawn by the weights, which rewards one good candidate over a mean of two bad ones.
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

from aan_engine.network.chooser import Chooser, candidate_features, candidate_softmax
from aan_engine.training.autocast import half_precision
from aan_engine.training.crop_store import CropStore, make_crops
from aan_engine.training.run_log import RunLog
from aan_engine.training.train_homography import rate_at

SAVE_MINUTES = 3.0

AVERAGED = 0.995
"""Decay of the exponential moving average of the weights."""

CROPS_MEASURED = 240
"""Held-back crops, about, on which the chooser is measured."""

HALF_WEIGHT = 0.02
"""Mean distance of the best candidates (log range) at which a crop counts half."""


@dataclass(frozen=True)
class ChooserPlan:
    """How to train.

    Args:
        sequences: scenes that crops are made from first, by `processes`, and kept in the run's folder.
        steps, minutes: the length; the learning rate falls over `steps`.
        count: crops to a step.
    """

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
    """Trains into the folder `out`, from its checkpoint where there is one, else from the parameters `start`.

    Raises:
        ShotError: no pictures in `data`.
        WeightsError: a checkpoint that cannot be read.
    """
    make_crops(data, out, first=0, last=plan.sequences - 1, processes=plan.processes)
    make_crops(data, out, first=0, last=max(1, plan.sequences // 10) - 1, part="validation", processes=plan.processes)
    crops, held = CropStore(out / "pool-train"), CropStore(out / "pool-validation")
    torch.manual_seed(plan.seed)
    model = Chooser().to(device)
    if start is not None:
        model.load_state_dict(start)
    # Measured and shipped is the moving average: single steps of so few crops are noisy.
    average = AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(AVERAGED))  # type: ignore[no-untyped-call]
    averaged = cast(Chooser, average.module)
    optimizer = torch.optim.AdamW(model.parameters(), lr=plan.rate, weight_decay=1e-4)
    log = RunLog(out)
    step = 0
    if resume and (state := log.load_checkpoint()) is not None:
        model.load_state_dict(state["model"])
        average.load_state_dict(state["average"])
        optimizer.load_state_dict(state["optimizer"])
        step = state["step"]
    saved = log.minutes

    def save() -> None:
        states = {"model": model.state_dict(), "average": average.state_dict(), "optimizer": optimizer.state_dict()}
        log.save_checkpoint(states | {"step": step})

    while step < plan.steps and (plan.minutes is None or log.minutes < plan.minutes):
        for group in optimizer.param_groups:
            group["lr"] = rate_at(step, plan.rate, plan.steps)
        rng = np.random.default_rng((plan.seed, step))
        given = augmented(crops.batch(rng.integers(len(crops), size=plan.count)), rng)
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
            log.log(step, loss=loss.item(), **{k: v.item() for k, v in terms.items()})
        if step % plan.measure_every == 0:
            log.log(step, crops=len(crops), **measure(averaged, held, device=device))
            log.save_samples("choices", samples(averaged, held, device=device))
        if log.minutes - saved > SAVE_MINUTES:
            save()
            saved = log.minutes
            crops.reload()
    save()
    return averaged


def augmented(given: dict[str, Tensor], rng: np.random.Generator) -> dict[str, Tensor]:
    """Mirrored, transposed, brighter or darker, and with candidates left out; truth and candidates alike."""
    axes = [axis for axis in (-1, -2) if rng.uniform() < 0.5]
    transposed = rng.uniform() < 0.5
    out = {}
    for name, value in given.items():
        if name != "kind":
            value = value.flip(axes) if axes else value
            value = value.transpose(-1, -2).contiguous() if transposed else value
        out[name] = value
    offset = float(rng.normal(0, 0.05))
    out["truth"] = out["truth"] + offset
    out["image"] = out["image"] + offset * out["figures"][:, :, :1]
    lost = torch.from_numpy(rng.uniform(size=out["kind"].shape) < 0.12)
    lost[:, -1] = False
    out["figures"] = out["figures"] * ~lost[:, :, None, None, None]
    out["image"] = out["image"] * ~lost[:, :, None, None, None]
    return out


def weights_of(model: Chooser, given: dict[str, Tensor]) -> Tensor:
    """The chooser's candidate weights (B, K, h, w) for a batch of `stack_crops`."""
    valid, distance, confidence, independent_motion = torch.split(given["figures"], 1, dim=2)
    fine, coarse = candidate_features(
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
    return candidate_softmax(logits.float(), valid[:, :, 0])


def losses(model: Chooser, given: dict[str, Tensor]) -> dict[str, Tensor]:
    """`blend`, `square` and `expected`, see the module: each the mean over the crops, weighted.

    A crop of which no candidate shows the truth weighs less: nothing can be learned from it, and its large error would
    dominate the others'.
    """
    weight = weights_of(model, given)
    hole, truth, image = given["hidden"], given["truth"], given["image"]
    residual = (weight[:, :, None] * image).sum(1) - truth
    each = (image - truth[:, None]).abs().mean(2)
    # Over neighbourhoods: single pixels agree by chance.
    each = F.avg_pool2d(each, 5, 1, 2)
    best = torch.where(given["figures"][:, :, 0] > 0, each, torch.inf).amin(1, keepdim=True)
    crop_weight = HALF_WEIGHT / (HALF_WEIGHT + _in_hole(best, hole))

    def mean(error: Tensor) -> Tensor:
        return (crop_weight * _in_hole(error, hole)).mean()

    return {
        "blend": mean(residual.abs()),
        "square": mean(residual.square()),
        "expected": mean((weight * each).sum(1, keepdim=True)),
    }


def objective(terms: dict[str, Tensor]) -> Tensor:
    """The weighted sum of the terms of `losses`."""
    return terms["blend"] + 8 * terms["square"] + 0.5 * terms["expected"]


def _in_hole(error: Tensor, hole: Tensor) -> Tensor:
    """(B,) the mean of (B, c, h, w) over each crop's hidden pixels."""
    count = hole.sum((1, 2, 3)).clamp(min=1) * error.shape[1]
    return torch.where(hole > 0, error * hole, 0.0).sum((1, 2, 3)) / count


@torch.no_grad()
def measure(model: Chooser, held: CropStore, *, device: str = "cpu") -> dict[str, float]:
    """PSNR in the hole (dB, log range, mean over crops) of the weighted mean, of simple rules, and of the best choice.

    `chosen` is the weighted mean, `winner` the heaviest candidate, `synthesised` the synthesis everywhere, `nearest`
    the tracked candidate nearest in time, `oracle` the best in hindsight over neighbourhoods of 5 x 5.
    """
    found: dict[str, list[float]] = {}
    picks = np.arange(len(held))[:: max(1, len(held) // CROPS_MEASURED)]
    for start in range(0, len(picks), 8):
        given = {k: v.to(device) for k, v in held.batch(picks[start : start + 8]).items()}
        weight = weights_of(model, given)
        hole, truth, image, valid = given["hidden"], given["truth"], given["image"], given["figures"][:, :, 0]
        each = (image - truth[:, None]).square().mean(2)
        distance = given["figures"][:, :, 1] + 1000 * (given["kind"] != 0)[:, :, None, None] + 1e6 * (valid <= 0)
        smooth = F.avg_pool2d(each, 5, 1, 2) + 1e6 * (valid <= 0)
        errors = {
            "chosen": ((weight[:, :, None] * image).sum(1) - truth).square().mean(1, keepdim=True),
            "winner": each.gather(1, weight.argmax(1, keepdim=True)),
            "synthesised": each[:, -1:],
            "nearest": each.gather(1, distance.argmin(1, keepdim=True)),
            "oracle": each.gather(1, smooth.argmin(1, keepdim=True)),
        }
        for name, error in errors.items():
            mean = (error * hole).sum((1, 2, 3)) / hole.sum((1, 2, 3)).clamp(min=1)
            found.setdefault(name, []).extend((-10 * torch.log10(mean.clamp(min=1e-5))).tolist())
    return {name: float(np.mean(values)) for name, values in found.items()}


@torch.no_grad()
def samples(model: Chooser, held: CropStore, *, device: str = "cpu", count: int = 8) -> list[list[Tensor]]:
    """Rows of samples from held-back crops: input, weighted mean, synthesis, truth."""
    picks = np.linspace(0, len(held) - 1, min(count, len(held))).round().astype(int)
    given = {k: v.to(device) for k, v in held.batch(picks).items()}
    blend = (weights_of(model, given)[:, :, None] * given["image"]).sum(1)
    hole, truth = given["hidden"], given["truth"]
    columns = [truth * (1 - hole), blend * hole + truth * (1 - hole), given["image"][:, -1], truth]
    return [list(row) for row in zip(*columns, strict=True)]
