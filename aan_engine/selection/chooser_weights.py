"""The chooser's weights of a target's candidates: their planes stacked, padded, and put through the network."""

from __future__ import annotations

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from aan_engine.candidates.candidate import CELL, Candidate, HoleRegion
from aan_engine.core.types import Array
from aan_engine.network.bundle import Networks
from aan_engine.network.chooser import candidate_features, candidate_softmax

PLANES = ("image", "valid", "distance", "confidence", "independent_motion")
"""What the chooser is told of a candidate, beside its kind."""


def chooser_weights(networks: Networks, hole: HoleRegion, candidates: list[Candidate], *, image: Array) -> Tensor:
    """The weights (1, K, H, W) of the candidates over the box, padded to multiples of 8.

    Args:
        image: (h, w, 3) log range, the target's whole proxy.
    """
    device = networks.device
    h, w = hole.hidden.shape
    margin = (0, -w % CELL, 0, -h % CELL)

    def stacked(name: str) -> Tensor:
        planes = np.stack([getattr(c, name) for c in candidates]).astype(np.float32)
        tensor = torch.from_numpy(planes).to(device)
        return F.pad(tensor.permute(0, 3, 1, 2)[None] if tensor.dim() == 4 else tensor[None, :, None], margin)

    target = torch.from_numpy(np.ascontiguousarray(image[hole.box.slices])).to(device).permute(2, 0, 1)[None]
    hidden = torch.from_numpy(hole.hidden | hole.unusable).to(device).float()[None, None]
    given = {name: stacked(name) for name in PLANES}
    kind = torch.tensor([[int(c.kind) for c in candidates]], device=device)
    fine, coarse = candidate_features(F.pad(target, margin), F.pad(hidden, margin), kind=kind, **given)
    logits = networks.chooser(fine, coarse, valid=given["valid"], kind=kind)
    return candidate_softmax(logits, given["valid"][:, :, 0])
