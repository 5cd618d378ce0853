"""The two discriminators of adversarial training: one of single frames, one of short runs of frames.

Used in training only, never shipped.
"""

from __future__ import annotations

from itertools import pairwise

import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.nn.utils.parametrizations import spectral_norm


class ImageDiscriminator(nn.Module):
    """Patches of one frame and its hole: (B, 3, H, W), (B, 1, H, W) -> (B, 1, H / 16, W / 16) scores."""

    def __init__(self, width: int = 24) -> None:
        super().__init__()
        widths = (4, width, 2 * width, 4 * width, 4 * width)
        layers: list[nn.Module] = []
        for inner, outer in pairwise(widths):
            layers += [spectral_norm(nn.Conv2d(inner, outer, 4, 2, padding=1)), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, spectral_norm(nn.Conv2d(widths[-1], 1, 3, padding=1)))

    def forward(self, image: Tensor, visible: Tensor) -> Tensor:
        scores: Tensor = self.body(torch.cat([image, visible], dim=1))
        return scores


class VideoDiscriminator(nn.Module):
    """Patches of a run of frames: (B, 3, T, H, W), (B, 1, T, H, W) -> (B, 1, T, H / 16, W / 16) scores."""

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        widths = (4, width, 2 * width, 4 * width, 4 * width)
        layers: list[nn.Module] = []
        for inner, outer in pairwise(widths):
            layer = nn.Conv3d(inner, outer, (3, 4, 4), (1, 2, 2), padding=(1, 1, 1))
            layers += [spectral_norm(layer), nn.LeakyReLU(0.2)]
        self.body = nn.Sequential(*layers, spectral_norm(nn.Conv3d(widths[-1], 1, 3, padding=1)))

    def forward(self, frames: Tensor, visible: Tensor) -> Tensor:
        scores: Tensor = self.body(torch.cat([frames, visible], dim=1))
        return scores


def discriminator_loss(real: Tensor, synthesised: Tensor) -> Tensor:
    """Hinge loss of a discriminator: real patches should score above 1, synthesised ones below -1."""
    return F.relu(1 - real).mean() + F.relu(1 + synthesised).mean()


def generator_loss(synthesised: Tensor) -> Tensor:
    """Hinge loss of the inpainter: synthesised patches should score high."""
    return -synthesised.mean()
