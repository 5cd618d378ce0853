"""Losses of the inpainter: the paper's six terms (arXiv 1905.13066, section 3.4), one more, and their weights.

Convention:
    Images (B, 3, H, W) in the log range; visibility (B, 1, H, W), 1 where visible; flows (B, 2, H, W) are backward
    warps in pixels (target pixel -> displacement into the previous frame).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from aan_engine.network.blocks import STRIDE
from aan_engine.network.flow import warp

OCCLUSION = 50.0
"""How fast the warping error's weight falls with the squared difference of the true frames; the paper's."""


@dataclass(frozen=True)
class LossWeights:
    """Weights of the terms, those of the paper and `decibel`; 0 switches a term off.

    `image_gan` and `video_gan` weigh the two discriminators, see `discriminators`.
    """

    hole: float = 100.0
    decibel: float = 3.0
    valid: float = 50.0
    image_gan: float = 1.0
    video_gan: float = 1.0
    flow: float = 20.0
    warping: float = 20.0


def hole_l1(synthesis: Tensor, truth: Tensor, visible: Tensor) -> Tensor:
    """Mean absolute error over the hidden pixels; 0 without any."""
    return _mean((synthesis - truth).abs(), 1 - visible)


def hole_decibel(synthesis: Tensor, truth: Tensor, visible: Tensor) -> Tensor:
    """Mean squared error over the hidden pixels in dB, mean over the pictures of a batch that hide any.

    An easy picture counts as much as a hard one, and a small hole as much as a large one.
    """
    hidden = 1 - visible
    count = hidden.sum((1, 2, 3)) * synthesis.shape[1]
    error = ((synthesis - truth).square() * hidden).sum((1, 2, 3)) / count.clamp_min(1.0)
    return _mean(10 * torch.log10(error + 1e-5)[:, None], (count > 0).to(error.dtype)[:, None])


def valid_l1(synthesis: Tensor, truth: Tensor, visible: Tensor) -> Tensor:
    """Mean absolute error over the visible pixels of the synthesis, which the composite replaces."""
    return _mean((synthesis - truth).abs(), visible)


def flow_error(flow: Tensor, true_flow: Tensor, truth: Tensor, truth_before: Tensor) -> Tensor:
    """L1 distance to the pseudo ground truth, in cells, which keeps it in proportion, plus the photometric error."""
    photometric = (warp(truth_before, flow)[0] - truth).abs().mean()
    return (flow - true_flow).abs().mean() / STRIDE + photometric


def warping_error(synthesis: Tensor, truth: Tensor, truth_before: Tensor, true_flow: Tensor) -> Tensor:
    """L1 distance between the synthesis and the true previous frame, warped, where nothing comes into view.

    The mask is exp(-50 d^2), d the difference of the true frames along that motion.
    """
    warped, inside = warp(truth_before, true_flow)
    mask = torch.exp(-OCCLUSION * (truth - warped).square().sum(1, keepdim=True)) * inside
    return _mean((synthesis - warped).abs(), mask)


def _mean(error: Tensor, mask: Tensor) -> Tensor:
    return (error * mask).sum() / (mask.sum() * error.shape[1]).clamp_min(1.0)
