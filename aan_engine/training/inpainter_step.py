"""One painter and its two critics in training: a step on painted frames, and everything that a resumed run needs.

It knows nothing of where the frames come from or of how they were painted.
"""

from __future__ import annotations

from copy import deepcopy
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from aan_engine.network.inpainter import Inpainted, Inpainter
from aan_engine.training import losses
from aan_engine.training.discriminators import ImageCritic, VideoCritic, critic_loss, painter_loss

_PARTS = ("painter", "average", "critics", "painter_optimizer", "critics_optimizer")
LAG = 0.995


@dataclass(frozen=True)
class Frame:
    """One painted frame beside what is known of it.

    Args:
        truth: (B, 3, H, W); visible: (B, 1, H, W).
        before: the true frame before it and the backward flow into it, (B, 3, H, W) and (B, 2, H, W); None for the
            first frame of a run.
    """

    painted: Inpainted
    truth: Tensor
    visible: Tensor
    before: tuple[Tensor, Tensor] | None = None


class Trainer:
    """The painter, its critics, their optimizers, and the step they are at.

    `average` is the painter's running mean over about 200 lessons: calmer than any one step, it is what is kept.
    """

    def __init__(self, terms: losses.Terms, *, stage: int, seed: int = 0, device: str = "cpu") -> None:
        torch.manual_seed(seed)
        self.terms, self.stage, self.step = terms, stage, 0
        self.painter = Inpainter().to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.average = deepcopy(self.painter).requires_grad_(False)
        self.lessons = 0
        self.critics = nn.ModuleDict({"image": ImageCritic(), "video": VideoCritic()}).to(device)
        self.painter_optimizer = torch.optim.Adam(self.painter.parameters(), betas=(0.9, 0.999))
        self.critics_optimizer = torch.optim.Adam(self.critics.parameters(), betas=(0.9, 0.999))

    def state(self) -> dict[str, Any]:
        """Everything that the next step depends on; the data depend on seed and step alone."""
        return {name: getattr(self, name).state_dict() for name in _PARTS} | {
            "step": self.step,
            "stage": self.stage,
            "lessons": self.lessons,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on where `state` was taken; from a state of the other stage only the average's weights are taken."""
        if state["stage"] == self.stage:
            for name in _PARTS:
                getattr(self, name).load_state_dict(state[name])
            self.step, self.lessons = state["step"], state["lessons"]
        else:
            self.start(state["average"])

    def start(self, weights: dict[str, Tensor]) -> None:
        """Begins with these weights of the painter."""
        self.painter.load_state_dict(weights)
        self.average.load_state_dict(weights)

    def learn(self, frames: list[Frame], *, rate: float) -> dict[str, float]:
        """Lets the painter learn from these frames, then the critics; the terms before their weights."""
        values = self._painter_terms(frames)
        loss = torch.stack([getattr(self.terms, name) * value for name, value in values.items()]).sum()
        _descend(loss, self.painter_optimizer, self.painter, rate=rate)
        self._follow()
        noted = {"loss": loss.item()} | {name: value.item() for name, value in values.items()}
        judged = self._critic_terms(frames)
        if judged:
            _descend(torch.stack(list(judged.values())).sum(), self.critics_optimizer, self.critics, rate=rate)
        return noted | {name: value.item() for name, value in judged.items()}

    @torch.no_grad()
    def _follow(self) -> None:
        self.lessons += 1
        lag = min(LAG, self.lessons / (self.lessons + 9))
        for slow, quick in zip(self.average.parameters(), self.painter.parameters(), strict=True):
            slow.lerp_(quick, 1 - lag)

    def _painter_terms(self, frames: list[Frame]) -> dict[str, Tensor]:
        terms, values = self.terms, {}
        out = torch.cat([f.painted.synthesis for f in frames])
        truth, visible = torch.cat([f.truth for f in frames]), torch.cat([f.visible for f in frames])
        if terms.hole:
            values["hole"] = losses.hole_l1(out, truth, visible)
        if terms.decibel:
            values["decibel"] = losses.hole_decibel(out, truth, visible)
        if terms.valid:
            values["valid"] = losses.valid_l1(out, truth, visible)
        if terms.image_gan:
            values["image_gan"] = painter_loss(
                self.critics["image"](torch.cat([f.painted.image for f in frames]), visible)
            )
        if terms.video_gan and len(frames) > 1:
            values["video_gan"] = painter_loss(self.critics["video"](*_film(frames, [f.painted.image for f in frames])))
        moving = [(f, *f.before) for f in frames if f.before is not None]
        if terms.flow and moving:
            each = [losses.flow_error(f.painted.flow, flow, f.truth, before) for f, before, flow in moving]
            values["flow"] = torch.stack(each).mean()
        if terms.warping and moving:
            each = [losses.warping_error(f.painted.synthesis, f.truth, before, flow) for f, before, flow in moving]
            values["warping"] = torch.stack(each).mean()
        return values

    def _critic_terms(self, frames: list[Frame]) -> dict[str, Tensor]:
        values = {}
        truths, images = [f.truth for f in frames], [f.painted.image.detach() for f in frames]
        if self.terms.image_gan:
            visible = torch.cat([f.visible for f in frames])
            critic = self.critics["image"]
            values["image_critic"] = critic_loss(critic(torch.cat(truths), visible), critic(torch.cat(images), visible))
        if self.terms.video_gan and len(frames) > 1:
            critic = self.critics["video"]
            values["video_critic"] = critic_loss(critic(*_film(frames, truths)), critic(*_film(frames, images)))
        return values


def _film(frames: list[Frame], images: list[Tensor]) -> tuple[Tensor, Tensor]:
    """Frames in a row along time: (B, 3, T, H, W), (B, 1, T, H, W)."""
    return torch.stack(images, dim=2), torch.stack([f.visible for f in frames], dim=2)


def _descend(loss: Tensor, optimizer: torch.optim.Optimizer, module: nn.Module, *, rate: float) -> None:
    for group in optimizer.param_groups:
        group["lr"] = rate
    optimizer.zero_grad(set_to_none=True)
    loss.backward()  # type: ignore[no-untyped-call]
    if torch.nn.utils.clip_grad_norm_(module.parameters(), 1.0).isfinite():
        optimizer.step()
