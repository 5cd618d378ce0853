"""Alignment stage: the references' features warped onto the target, and their weighted mean (arXiv 1905.13066, 3.2).

The homographies are given; the result goes to the refinement stage (`attend`) and to the decoder.

Convention:
    Backward warps. Homographies map target pixels to reference pixels at the resolution of the images, eight times
    that of the cells; cell (i, j) is centred on pixel (8 j + 3.5, 8 i + 3.5), pixel centres at integer coordinates.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aan_engine.core import projective
from aan_engine.network.blocks import STRIDE, masked_softmax


@dataclass(frozen=True)
class Aligned:
    """The references as seen from the target.

    Args:
        features: (B, c, h, w) weighted mean over the references (x_r in the paper); 0 where none is visible.
        coverage: (B, 1, h, w) 1 where some reference is visible (m_hat in the paper).
        weights: (B, N, h, w) of each reference; exactly 0 where its cell is hidden.
        distance: (B, N) mean distance to the target where both are visible (w of Eq. 3); infinite without overlap.
    """

    features: Tensor
    coverage: Tensor
    weights: Tensor
    distance: Tensor


def warp_cells(features: Tensor, visible: Tensor, homographies: Tensor) -> tuple[Tensor, Tensor]:
    """The references' features sampled at the target's cells, by normalised convolution: hidden cells count nothing.

    Args:
        features: (B, N, c, h, w).
        visible: (B, N, 1, h, w), 0 or 1.
        homographies: (B, N, 3, 3) target pixel -> reference pixel at 8 h x 8 w.

    Returns:
        The features (B, N, c, h, w), 0 where hidden or outside, and their visibility (B, N, 1, h, w), exactly 0 or 1:
        1 where more than half of the bilinear weight is visible.
    """
    b, n, c, h, w = features.shape
    centres = projective.grid(h, w, step=STRIDE, offset=(STRIDE - 1) / 2, like=features)
    matched = projective.apply(homographies.reshape(b * n, 3, 3), centres)  # (B N, h w, 2) reference pixels
    cells = (matched - (STRIDE - 1) / 2) / STRIDE
    stacked = torch.cat([features * visible, visible], dim=2).reshape(b * n, c + 1, h, w)
    sampled = sample(stacked, cells.reshape(b * n, h, w, 2)).reshape(b, n, c + 1, h, w)
    visible_share = sampled[:, :, c:]
    warped_visible = (visible_share > 0.5).to(visible_share.dtype)
    return sampled[:, :, :c] / visible_share.clamp_min(0.5) * warped_visible, warped_visible


def sample(image: Tensor, positions: Tensor, *, border: bool = False) -> Tensor:
    """Bilinear samples of (B, C, H, W) at (x, y) positions (B, h, w, 2) in pixels; 0 outside, or the border's value.

    Convention: pixel centres at integer coordinates, origin top-left.
    """
    height, width = image.shape[-2:]
    size = torch.tensor([max(width - 1, 1), max(height - 1, 1)], device=positions.device, dtype=positions.dtype)
    mode = "border" if border else "zeros"
    return F.grid_sample(image, positions * (2 / size) - 1, mode="bilinear", padding_mode=mode, align_corners=True)


class Alignment(nn.Module):
    """Eq. 3 and 4 of arXiv 1905.13066, corrected: the more like the target, the larger the weight; hidden cells 0."""

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.zeros(()))

    def forward(
        self, target: Tensor, target_visible: Tensor, features: Tensor, visible: Tensor, homographies: Tensor
    ) -> Aligned:
        """The target's cells (B, c, h, w) and visibility (B, 1, h, w); the references' as for `warp_cells`; N may be 0.

        Eq. 3: w_i = || m_t m_i (x_t - x_i) ||_2, here as root mean square over the overlap, so that a reference is not
        punished for being seen more. Eq. 4: softmax over the references of 1 / w_i, here only over visible cells.
        """
        warped, warped_visible = warp_cells(features, visible, homographies)
        both = warped_visible * target_visible.unsqueeze(1)  # (B, N, 1, h, w)
        overlap = both.sum((2, 3, 4))
        squares = ((warped - target.unsqueeze(1)) * both).square().mean(2).sum((2, 3))
        distance = torch.where(overlap > 0, squares / overlap.clamp_min(1.0) + 1e-6, torch.inf).sqrt()
        likeness = (self.sharpness.exp() / distance.clamp_min(0.02))[:, :, None, None]
        mask = warped_visible[:, :, 0]
        weights = masked_softmax(likeness.expand_as(mask), mask, dim=1)
        mean = (weights.unsqueeze(2) * warped).sum(1)  # (B, c, h, w)
        return Aligned(mean, (warped_visible.sum(1) > 0).to(mean.dtype), weights, distance)
