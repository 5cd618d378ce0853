"""The recurrence: from the two previous outputs to the motion into the present frame, and how far to trust it.

It knows nothing of references. The state itself lives outside: this is a pure function of what it is given.

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

APART = 0.08
"""Mean difference, in the log range, at which the past counts half: more than grain and texture, less than a ghost."""

UNSEEN = 0.01
"""What the whole frame weighs beside a neighbourhood that is visible throughout."""


@dataclass(frozen=True)
class RecurrentFlow:
    """What the recurrence offers.

    Args:
        flow: (B, 2, H, W) in pixels, previous output as seen from the target.
        composition: (B, 1, H, W) in 0..1, share of the warped previous output (m' in the paper); 0 outside it.
        warped: (B, 3, H, W) the previous output, warped.
        features: (B, c, H / 8, W / 8) the two previous outputs' cells, warped.
    """

    flow: Tensor
    composition: Tensor
    warped: Tensor
    features: Tensor


class FlowEstimator(nn.Module):
    """Flow encoder and decoder of arXiv 1905.13066, section 3.3.

    The decoder also sees the target's own cells (ours): motion need not be guessed where the target is visible.
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
        """The two last outputs (B, 3, H, W), the target's cells (B, c, H / 8, W / 8) and which of them are visible."""
        past = self.encoder(torch.cat([previous, before], dim=1))  # (B, m, H / 8, W / 8)
        seen = self.decoder(self.meeting(torch.cat([past, cells, visible], dim=1)))  # (B, 32, H / 4, W / 4)
        size = previous.shape[-2:]
        flow = F.interpolate(STRIDE * self.motion(seen), size=size, mode="bilinear", align_corners=False)
        share = F.interpolate(torch.sigmoid(self.trust(seen)), size=size, mode="bilinear", align_corners=False)
        warped, inside = warp(previous, flow)
        coarse = F.avg_pool2d(flow, STRIDE) / STRIDE
        return RecurrentFlow(flow, share * inside, warped, warp(past, coarse)[0])


def agreement(warped: Tensor, target: Tensor, visible: Tensor) -> Tensor:
    """How far the past, warped, shows what the target shows around each pixel: (B, 1, H, W) in 0..1.

    Ours: the flow may be wrong, and what is visible beside the hole tells. A mean over three by three cells counts the
    visible pixels alone; where there are none, the whole frame speaks.

    Args:
        warped, target: (B, 3, H, W) in the log range; visible: (B, 1, H, W), 1 where the target is visible.
    """
    off = (warped - target).abs().mean(1, keepdim=True) * visible
    total, seen = (F.avg_pool2d(F.avg_pool2d(x, STRIDE), 3, 1, padding=1) for x in (off, visible))
    whole = off.sum((2, 3), keepdim=True) / visible.sum((2, 3), keepdim=True).clamp_min(1.0)
    mean = (total + UNSEEN * whole) / (seen + UNSEEN)
    alike = 1 / (1 + (mean / APART) ** 4)
    return F.interpolate(alike, size=target.shape[-2:], mode="bilinear", align_corners=False)


def warp(image: Tensor, flow: Tensor) -> tuple[Tensor, Tensor]:
    """Backward warp of (B, C, H, W) by (B, 2, H, W) in its own pixels; and (B, 1, H, W) 1 where it came from inside."""
    height, width = image.shape[-2:]
    at = projective.grid(height, width, like=flow).reshape(1, height, width, 2) + flow.permute(0, 2, 3, 1)
    inside = (at >= -0.5).all(-1) & (at[..., 0] <= width - 0.5) & (at[..., 1] <= height - 0.5)
    return sample(image, at, border=True), inside.unsqueeze(1).to(image.dtype)
