"""The alignment stage: every reference's cells warped onto the target, and one weighted view of them all.

It knows nothing of where homographies come from, nor of what is done with the result.

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
        features: (B, c, h, w) weighted over the references (x_r in the paper); 0 where none could be seen.
        coverage: (B, 1, h, w) 1 where some reference could be seen (m_hat in the paper).
        weights: (B, N, h, w) of each reference; a hidden cell weighs exactly 0.
        distance: (B, N) mean distance to the target where both are visible (w of Eq. 3); infinite without overlap.
    """

    features: Tensor
    coverage: Tensor
    weights: Tensor
    distance: Tensor


def warp_cells(features: Tensor, visible: Tensor, homographies: Tensor) -> tuple[Tensor, Tensor]:
    """References' cells at the target's cells.

    Args:
        features: (B, N, c, h, w).
        visible: (B, N, 1, h, w), 0 or 1. Hidden cells lend nothing to their neighbours.
        homographies: (B, N, 3, 3) target pixel -> reference pixel at 8 h x 8 w.

    Returns:
        The features (B, N, c, h, w), 0 where hidden or outside, and their visibility (B, N, 1, h, w), exactly 0 or 1:
        1 where more than half of what was sampled is visible.
    """
    b, n, c, h, w = features.shape
    at = projective.grid(h, w, step=STRIDE, offset=(STRIDE - 1) / 2, like=features)
    landed = projective.apply(homographies.reshape(b * n, 3, 3), at)  # (B N, h w, 2) reference pixels
    cells = (landed - (STRIDE - 1) / 2) / STRIDE
    both = torch.cat([features * visible, visible], dim=2).reshape(b * n, c + 1, h, w)
    sampled = sample(both, cells.reshape(b * n, h, w, 2)).reshape(b, n, c + 1, h, w)
    seen = sampled[:, :, c:]
    shown = (seen > 0.5).to(seen.dtype)
    return sampled[:, :, :c] / seen.clamp_min(0.5) * shown, shown


def sample(image: Tensor, at: Tensor, *, border: bool = False) -> Tensor:
    """Bilinear samples of (B, C, H, W) at (x, y) positions (B, h, w, 2) in pixels; 0 outside, or the border's value.

    Convention: pixel centres at integer coordinates, origin top-left.
    """
    height, width = image.shape[-2:]
    size = torch.tensor([max(width - 1, 1), max(height - 1, 1)], device=at.device, dtype=at.dtype)
    mode = "border" if border else "zeros"
    return F.grid_sample(image, at * (2 / size) - 1, mode="bilinear", padding_mode=mode, align_corners=True)


class Alignment(nn.Module):
    """Eq. 3 and 4 of arXiv 1905.13066, corrected: nearer references weigh more, hidden cells exactly 0."""

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
        warped, shown = warp_cells(features, visible, homographies)
        both = shown * target_visible.unsqueeze(1)  # (B, N, 1, h, w)
        overlap = both.sum((2, 3, 4))
        gone = ((warped - target.unsqueeze(1)) * both).square().mean(2).sum((2, 3))
        distance = torch.where(overlap > 0, gone / overlap.clamp_min(1.0) + 1e-6, torch.inf).sqrt()
        nearness = self.sharpness.exp() / distance.clamp_min(0.02)
        weights = masked_softmax(nearness[:, :, None, None].expand_as(shown[:, :, 0]), shown[:, :, 0], dim=1)
        mean = (weights.unsqueeze(2) * warped).sum(1)  # (B, c, h, w)
        return Aligned(mean, (shown.sum(1) > 0).to(mean.dtype), weights, distance)
