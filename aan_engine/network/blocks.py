"""Building blocks that the networks share: the stride-8 encoder, its cells, residual blocks, upsampling, masking.

Convention:
    A *cell* is one position of a stride-8 feature map. Cell (i, j) covers pixels 8 j .. 8 j + 7 by 8 i .. 8 i + 7;
    its centre lies at pixel (x, y) = (8 j + 3.5, 8 i + 3.5), pixel centres at integer coordinates.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aan_engine.core.harmonic import span

STRIDE = 8
"""Pixels to a cell, along each axis."""

WIDTHS = (24, 48, 96)
"""Channels of the encoder at strides 2, 4 and 8."""


class Conv(nn.Sequential):
    """3 x 3 convolution, group normalisation, SiLU: (B, inner, H, W) -> (B, outer, H / stride, W / stride)."""

    def __init__(self, inner: int, outer: int, *, stride: int = 1, dilation: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inner, outer, 3, stride, padding=dilation, dilation=dilation, bias=False),
            nn.GroupNorm(8, outer),
            nn.SiLU(),
        )


class Residual(nn.Module):
    """x + f(x) with two 3 x 3 convolutions, the first one dilated: (B, C, H, W) -> the same shape."""

    def __init__(self, width: int, *, dilation: int = 1) -> None:
        super().__init__()
        self.body = nn.Sequential(
            nn.Conv2d(width, width, 3, padding=dilation, dilation=dilation),
            nn.SiLU(),
            nn.Conv2d(width, width, 3, padding=1),
        )

    def forward(self, x: Tensor) -> Tensor:
        return F.silu(x + self.body(x))


class Encoder(nn.Module):
    """Image and visibility to cells: (B, 3, H, W), (B, 1, H, W) -> (B, c, H / 8, W / 8); H and W multiples of 8.

    The estimator and the inpainter have one each, of this same architecture (arXiv 1905.13066, section 3). Hidden
    pixels are set to zero first: their colour cannot change the result.
    """

    def __init__(self, widths: tuple[int, int, int] = WIDTHS) -> None:
        super().__init__()
        first, second, third = widths
        self.stem = nn.Sequential(nn.Conv2d(4, first, 5, 2, padding=2), nn.SiLU())
        self.quarter = nn.Sequential(Conv(first, second, stride=2), Conv(second, second))
        self.cells = nn.Sequential(
            Conv(second, third, stride=2), Conv(third, third), nn.Conv2d(third, third, 3, padding=1)
        )

    def forward(self, image: Tensor, visible: Tensor) -> Tensor:
        x = torch.cat([torch.where(visible > 0, image, 0.0) * visible, visible], dim=1)
        out: Tensor = self.cells(self.quarter(self.stem(x)))  # (B, 4, H, W) -> (B, c, H / 8, W / 8)
        return out


class Upsample(nn.Sequential):
    """Nearest-neighbour doubling, then a convolution: (B, inner, H, W) -> (B, outer, 2 H, 2 W)."""

    def __init__(self, inner: int, outer: int) -> None:
        super().__init__(nn.Upsample(scale_factor=2, mode="nearest"), nn.Conv2d(inner, outer, 3, padding=1), nn.SiLU())


def visible_cells(visible: Tensor) -> Tensor:
    """Which cells count as visible: those with at least half of their pixels visible.

    Args:
        visible: (B, 1, H, W) in 0..1, 1 where the pixel is visible.

    Returns:
        (B, 1, H / 8, W / 8), exactly 0 or 1.
    """
    return (F.avg_pool2d(visible, STRIDE) >= 0.5).to(visible.dtype)


def cell_window(mask: Tensor, *, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the box of cells around all that is True, in any picture of the batch, grown by a margin.

    Args:
        mask: (B, C, H, W) bool; H and W multiples of 8.
        margin: cells around the box, as far as there are any; at least one cell is left where nothing is True.
    """
    cells = F.max_pool2d(mask.flatten(0, 1).any(0).to(torch.float32)[None, None], STRIDE)[0, 0]
    return span(cells.amax(1), margin=margin), span(cells.amax(0), margin=margin)


def masked_softmax(logits: Tensor, mask: Tensor, dim: int) -> Tensor:
    """Softmax over `dim` in which a masked entry weighs exactly 0; a row without an unmasked entry is all 0.

    This is Eq. 4 of arXiv 1905.13066, corrected: as printed, a hidden cell still gets exp(0) = 1.

    Args:
        logits: any shape.
        mask: broadcastable to `logits`; 0 (or False) hides the entry.
    """
    shown = (mask > 0).expand_as(logits)
    if not logits.shape[dim]:
        return torch.zeros_like(logits)
    safe = logits.masked_fill(~shown, torch.finfo(logits.dtype).min)
    top = safe.amax(dim, keepdim=True).detach()
    weight = torch.where(shown, (safe - top).exp(), torch.zeros_like(logits))
    return weight / weight.sum(dim, keepdim=True).clamp_min(torch.finfo(logits.dtype).tiny)


def surroundings(base: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Mean colour (B, C, H, W) around each pixel, and five times the contrast there (B, 1, H, W).

    Both over about six cells each way, the contrast over visible pixels only: the root mean square difference from the
    mean, at least .02.

    Args:
        base: (B, C, H, W) the target with its hole filled smoothly; H and W multiples of 8.
        visible: (B, 1, H, W), 0 or 1.
    """

    def around(values: Tensor) -> Tensor:
        for _ in range(2):
            values = F.avg_pool2d(values, 7, 1, padding=3, count_include_pad=False)
        return values

    def upsampled(values: Tensor) -> Tensor:
        return F.interpolate(values, scale_factor=STRIDE, mode="bilinear", align_corners=False)

    level = upsampled(around(F.avg_pool2d(base, STRIDE)))
    squares = (base - level).square().mean(1, keepdim=True) * visible
    share = around(F.avg_pool2d(visible, STRIDE))
    variance = around(F.avg_pool2d(squares, STRIDE)) / share.clamp_min(1e-3)
    return level, 5 * upsampled(variance).clamp_min(4e-4).sqrt()
