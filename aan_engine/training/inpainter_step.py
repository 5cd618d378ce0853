"""Inpainter step: the inpainter and its two discriminators in training, and everything that a resumed run needs.

Where the frames come from is in `inpainter_data`.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aan_engine.network.inpainter import Inpainted, Inpainter
from aan_engine.training import losses
from aan_engine.training.discriminators import (
    ImageDiscriminator,
    VideoDiscriminator,
    discriminator_loss,
    generator_loss,
)

_PARTS = ("inpainter", "average", "discriminators", "inpainter_optimizer", "discriminators_optimizer")

AVERAGED = 0.995
"""Decay of the exponential moving average of the weights: over about 200 steps."""


@dataclass(frozen=True)
class InpaintedFrame:
    """One frame of a batch as it was inpainted, and its truth.

    Args:
        truth: (B, 3, H, W).
        visible: (B, 1, H, W).
        before: the true frame before it and the backward flow into that, (B, 3, H, W) and (B, 2, H, W); None for the
            first frame of a run.
    """

    inpainted: Inpainted
    truth: Tensor
    visible: Tensor
    before: tuple[Tensor, Tensor] | None = None


class InpainterTrainer:
    """The inpainter, its discriminators, their optimizers, and the step that training has come to.

    `average` is the exponential moving average of the inpainter's weights: less noisy than any single step, it is what
    is kept.
    """

    def __init__(self, weights: losses.LossWeights, *, stage: int, seed: int = 0, device: str = "cpu") -> None:
        torch.manual_seed(seed)
        self.weights, self.stage, self.step = weights, stage, 0
        self.inpainter = Inpainter().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = deepcopy(self.inpainter).requires_grad_(False)
        self.updates = 0
        self.discriminators = nn.ModuleDict({"image": ImageDiscriminator(), "video": VideoDiscriminator()}).to(device)
        self.inpainter_optimizer = torch.optim.Adam(self.inpainter.parameters(), betas=(0.9, 0.999))
        self.discriminators_optimizer = torch.optim.Adam(self.discriminators.parameters(), betas=(0.9, 0.999))

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on, but for the data, which depend on seed and step alone."""
        return {name: getattr(self, name).state_dict() for name in _PARTS} | {
            "step": self.step,
            "stage": self.stage,
            "updates": self.updates,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a `state`; from a state of the other stage only the averaged weights are taken."""
        if state["stage"] == self.stage:
            for name in _PARTS:
                getattr(self, name).load_state_dict(state[name])
            self.step, self.updates = state["step"], state["updates"]
        else:
            self.start(state["average"])

    def start(self, parameters: dict[str, Tensor]) -> None:
        """Begins with these parameters of an inpainter."""
        self.inpainter.load_state_dict(parameters)
        self.average.load_state_dict(parameters)

    def learn(self, frames: list[InpaintedFrame], *, rate: float) -> dict[str, float]:
        """A step of the inpainter, then of the discriminators; the loss and its terms, before their weights."""
        terms = self._generator_terms(frames)
        loss = torch.stack([getattr(self.weights, name) * value for name, value in terms.items()]).sum()
        _descend(loss, self.inpainter_optimizer, self.inpainter, rate=rate)
        self._update_average()
        values = {"loss": loss.item()} | {name: value.item() for name, value in terms.items()}
        judged = self._discriminator_terms(frames)
        if judged:
            total = torch.stack(list(judged.values())).sum()
            _descend(total, self.discriminators_optimizer, self.discriminators, rate=rate)
        return values | {name: value.item() for name, value in judged.items()}

    @torch.no_grad()
    def _update_average(self) -> None:
        self.updates += 1
        # Early on over fewer steps, so that the random start is soon forgotten.
        decay = min(AVERAGED, self.updates / (self.updates + 9))
        for averaged, current in zip(self.average.parameters(), self.inpainter.parameters(), strict=True):
            averaged.lerp_(current, 1 - decay)

    def _generator_terms(self, frames: list[InpaintedFrame]) -> dict[str, Tensor]:
        weights, terms = self.weights, {}
        synthesis = torch.cat([f.inpainted.synthesis for f in frames])
        truth, visible = torch.cat([f.truth for f in frames]), torch.cat([f.visible for f in frames])
        if weights.hole:
            terms["hole"] = losses.hole_l1(synthesis, truth, visible)
        if weights.decibel:
            terms["decibel"] = losses.hole_decibel(synthesis, truth, visible)
        if weights.valid:
            terms["valid"] = losses.valid_l1(synthesis, truth, visible)
        images = [f.inpainted.image for f in frames]
        if weights.image_gan:
            terms["image_gan"] = generator_loss(self.discriminators["image"](torch.cat(images), visible))
        if weights.video_gan and len(frames) > 1:
            terms["video_gan"] = generator_loss(self.discriminators["video"](*_along_time(frames, images)))
        following = [(f, *f.before) for f in frames if f.before is not None]
        if weights.flow and following:
            each = [losses.flow_error(f.inpainted.flow, flow, f.truth, before) for f, before, flow in following]
            terms["flow"] = torch.stack(each).mean()
        if weights.warping and following:
            each = [losses.warping_error(f.inpainted.synthesis, f.truth, before, flow) for f, before, flow in following]
            terms["warping"] = torch.stack(each).mean()
        return terms

    def _discriminator_terms(self, frames: list[InpaintedFrame]) -> dict[str, Tensor]:
        terms = {}
        truths, images = [f.truth for f in frames], [f.inpainted.image.detach() for f in frames]
        if self.weights.image_gan:
            visible, judge = torch.cat([f.visible for f in frames]), self.discriminators["image"]
            terms["image_discriminator"] = discriminator_loss(
                judge(torch.cat(truths), visible), judge(torch.cat(images), visible)
            )
        if self.weights.video_gan and len(frames) > 1:
            judge = self.discriminators["video"]
            terms["video_discriminator"] = discriminator_loss(
                judge(*_along_time(frames, truths)), judge(*_along_time(frames, images))
            )
        return terms


def _along_time(frames: list[InpaintedFrame], images: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Images and visibility stacked along time: (B, 3, T, H, W), (B, 1, T, H, W)."""
    return torch.stack(images, dim=2), torch.stack([f.visible for f in frames], dim=2)


def _descend(loss: Tensor, optimizer: torch.optim.Optimizer, module: nn.Module, *, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0).isfinite():
        optimizer.step()
