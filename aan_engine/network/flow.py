"""Recurrence: the flow from the target into the previous outputs, and how far the past is to be trusted.

Section 3.3 of arXiv 1905.13066. A pure function: the state is kept by the caller (`inpainter.RecurrentState`).

Convention:
    The flow is a backward warp: at each target pixel, the displacement (dx, dy) in pixels to where the same thing is in
    the previous output; pixel centres at integer coordinates, x right, y down.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aan_engine.core import projective
from aan_engine.network.align import sample
from aan_engine.network.blocks import STRIDE, Conv, Upsample

HALF_TRUSTED = 0.08
"""Mean difference, in the log range, at which the past is half trusted: more than grain and texture make, less than a
ghost. Not measured separately."""

WHOLE_FRAME_WEIGHT = 0.01
"""Weight of the whole frame's mean difference beside that of a neighbourhood that is visible throughout: it decides
only where hardly anything around is visible."""


@dataclass(frozen=True)
class RecurrentFlow:
    """The past, warped onto the target.

    Args:
        flow: (B, 2, H, W) in pixels, see the module's convention.
        composition: (B, 1, H, W) in 0 .. 1, share of the warped previous output in the result (m' in the paper); 0
            where the flow leads outside.
        warped: (B, 3, H, W) the previous output, warped.
        features: (B, c, H / 8, W / 8) features of the two previous outputs, warped.
    """

    flow: Tensor
    composition: Tensor
    warped: Tensor
    features: Tensor


class FlowEstimator(nn.Module):
    """Flow encoder and decoder of arXiv 1905.13066, section 3.3.

    Beyond the paper the decoder also gets the target's own features: where the target is visible, its motion can be
    seen.
    """

    def __init__(self, width: int, *, motion: int = 64) -> None:
        super().__init__()
        self.encoder = nn.Sequential(
            nn.Conv2d(6, 24, 5, 2, padding=2), nn.SiLU(), Conv(24, 48, stride=2), Conv(48, motion, stride=2)
        )
        self.meeting = nn.Sequential(Conv(motion + width + 1, motion), Conv(motion, motion, dilation=2))
        self.decoder = nn.Sequential(Conv(motion, motion, dilation=4), Upsample(motion, 32))
        self.motion = nn.Conv2d(32, 2, 3, padding=1)
        self.trust = nn.Conv2d(32, 1, 3, padding=1)
        nn.init.zeros_(self.motion.weight)
        nn.init.zeros_(self.motion.bias)  # type: ignore[arg-type]
        nn.init.constant_(self.trust.bias, -2.0)  # type: ignore[arg-type]

    def forward(self, previous: Tensor, before: Tensor, cells: Tensor, visible: Tensor) -> RecurrentFlow:
        """The two previous outputs (B, 3, H, W), the target's features (B, c, H / 8, W / 8) and visible cells."""
        past = self.encoder(torch.cat([previous, before], dim=1))  # (B, m, H / 8, W / 8)
        decoded = self.decoder(self.meeting(torch.cat([past, cells, visible], dim=1)))  # (B, 32, H / 4, W / 4)
        size = previous.shape[-2:]
        flow = F.interpolate(STRIDE * self.motion(decoded), size=size, mode="bilinear", align_corners=False)
        composition = F.interpolate(torch.sigmoid(self.trust(decoded)), size=size, mode="bilinear", align_corners=False)
        warped, inside = warp(previous, flow)
        coarse = F.avg_pool2d(flow, STRIDE) / STRIDE
        return RecurrentFlow(flow, composition * inside, warped, warp(past, coarse)[0])


def photometric_agreement(warped: Tensor, target: Tensor, visible: Tensor) -> Tensor:
    """How far the warped past shows what the target shows around each pixel: (B, 1, H, W) in 0 .. 1.

    Not in the paper: the flow may be wrong, and beside the hole that is visible. The mean absolute difference over
        three
    by three cells counts visible pixels only; where there are hardly any, that of the whole frame stands in.

    Args:
        warped, target: (B, 3, H, W) in the log range; visible: (B, 1, H, W), 1 where the target is visible.
    """
    difference = (warped - target).abs().mean(1, keepdim=True) * visible
    total, share = (F.avg_pool2d(F.avg_pool2d(x, STRIDE), 3, 1, padding=1) for x in (difference, visible))
    whole = difference.sum((2, 3), keepdim=True) / visible.sum((2, 3), keepdim=True).clamp_min(1.0)
    mean = (total + WHOLE_FRAME_WEIGHT * whole) / (share + WHOLE_FRAME_WEIGHT)
    agreement = 1 / (1 + (mean / HALF_TRUSTED) ** 4)
    return F.interpolate(agreement, size=target.shape[-2:], mode="bilinear", align_corners=False)


def warp(image: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Backward warp of (B, C, H, W) by a flow (B, 2, H, W) in pixels; and (B, 1, H, W), 1 where it leads inside."""
    height, width = image.shape[-2:]
    positions = projective.grid(height, width, like=flow).reshape(1, height, width, 2) + flow.permute(0, 2, 3, 1)
    x, y = positions.unbind(-1)
    inside = (positions >= -0.5).all(-1) & (x <= width - 0.5) & (y <= height - 0.5)
    return sample(image, positions, border=True), inside.unsqueeze(1).to(image.dtype)
