"""Building blocks that the pathways share: the stride-8 encoder, its cells, residual blocks and upsampling.

It knows nothing of homographies, references or time.

Convention:
    A *cell* is one position of a stride-8 feature map. Cell (i, j) covers pixels 8 j .. 8 j + 7 by 8 i .. 8 i + 7;
    its centre lies at pixel (x, y) = (8 j + 3.5, 8 i + 3.5), pixel centres at integer coordinates.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from aan_engine.network.pooling import halved

STRIDE = 8
WIDTHS = (24, 48, 96)
RELAXED = 12
"""Rounds of relaxation on every level of the smooth fill: what is left of the error is below what an eye tells."""


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
    pixels enter as zero, so that their colour can never matter.
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


def window(marked: Tensor, *, margin: int) -> tuple[slice, slice]:
    """Rows and columns of the box of cells that holds all that is marked, in any picture of the batch, and a margin.

    Args:
        marked: (B, C, H, W) bool; H and W multiples of 8.
        margin: cells around the box, as far as there are any; at least one cell is left where nothing is marked.
    """
    cells = F.max_pool2d(marked.flatten(0, 1).any(0).to(torch.float32)[None, None], STRIDE)[0, 0]
    return span(cells.amax(1), margin=margin), span(cells.amax(0), margin=margin)


def span(marked: Tensor, *, margin: int) -> slice:
    """From the first to the last that is marked, not 0, in (n,), and a margin around, as far as there is any.

    Where nothing is marked, the first one counts as if it were.
    """
    found = marked.nonzero().flatten()
    first, last = (int(found[0]), int(found[-1])) if len(found) else (0, 0)
    return slice(max(first - margin, 0), min(last + 1 + margin, len(marked)))


def masked_softmax(logits: Tensor, mask: Tensor, dim: int) -> Tensor:
    """Softmax over `dim` in which a masked entry weighs exactly 0; a row with nothing to choose is all 0.

    This is Eq. 4 of the paper as we correct it: printed, a hidden cell still gets exp(0) = 1.

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


def smooth_fill(image: Tensor, visible: Tensor) -> Tensor:
    """The visible pixels, and a membrane stretched over the hole: (B, C, H, W), (B, 1, H, W) -> (B, C, H, W).

    Inside the hole the fill is close to harmonic (Laplace's equation, the visible pixels being its border), solved
    from coarse to fine. It is what the decoder starts from; where nothing at all is visible the fill is 0. No gradient
    flows through it.

    Convention: half-resolution pixel (j, i) covers pixels 2 j, 2 j + 1 by 2 i, 2 i + 1; edges are mirrored (no flux).
    """
    with torch.no_grad():
        return _membrane(torch.where(visible > 0, image, 0.0) * visible, visible)


def _membrane(known: Tensor, visible: Tensor) -> Tensor:
    """One level: the coarser level's fill, relaxed. `known` is premultiplied by `visible`, which may be fractional."""
    share = visible.clamp(0, 1)
    colour = torch.where(visible > 0, known / visible.clamp_min(1e-6), 0.0)
    h, w = known.shape[-2:]
    if min(h, w) < 4:
        mean = known.sum((2, 3), keepdim=True) / visible.sum((2, 3), keepdim=True).clamp_min(1e-6)
        return torch.where(visible > 0, colour * share + mean * (1 - share), mean)
    hidden = (share < 1).flatten(0, 1).any(0)
    if not hidden.any():
        return colour
    # Two around the hole, where the film is fastened: what is further away has no say.
    rows, columns = (span(hidden.any(along), margin=2) for along in (1, 0))
    odd = (0, w % 2, 0, h % 2)
    light, seen = (halved(F.pad(x, odd)) for x in (known, visible))
    # What half a coarse pixel shows is known there as well as anything can be.
    coarse = _membrane(torch.where(seen > 0, light / seen.clamp_min(1e-6), 0.0), (seen > 0).to(seen.dtype))
    share, held = share[..., rows, columns], colour[..., rows, columns] * share[..., rows, columns]
    film = held + _risen(coarse, rows, columns) * (1 - share)
    colour[..., rows, columns] = _relaxed(film, held=held, free=0.25 * (1 - share))
    return colour


def _risen(coarse: Tensor, rows: slice, columns: slice) -> Tensor:
    """These rows and columns of `coarse` (B, C, h, w) at twice its resolution."""
    # With one more on each side they come out as if the whole picture rose.
    around = [slice(max(s.start // 2 - 1, 0), (s.stop + 1) // 2 + 1) for s in (rows, columns)]
    high = F.interpolate(coarse[..., around[0], around[1]], scale_factor=2, mode="bilinear", align_corners=False)
    y, x = (slice(s.start - 2 * a.start, s.stop - 2 * a.start) for s, a in zip((rows, columns), around, strict=True))
    return high[..., y, x]


def _relaxed(film: Tensor, *, held: Tensor, free: Tensor) -> Tensor:
    """`film`, each pixel pulled to `held` plus `free` times the sum of its four neighbours, again and again."""
    # In place: at these sizes the time goes into making new pictures, not into adding them up.
    wide = F.pad(film, (1, 1, 1, 1), mode="replicate")
    fill, around = wide[..., 1:-1, 1:-1], torch.empty_like(held)
    above, below = wide[..., :-2, 1:-1], wide[..., 2:, 1:-1]
    left, right = wide[..., 1:-1, :-2], wide[..., 1:-1, 2:]
    edges = [(wide[..., at, :], wide[..., beside, :]) for at, beside in ((0, 1), (-1, -2))]
    edges += [(wide[..., at], wide[..., beside]) for at, beside in ((0, 1), (-1, -2))]
    for _ in range(RELAXED):
        torch.add(above, below, out=around)
        around.add_(left).add_(right)
        torch.addcmul(held, around, free, out=fill)
        for edge, beside in edges:
            edge.copy_(beside)
    return fill


def surroundings(base: Tensor, visible: Tensor) -> tuple[Tensor, Tensor]:
    """Mean colour (B, C, H, W) around each pixel, and five times the contrast there (B, 1, H, W).

    Both are taken over about six cells each way, the contrast over visible pixels alone: the root mean square
    difference from the mean, at least 0.02. H and W multiples of 8.

    Args:
        base: (B, C, H, W) the smooth fill; visible: (B, 1, H, W).
    """

    def around(values: Tensor) -> Tensor:
        for _ in range(2):
            values = F.avg_pool2d(values, 7, 1, padding=3, count_include_pad=False)
        return values

    def risen(values: Tensor) -> Tensor:
        return F.interpolate(values, scale_factor=STRIDE, mode="bilinear", align_corners=False)

    level = risen(around(F.avg_pool2d(base, STRIDE)))
    apart = (base - level).square().mean(1, keepdim=True) * visible
    share = around(F.avg_pool2d(visible, STRIDE))
    spread = around(F.avg_pool2d(apart, STRIDE)) / share.clamp_min(1e-3)
    return level, 5 * risen(spread).clamp_min(4e-4).sqrt()
