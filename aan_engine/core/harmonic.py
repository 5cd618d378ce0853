"""Harmonic fill: known values continued smoothly into a hole, as the solution of Laplace's equation."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aan_engine.core.pooling import downsample2x
from aan_engine.core.types import Array, Mask


def harmonic_fill(values: Array, known: Array) -> Array:
    """(h, w, c) float32, unknown pixels filled; `known` is (h, w), 0 or 1. See `harmonic_fill_batch`."""
    planes = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]
    filled = harmonic_fill_batch(planes, torch.from_numpy(known)[None, None])[0].numpy()
    return np.asarray(filled.transpose(1, 2, 0))


def fill_hidden(grey: Array, hidden: Mask) -> Array:
    """`grey` (h, w) with its hidden pixels filled smoothly from the hole's edge."""
    return np.where(hidden, harmonic_fill(grey[..., None], (~hidden).astype(np.float32))[..., 0], grey)


RELAXED = 12
"""Rounds of relaxation on every level: the error that remains is too small to be seen."""


def harmonic_fill_batch(image: Tensor, visible: Tensor) -> Tensor:
    """The visible pixels, and a smooth surface over the hole: (B, C, H, W), (B, 1, H, W) -> (B, C, H, W).

    Inside the hole the fill is close to harmonic (Laplace's equation, the visible pixels being its border), solved
    from coarse to fine. It is what the decoder starts from; where nothing at all is visible the fill is 0. No gradient
    flows through it.

    Convention: half-resolution pixel (j, i) covers pixels 2 j, 2 j + 1 by 2 i, 2 i + 1; edges are mirrored (no flux).
    """
    with torch.no_grad():
        return _multigrid(torch.where(visible > 0, image, 0.0) * visible, visible)


def span(marked: Tensor, *, margin: int) -> slice:
    """From the first to the last that is marked, not 0, in (n,), and a margin around, as far as there is any.

    Where nothing is marked, the first one counts as if it were.
    """
    found = marked.nonzero().flatten()
    first, last = (int(found[0]), int(found[-1])) if len(found) else (0, 0)
    return slice(max(first - margin, 0), min(last + 1 + margin, len(marked)))


def _multigrid(known: Tensor, visible: Tensor) -> Tensor:
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
    # Two pixels around the hole are enough: the fill depends on nothing further away.
    rows, columns = (span(hidden.any(along), margin=2) for along in (1, 0))
    odd = (0, w % 2, 0, h % 2)
    light, seen = (downsample2x(F.pad(x, odd)) for x in (known, visible))
    # A coarse pixel of which half is visible counts as known.
    coarse = _multigrid(torch.where(seen > 0, light / seen.clamp_min(1e-6), 0.0), (seen > 0).to(seen.dtype))
    share, held = share[..., rows, columns], colour[..., rows, columns] * share[..., rows, columns]
    start = held + _upsampled(coarse, rows, columns) * (1 - share)
    colour[..., rows, columns] = _relaxed(start, held=held, free=0.25 * (1 - share))
    return colour


def _upsampled(coarse: Tensor, rows: slice, columns: slice) -> Tensor:
    """These rows and columns of `coarse` (B, C, h, w) at twice its resolution."""
    # With one more pixel on each side they come out as if the whole picture were upsampled.
    around = [slice(max(s.start // 2 - 1, 0), (s.stop + 1) // 2 + 1) for s in (rows, columns)]
    high = F.interpolate(coarse[..., around[0], around[1]], scale_factor=2, mode="bilinear", align_corners=False)
    y, x = (slice(s.start - 2 * a.start, s.stop - 2 * a.start) for s, a in zip((rows, columns), around, strict=True))
    return high[..., y, x]


def _relaxed(start: Tensor, *, held: Tensor, free: Tensor) -> Tensor:
    """`start` after `RELAXED` Jacobi rounds: each pixel becomes `held` plus `free` times its four neighbours' sum."""
    # In place: at these sizes the time goes into making new pictures, not into adding them up.
    wide = F.pad(start, (1, 1, 1, 1), mode="replicate")
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
