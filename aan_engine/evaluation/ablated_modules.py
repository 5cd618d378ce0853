"""Stand-ins for parts of the inpainter that an ablation leaves out, or has work as the paper advises against.

Shapes are those of the part itself, see `aan_engine.network`.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from aan_engine.network.align import Aligned
from aan_engine.network.attend import Attention, CellMatches


class Inattentive(Attention):
    """Instead of the attention: adds nothing, finds nothing."""

    def forward(self, filled: Tensor, asked: Tensor, features: Tensor, visible: Tensor) -> tuple[Tensor, CellMatches]:
        none = torch.full(filled[:, 0].flatten(1).shape, -1, dtype=torch.long, device=filled.device)
        return filled, CellMatches(none, none, none, torch.zeros_like(filled[:, 0].flatten(1)))


class Entire(Attention):
    """The same attention from every cell to every cell of every reference, hidden ones included."""

    @classmethod
    def of(cls, attention: Attention) -> Entire:
        """With the sharpness that was learned."""
        entire = cls()
        entire.load_state_dict(attention.state_dict())
        return entire.requires_grad_(False)

    def forward(self, filled: Tensor, asked: Tensor, features: Tensor, visible: Tensor) -> tuple[Tensor, CellMatches]:
        return super().forward(filled, torch.ones_like(asked), features, torch.ones_like(visible))


class Unaligned(nn.Module):
    """Instead of the alignment: references lend nothing. The target's hidden cells stay as they were encoded.

    Args:
        asks: whether they are asked for in the references all the same.
    """

    def __init__(self, *, asks: bool) -> None:
        super().__init__()
        self.asks = asks

    def forward(
        self, target: Tensor, target_visible: Tensor, features: Tensor, visible: Tensor, homographies: Tensor
    ) -> Aligned:
        """As `Alignment`."""
        b, n, _, h, w = features.shape
        coverage = torch.ones_like(target_visible) if self.asks and n else torch.zeros_like(target_visible)
        return Aligned(target, coverage, target.new_zeros(b, n, h, w), target.new_full((b, n), torch.inf))


class Unpainted(nn.Module):
    """Instead of the decoder: adds nothing to the smooth continuation of what is visible."""

    def forward(self, cells: Tensor, base: Tensor, visible: Tensor) -> Tensor:
        """As `Decoder`."""
        return torch.zeros_like(base)
