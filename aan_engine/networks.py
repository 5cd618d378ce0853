"""The network's trained parts, together on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import torch

from aan_engine import weights
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
            cast(HomographyEstimator, weights.load("homography", device=device)),
            cast(Inpainter, weights.load("inpainter", device=device)),
            cast(Chooser, weights.load("chooser", device=device)),
            device,
        )
