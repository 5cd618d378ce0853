"""Ablated modules: stand-ins for parts of the inpainter that an ablation leaves out, or runs as the paper does not.

Shapes are those of the part itself, see `aan_engine.network`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aan_engine.network.align import Aligned
from aan_engine.network.attend import Attention, CellMatches


class NoAttention(Attention):
    """In place of the attention: adds nothing, matches nothing."""

    def forward(self, filled: Tensor, queries: Tensor, features: Tensor, visible: Tensor) -> tuple[Tensor, CellMatches]:
        none = torch.full(filled[:, 0].flatten(1).shape, -1, dtype=torch.long, device=filled.device)
        return filled, CellMatches(none, none, none, torch.zeros_like(filled[:, 0].flatten(1)))


class FullFrameAttention(Attention):
    """The same attention from every cell to every cell of every reference, hidden ones included."""

    @classmethod
    def of(cls, attention: Attention) -> FullFrameAttention:
        """With the sharpness that was learned."""
        replaced = cls()
        replaced.load_state_dict(attention.state_dict())
        return replaced.requires_grad_(False)

    def forward(self, filled: Tensor, queries: Tensor, features: Tensor, visible: Tensor) -> tuple[Tensor, CellMatches]:
        return super().forward(filled, torch.ones_like(queries), features, torch.ones_like(visible))


class NoAlignment(nn.Module):
    """In place of the alignment: references add nothing. The target's hidden cells stay as they were encoded.

    Args:
        queries: whether the attention looks for them in the references all the same.
    """

    def __init__(self, *, queries: bool) -> None:
        super().__init__()
        self.queries = queries

    def forward(
        self, target: Tensor, target_visible: Tensor, features: Tensor, visible: Tensor, homographies: Tensor
    ) -> Aligned:
        """As `Alignment`."""
        b, n, _, h, w = features.shape
        coverage = torch.ones_like(target_visible) if self.queries and n else torch.zeros_like(target_visible)
        return Aligned(target, coverage, target.new_zeros(b, n, h, w), target.new_full((b, n), torch.inf))


class NoDecoder(nn.Module):
    """In place of the decoder: adds nothing to the smooth fill."""

    def forward(self, cells: Tensor, base: Tensor, visible: Tensor) -> Tensor:
        """As `Decoder`."""
        return torch.zeros_like(base)
