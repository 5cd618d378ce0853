"""Pooling: means over small windows, as sums of shifted pictures.

The library's own pooling gives the same and takes five to ten times as long on a processor, where it looks at every
window by itself.
"""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor


def downsample2x(x: Tensor) -> Tensor:
    """(..., h, w) at half the resolution, h and w even: pixel (j, i) is the mean of 2 j, 2 j + 1 by 2 i, 2 i + 1."""
    rows = x[..., ::2, :] + x[..., 1::2, :]
    return (rows[..., ::2] + rows[..., 1::2]) * 0.25


def box_mean(x: Tensor, side: int) -> Tensor:
    """(..., h, w): the mean over side x side around each pixel, side odd; beyond the border everything is 0."""
    h, w = x.shape[-2:]
    reach = side // 2
    wide = F.pad(x, (reach, reach, reach, reach))
    rows = wide[..., :w].clone()
    for shift in range(1, side):
        rows += wide[..., shift : shift + w]
    found = rows[..., :h, :].clone()
    for shift in range(1, side):
        found += rows[..., shift : shift + h, :]
    return found / side**2


def channel_mean(x: Tensor) -> Tensor:
    """(..., 3, h, w) -> (..., h, w)."""
    red, green, blue = x.unbind(-3)
    return (red + green + blue) / 3
