"""The network's trained parts, together on one device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, cast

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

    NAMES: ClassVar[tuple[str, ...]] = ("homography", "inpainter", "chooser")

    @classmethod
    def load(cls, device: torch.device) -> Networks:
        """The shipped weights.

        Raises:
            WeightsError: when a file is missing, altered, or of another network.
        """
        # Channels last in memory: convolutions on CPUs take a fifth less.
        parts = [weights.load(name, device=device).to(memory_format=torch.channels_last) for name in cls.NAMES]  # type: ignore[call-overload]
        estimator, inpainter, chooser = parts
        return cls(cast(HomographyEstimator, estimator), cast(Inpainter, inpainter), cast(Chooser, chooser), device)
