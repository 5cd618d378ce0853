"""Refinement stage: non-local attention from the hole's cells to all visible cells of all references.

Cells are matched by their features alone, without motion. The best match of each cell is returned beside the attended
features, so that the plate can be copied from there.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

LARGEST_PRODUCT = 4_000_000
"""Entries of the query-by-key matrix that are held in memory at a time: 16 MB. Not measured separately."""


@dataclass(frozen=True)
class CellMatches:
    """For each of the h w target cells in row order, the reference cell with the largest attention; all (B, h w).

    Args:
        reference: index of the reference, -1 where the cell is no query or nothing is visible.
        y, x: the cell within it, in cells.
        weight: its attention weight, 0 .. 1; 0 where `reference` is -1.
    """

    reference: Tensor
    y: Tensor
    x: Tensor
    weight: Tensor


class Attention(nn.Module):
    """Non-parametric attention with a learned temperature (arXiv 1905.13066, section 3.2, refinement stage).

    Queries and keys are L2-normalised, so their products lie in -1 .. 1 and a plain softmax over thousands of keys
    would be nearly flat: the logits are multiplied by a learned sharpness.
    """

    def __init__(self) -> None:
        super().__init__()
        self.sharpness = nn.Parameter(torch.tensor(3.0))

    def forward(self, filled: Tensor, queries: Tensor, features: Tensor, visible: Tensor) -> tuple[Tensor, CellMatches]:
        """Adds to each query the attended features.

        Args:
            filled: (B, c, h, w), the target with its hole filled by alignment (x_hat in the paper).
            queries: (B, 1, h, w), nonzero at the query cells: hidden ones that alignment could fill.
            features: (B, N, c, h, w), keys and values; N may be 0.
            visible: (B, N, 1, h, w); a hidden key weighs exactly 0.

        Returns:
            (B, c, h, w) and the best matches.
        """
        results = [self._attend(*given) for given in zip(filled, queries, features, visible, strict=True)]
        attended = torch.stack([r[0] for r in results])
        matches = [torch.stack([r[1][i] for r in results]) for i in range(4)]
        return filled + attended, CellMatches(*matches)

    def _attend(
        self, filled: Tensor, queries: Tensor, features: Tensor, visible: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """One target of the batch; only its queries and the visible keys are gathered and compared."""
        c, h, w = filled.shape
        asking = queries.flatten().nonzero().squeeze(1)
        keys = visible.flatten().nonzero().squeeze(1)  # index into N h w
        attended = filled.new_zeros(h * w, c)
        best = torch.full((h * w,), -1, dtype=torch.long, device=filled.device)
        weight = filled.new_zeros(h * w)
        if len(asking) and len(keys):
            values = features.permute(0, 2, 3, 1).reshape(-1, c)[keys]  # (K, c)
            unit_keys = F.normalize(values, dim=1)
            unit_queries = F.normalize(filled.flatten(1).mT[asking], dim=1)  # (Q, c)
            scale = self.sharpness.clamp(0.0, 4.5).exp()
            at_a_time = max(1, LARGEST_PRODUCT // len(keys))
            for part in torch.split(torch.arange(len(asking), device=filled.device), at_a_time):
                attention = torch.softmax(scale * unit_queries[part] @ unit_keys.mT, dim=1)  # (q, K)
                top, at = attention.detach().max(1)
                attended = attended.index_put((asking[part],), (attention @ values).to(attended.dtype))
                best[asking[part]] = keys[at]
                weight[asking[part]] = top.to(weight.dtype)
        cell = best.clamp_min(0)
        reference = torch.where(best >= 0, cell // (h * w), -1)
        return attended.mT.reshape(c, h, w), [reference, cell % (h * w) // w, cell % w, weight]
