"""The refinement stage: non-local attention from the hole to everything that is visible in any reference.

It knows nothing of motion: what it finds, it finds by likeness alone. It says where it found it.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

AT_ONCE = 4_000_000


@dataclass(frozen=True)
class CellMatches:
    """For each of the h w target cells in row order, the reference cell that it likes best; all (B, h w).

    Args:
        reference: index of the reference, -1 where nothing was asked or nothing is visible.
        y, x: the cell within it, in cells.
        weight: its share of the attention, 0..1; 0 where `reference` is -1.
    """

    reference: Tensor
    y: Tensor
    x: Tensor
    weight: Tensor


class Attention(nn.Module):
    """Non-parametric attention with a learned temperature (arXiv 1905.13066, section 3.2, refinement stage).

    Queries and keys are L2-normalised, so their products lie in -1..1 and a plain softmax over thousands of keys is
    nearly flat: the logits are multiplied by a learned sharpness.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(3.0))

    def forward(self, filled: Tensor, asked: Tensor, features: Tensor, visible: Tensor) -> tuple[Tensor, CellMatches]:
        """Adds to each asked cell what it attends to.

        Args:
            filled: (B, c, h, w), the target with its hole filled by alignment (x_hat in the paper).
            asked: (B, 1, h, w), nonzero at the queries: hidden cells that alignment could fill.
            features: (B, N, c, h, w), keys and values; N may be 0.
            visible: (B, N, 1, h, w); a hidden key weighs exactly 0.

        Returns:
            (B, c, h, w) and the best matches.
        """
        results = [self._one(*given) for given in zip(filled, asked, features, visible, strict=True)]
        added = torch.stack([r[0] for r in results])
        found = [torch.stack([r[1][i] for r in results]) for i in range(4)]
        return filled + added, CellMatches(*found)

    def _one(self, filled: Tensor, asked: Tensor, features: Tensor, visible: Tensor) -> tuple[Tensor, list[Tensor]]:
        """One target, whose queries and keys are picked out before they are compared: hidden keys never take part."""
        c, h, w = filled.shape
        queries = asked.flatten().nonzero().squeeze(1)
        keys = visible.flatten().nonzero().squeeze(1)  # index into N h w
        added = filled.new_zeros(h * w, c)
        best = torch.full((h * w,), -1, dtype=torch.long, device=filled.device)
        weight = filled.new_zeros(h * w)
        if len(queries) and len(keys):
            values = features.permute(0, 2, 3, 1).reshape(-1, c)[keys]  # (K, c)
            likes = F.normalize(values, dim=1)
            asks = F.normalize(filled.flatten(1).mT[queries], dim=1)  # (Q, c)
            scale = self.sharpness.clamp(0.0, 4.5).exp()
            for part in torch.split(torch.arange(len(queries), device=filled.device), max(1, AT_ONCE // len(keys))):
                share = torch.softmax(scale * asks[part] @ likes.mT, dim=1)  # (q, K)
                top, at = share.detach().max(1)
                added = added.index_put((queries[part],), (share @ values).to(added.dtype))
                best[queries[part]] = keys[at]
                weight[queries[part]] = top.to(weight.dtype)
        place = best.clamp_min(0)
        reference = torch.where(best >= 0, place // (h * w), -1)
        return added.mT.reshape(c, h, w), [reference, place % (h * w) // w, place % w, weight]
