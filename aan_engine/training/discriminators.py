"""The two critics of adversarial training: one looks at single frames, one at short runs of frames.

They are used in training only and never shipped.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class ImageCritic(nn.Module):
    """Patches of one frame and its hole: (B, 3, H, W), (B, 1, H, W) -> (B, 1, H / 16, W / 16) scores."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        widths = (4, width, 2 * width, 4 * width, 4 * width)
        candidates: list[nn.Module] = []
        for inner, outer in pairwise(widths):
            candidates += [spectral_norm(nn.Conv2d(inner, outer, 4, 2, padding=1)), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*candidates, spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))

    def forward(self, image: Tensor, visible: Tensor) -> Tensor:
        scores: Tensor = self.body(torch.cat([image, visible], dim=1))
        return scores


class VideoCritic(nn.Module):
    """Patches of a run of frames: (B, 3, T, H, W), (B, 1, T, H, W) -> (B, 1, T, H / 16, W / 16) scores."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        widths = (4, width, 2 * width, 4 * width, 4 * width)
        candidates: list[nn.Module] = []
        for inner, outer in pairwise(widths):
            layer = nn.Conv3d(inner, outer, (3, 4, 4), (1, 2, 2), padding=(1, 1, 1))
            candidates += [spectral_norm(layer), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*candidates, spectral_norm(nn.Conv3d(widths[-1], 1, 3, padding=1)))

    def forward(self, frames: Tensor, visible: Tensor) -> Tensor:
        scores: Tensor = self.body(torch.cat([frames, visible], dim=1))
        return scores


def critic_loss(real: Tensor, painted: Tensor) -> Tensor:
    """Hinge loss of a critic: real patches should score above 1, painted ones below -1."""
    return F.relu(1 - real).mean() + F.relu(1 + painted).mean()


def painter_loss(painted: Tensor) -> Tensor:
    """Hinge loss of the painter: painted patches should score high."""
    return -painted.mean()
