"""The network's trained parts, together on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch
from torch import nn

from aan_engine.network import weights
from aan_engine.network.chooser import Chooser
from aan_engine.network.homography import HomographyEstimator
from aan_engine.network.inpainter import Inpainter


@dataclass(frozen=True, eq=False)
class Networks:
    """The trained parts on one device; loaded once, used for every shot."""

    estimator: HomographyEstimator
    inpainter: Inpainter
    chooser: Chooser
    device: torch.device

    @classmethod
    def load(cls, device: torch.device) -> Networks:
        """The shipped weights.

        Raises:
            WeightsError: when a file is missing, altered, or of another network.
        """
        return cls(
            cast(HomographyEstimator, _part("homography", device)),
            cast(Inpainter, _part("inpainter", device)),
            cast(Chooser, _part("chooser", device)),
            device,
        )


def _part(name: str, device: torch.device) -> nn.Module:
    """A shipped part, its channels last in memory: convolutions on CPUs take a fifth less time."""
    part: nn.Module = weights.load(name, device=device).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    return part
